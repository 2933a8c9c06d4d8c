"""What the faces for one-shot clients share: so many pictures, each the first of a session, or all of one session."""

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
"""Of JPEG and WebP, from 0 to 100."""


async def start_batch(
    service: Service, principal: Principal, options: SessionOptions, count: int, receipt: IdempotencyKey | None = None
) -> list[TurnJob]:
    """`count` sessions that begin alike, the k-th from the first one's seed plus k; all are asked for, or none.

    Each counts as a request of the key's.
    """
    seeds = [None if options.seed is None else options.seed + k for k in range(count)]
    asked = [
        partial(service.start, principal, replace(options, seed=seed), receipt_of(receipt, k))
        for k, seed in enumerate(seeds)
    ]
    return await _start_all(service, principal, asked)


async def continue_batch(
    service: Service,
    principal: Principal,
    place: SessionReference,
    words: str | Feedback,
    count: int,
    receipt: IdempotencyKey | None = None,
) -> list[TurnJob]:
    """The session's next picture, and more of the same from other seeds, `count` in all."""
    first = await service.say(principal, place.session, words, receipt, turn=place.turn)
    return await _and_more(service, principal, first, place.session, count, receipt)


async def begun_once(
    service: Service, principal: Principal, options: SessionOptions, count: int, receipt: IdempotencyKey | None = None
) -> list[TurnJob]:
    """One session's first picture, and more of the same from other seeds, `count` in all."""
    first = await service.start(principal, options, receipt)
    return await _and_more(service, principal, first, first.session, count, receipt)


def receipt_of(receipt: IdempotencyKey | None, index: int) -> IdempotencyKey | None:
    """That of one of a request's pictures: one `Idempotency-Key` names each of them."""
    if receipt is None or index == 0:
        return receipt
    return replace(receipt, key=hashlib.sha256(f"{receipt.key}/{index}".encode()).hexdigest())


async def wait_for_batch(request: Request, jobs: list[TurnJob], *, without: Collection[str] = ()) -> list[Turn]:
    """Wait for all of them as long as the client does; where one fails, the others are given up.

    Those that are given up for one of the reasons in `without` are left out.
    """
    with ExitStack() as attending:
        for run in jobs:
            attending.enter_context(run.subscribe())
        return await until_disconnect(request, _wait_for_turns(jobs, without))


def encode_image(turn: Turn, service: Service, kind: ImageFormat) -> str:
    """A turn's picture as base64: a PNG with its text, or in another format without."""
    return encode_png(build_turn_png(turn, service.studio.store.images), kind)


def encode_png(content: bytes, kind: ImageFormat) -> str:
    """The same of a PNG's content."""
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
    for run in jobs:
        try:
            turns.append(await run.result())
        except TurnCancelled:
            if run.stopped not in without:
                raise
    return turns


async def _and_more(
    service: Service, principal: Principal, first: TurnJob, session: str, count: int, receipt: IdempotencyKey | None
) -> list[TurnJob]:
    more = [partial(service.edit, principal, session, [Reroll()], receipt_of(receipt, k)) for k in range(1, count)]
    return await _start_all(service, principal, more, first)


async def _start_all(
    service: Service, principal: Principal, starts: Sequence[Callable[[], Awaitable[TurnJob]]], *already: TurnJob
) -> list[TurnJob]:
    runs = list(already)
    try:
        for ask in starts:
            if runs:
                service.rate.take(principal)  # the first was counted when the request came
            runs.append(await ask())
    except BaseException:
        for run in runs:
            if not run.attendants:  # else the same request was made before, and is waited for
                run.cancel("another picture of the same request was refused")
        raise
    return runs
