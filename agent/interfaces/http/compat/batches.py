"""Requests for several pictures, as new sessions or as turns of one session. Used by both image APIs."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Literal

from fastapi import Request
from PIL import Image

from .....storage import IdempotencyKey
from ....conversation import Turn
from ....edits import Reroll
from ....feedback import Feedback
from ....session_start import SessionOptions
from ....turn_execution import TurnCancelled
from ....turn_png import build_turn_png
from ..auth import Principal
from ..dependencies import until_disconnect
from ..jobs.service import Service
from ..jobs.turn_and_replay_jobs import TurnJob
from .openai.session_reference import SessionReference

ImageFormat = Literal["png", "jpeg", "webp"]
QUALITY = 95
"""Quality of JPEG and WebP, from 0 to 100."""


async def start_batch(
    service: Service, principal: Principal, options: SessionOptions, count: int, receipt: IdempotencyKey | None = None
) -> list[TurnJob]:
    """Start `count` sessions with the same options; the k-th uses the first seed plus k. All are queued, or none.

    Each counts as a request of the key.
    """
    seeds = [None if options.seed is None else options.seed + k for k in range(count)]
    starts = [
        partial(service.start, principal, replace(options, seed=seed), idempotency_key_at(receipt, k))
        for k, seed in enumerate(seeds)
    ]
    return await _start_all(service, principal, starts)


async def continue_batch(
    service: Service,
    principal: Principal,
    place: SessionReference,
    words: str | Feedback,
    count: int,
    receipt: IdempotencyKey | None = None,
) -> list[TurnJob]:
    """The next turn of a session, then `count` - 1 variants of it with other seeds."""
    first = await service.say(principal, place.session, words, receipt, turn=place.turn)
    return await _add_variants(service, principal, first, place.session, count, receipt)


async def start_with_variants(
    service: Service, principal: Principal, options: SessionOptions, count: int, receipt: IdempotencyKey | None = None
) -> list[TurnJob]:
    """Start one session, then add `count` - 1 variants of its first turn with other seeds."""
    first = await service.start(principal, options, receipt)
    return await _add_variants(service, principal, first, first.session, count, receipt)


def idempotency_key_at(receipt: IdempotencyKey | None, index: int) -> IdempotencyKey | None:
    """The idempotency key of the picture at `index`, derived from the `Idempotency-Key` of the request."""
    if receipt is None or index == 0:
        return receipt
    return replace(receipt, key=hashlib.sha256(f"{receipt.key}/{index}".encode()).hexdigest())


async def wait_for_batch(request: Request, jobs: list[TurnJob], *, without: Collection[str] = ()) -> list[Turn]:
    """Wait for all jobs. They are cancelled if the client disconnects or one of them fails.

    Jobs that were cancelled for a reason in `without` are left out of the result.
    """
    with ExitStack() as subscriptions:
        for job in jobs:
            subscriptions.enter_context(job.subscribe())
        return await until_disconnect(request, _wait_for_turns(jobs, without))


def encode_image(turn: Turn, service: Service, kind: ImageFormat) -> str:
    """The picture of a turn as base64. Only PNG includes the metadata."""
    return encode_png(build_turn_png(turn, service.studio.store.images), kind)


def encode_png(content: bytes, kind: ImageFormat) -> str:
    """A PNG as base64 in another format."""
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
            if job.stopped not in without:
                raise
    return turns


async def _add_variants(
    service: Service, principal: Principal, first: TurnJob, session: str, count: int, receipt: IdempotencyKey | None
) -> list[TurnJob]:
    variants = [
        partial(service.edit, principal, session, [Reroll()], idempotency_key_at(receipt, k)) for k in range(1, count)
    ]
    return await _start_all(service, principal, variants, first)


async def _start_all(
    service: Service, principal: Principal, starts: Sequence[Callable[[], Awaitable[TurnJob]]], *started: TurnJob
) -> list[TurnJob]:
    jobs = list(started)
    try:
        for start in starts:
            if jobs:
                service.rate.take(principal)  # the first was counted by the middleware
            jobs.append(await start())
    except BaseException:
        for job in jobs:
            if not job.attendants:  # otherwise an earlier, identical request waits for it
                job.cancel("another picture of the same request was refused")
        raise
    return jobs
