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
from ....session_start import Beginning
from ....turn_execution import CancelledError
from ....turn_png import png_of
from ..auth import Caller
from ..dependencies import unless_gone
from ..jobs.service import Service
from ..jobs.turn_and_replay_jobs import Run
from .openai.session_reference import Place

ImageFormat = Literal["png", "jpeg", "webp"]
QUALITY = 95
"""Of JPEG and WebP, from 0 to 100."""


async def begun(
    service: Service, caller: Caller, beginning: Beginning, count: int, receipt: IdempotencyKey | None = None
) -> list[Run]:
    """`count` sessions that begin alike, the k-th from the first one's seed plus k; all are asked for, or none.

    Each counts as a request of the key's.
    """
    seeds = [None if beginning.seed is None else beginning.seed + k for k in range(count)]
    asked = [
        partial(service.start, caller, replace(beginning, seed=seed), receipt_of(receipt, k))
        for k, seed in enumerate(seeds)
    ]
    return await _all(service, caller, asked)


async def gone_on(
    service: Service,
    caller: Caller,
    place: Place,
    words: str | Feedback,
    count: int,
    receipt: IdempotencyKey | None = None,
) -> list[Run]:
    """The session's next picture, and more of the same from other seeds, `count` in all."""
    first = await service.say(caller, place.session, words, receipt, turn=place.turn)
    return await _and_more(service, caller, first, place.session, count, receipt)


async def begun_once(
    service: Service, caller: Caller, beginning: Beginning, count: int, receipt: IdempotencyKey | None = None
) -> list[Run]:
    """One session's first picture, and more of the same from other seeds, `count` in all."""
    first = await service.start(caller, beginning, receipt)
    return await _and_more(service, caller, first, first.session, count, receipt)


def receipt_of(receipt: IdempotencyKey | None, index: int) -> IdempotencyKey | None:
    """That of one of a request's pictures: one `Idempotency-Key` names each of them."""
    if receipt is None or index == 0:
        return receipt
    return replace(receipt, key=hashlib.sha256(f"{receipt.key}/{index}".encode()).hexdigest())


async def drawn(request: Request, runs: list[Run], *, without: Collection[str] = ()) -> list[Turn]:
    """Wait for all of them as long as the client does; where one fails, the others are given up.

    Those that are given up for one of the reasons in `without` are left out.
    """
    with ExitStack() as attending:
        for run in runs:
            attending.enter_context(run.attended())
        return await unless_gone(request, _turns(runs, without))


def encoded(turn: Turn, service: Service, kind: ImageFormat) -> str:
    """A turn's picture as base64: a PNG with its text, or in another format without."""
    return as_text(png_of(turn, service.studio.store.images), kind)


def as_text(content: bytes, kind: ImageFormat) -> str:
    """The same of a PNG's content."""
    if kind != "png":
        file = BytesIO()
        with Image.open(BytesIO(content)) as image:
            image.convert("RGB").save(file, kind.upper(), quality=QUALITY)
        content = file.getvalue()
    return base64.b64encode(content).decode()


def size_of(content: bytes) -> tuple[int, int]:
    """The width and height of a PNG, in pixels."""
    with Image.open(BytesIO(content)) as image:
        return image.size


async def _turns(runs: list[Run], without: Collection[str]) -> list[Turn]:
    turns = []
    for run in runs:
        try:
            turns.append(await run.result())
        except CancelledError:
            if run.stopped not in without:
                raise
    return turns


async def _and_more(
    service: Service, caller: Caller, first: Run, session: str, count: int, receipt: IdempotencyKey | None
) -> list[Run]:
    more = [partial(service.edit, caller, session, [Reroll()], receipt_of(receipt, k)) for k in range(1, count)]
    return await _all(service, caller, more, first)


async def _all(
    service: Service, caller: Caller, asked: Sequence[Callable[[], Awaitable[Run]]], *already: Run
) -> list[Run]:
    runs = list(already)
    try:
        for ask in asked:
            if runs:
                service.rate.take(caller)  # the first was counted when the request came
            runs.append(await ask())
    except BaseException:
        for run in runs:
            if not run.attendants:  # else the same request was made before, and is waited for
                run.cancel("another picture of the same request was refused")
        raise
    return runs
