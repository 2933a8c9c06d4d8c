"""Requests for several pictures, as new sessions or as turns of one session. Used by both image APIs."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Literal

from PIL import Image

from .....storage import IdempotencyKey
from ....conversation import Turn
from ....edits import Reroll
from ....feedback import Feedback
from ....session_start import SessionOptions
from ....turn_execution import TurnCancelled
from ..dependencies import RequestContext
from ..jobs.service import Service
from ..jobs.turn_and_replay_jobs import TurnJob
from .openai.session_reference import SessionReference

ImageFormat = Literal["png", "jpeg", "webp"]
QUALITY = 95
"""Quality of JPEG and WebP, from 0 to 100."""


async def start_batch(context: RequestContext, options: SessionOptions, count: int) -> list[TurnJob]:
    """Start `count` sessions with consecutive seeds. If one is refused, the others are cancelled.

    Each session counts as a request of the key.
    """
    seeds = [None if options.seed is None else options.seed + k for k in range(count)]
    starts = [
        partial(
            context.service.start,
            context.principal,
            replace(options, seed=seed),
            derive_idempotency_key(context.idempotency_key, k),
        )
        for k, seed in enumerate(seeds)
    ]
    return await _start_all(context, starts)


async def continue_batch(
    context: RequestContext, place: SessionReference, words: str | Feedback, count: int
) -> list[TurnJob]:
    """Give feedback on a session, and reroll the result, for `count` pictures in total."""
    first = await context.service.say(context.principal, place.session, words, context.idempotency_key, turn=place.turn)
    return await _add_rerolls(context, first, place.session, count)


async def start_session_batch(context: RequestContext, options: SessionOptions, count: int) -> list[TurnJob]:
    """Start one session, and reroll its picture, for `count` pictures in total."""
    first = await context.service.start(context.principal, options, context.idempotency_key)
    return await _add_rerolls(context, first, first.session, count)


def derive_idempotency_key(idempotency_key: IdempotencyKey | None, index: int) -> IdempotencyKey | None:
    """The idempotency key for picture `index` of a request."""
    if idempotency_key is None or index == 0:
        return idempotency_key
    return replace(idempotency_key, key=hashlib.sha256(f"{idempotency_key.key}/{index}".encode()).hexdigest())


async def wait_for_batch(context: RequestContext, jobs: list[TurnJob], *, without: Collection[str] = ()) -> list[Turn]:
    """Wait for all jobs or until the client disconnects. If a job fails, the others are cancelled.

    Jobs cancelled for a reason in `without` are left out of the result.
    """
    with ExitStack() as subscriptions:
        for job in jobs:
            subscriptions.enter_context(job.subscribe())
        return await context.run_until_disconnect(_wait_for_turns(jobs, without))


async def encode_image(turn: Turn, service: Service, kind: ImageFormat) -> str:
    """The picture of a turn in base64. Only a PNG has metadata."""
    content = await service.images.load_turn_png(turn)
    return await service.run_in_thread(partial(encode_png, content, kind))


def encode_png(content: bytes, kind: ImageFormat) -> str:
    """Convert a PNG to another format, in base64."""
    if kind != "png":
        file = BytesIO()
        with Image.open(BytesIO(content)) as image:
            image.convert("RGB").save(file, kind.upper(), quality=QUALITY)
        content = file.getvalue()
    return base64.b64encode(content).decode()


def png_size(content: bytes) -> tuple[int, int]:
    """The width and height of a PNG, in pixels."""
    with Image.open(BytesIO(content)) as image:
        return image.size


async def _wait_for_turns(jobs: list[TurnJob], without: Collection[str]) -> list[Turn]:
    turns = []
    for job in jobs:
        try:
            turns.append(await job.result())
        except TurnCancelled:
            if job.cancel_reason not in without:
                raise
    return turns


async def _add_rerolls(context: RequestContext, first: TurnJob, session: str, count: int) -> list[TurnJob]:
    rerolls = [
        partial(
            context.service.edit,
            context.principal,
            session,
            [Reroll()],
            derive_idempotency_key(context.idempotency_key, k),
            keep_question=True,  # if the first turn asks, the others ask too
        )
        for k in range(1, count)
    ]
    return await _start_all(context, rerolls, first)


async def _start_all(
    context: RequestContext, starts: Sequence[Callable[[], Awaitable[TurnJob]]], *started: TurnJob
) -> list[TurnJob]:
    jobs = list(started)
    try:
        for start in starts:
            if jobs:
                # the HTTP request itself counts for the first job
                await context.service.count_request(context.principal)
            jobs.append(await start())
    except BaseException:
        for job in jobs:
            if not job.subscribers:  # else an earlier request with the same idempotency key waits for it
                job.cancel("another picture of the same request was refused")
        raise
    return jobs
