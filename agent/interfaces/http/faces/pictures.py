"""What the faces for one-shot clients share: so many pictures, each the first of a session, or all of one session."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Literal

from fastapi import Request
from PIL import Image

from .....storage import Receipt
from ....beginning import Beginning
from ....conversation import Turn
from ....edits import Reroll
from ....turn_png import png_of
from ..asking import unless_gone
from ..callers import Caller
from ..runs import Run
from ..service import Service

ImageFormat = Literal["png", "jpeg", "webp"]


async def begun(
    service: Service, caller: Caller, beginning: Beginning, count: int, receipt: Receipt | None = None
) -> list[Run]:
    """`count` sessions that begin alike, the k-th from the first one's seed plus k; all are asked for, or none.

    Each counts as a request of the key's.
    """
    seeds = [None if beginning.seed is None else beginning.seed + k for k in range(count)]
    once = receipt if count == 1 else None
    asked = [partial(service.start, caller, replace(beginning, seed=seed), once) for seed in seeds]
    return await _all(service, caller, asked)


async def gone_on(
    service: Service, caller: Caller, session: str, words: str, count: int, receipt: Receipt | None = None
) -> list[Run]:
    """The session's next picture, and more of the same from other seeds, `count` in all."""
    first = partial(service.say, caller, session, words, receipt if count == 1 else None)
    more = partial(service.edit, caller, session, [Reroll()])
    return await _all(service, caller, [first, *[more] * (count - 1)])


async def drawn(request: Request, runs: list[Run]) -> list[Turn]:
    """Wait for all of them as long as the client does; where one fails, the others are given up."""
    with ExitStack() as attending:
        for run in runs:
            attending.enter_context(run.attended())
        return await unless_gone(request, _turns(runs))


def encoded(turn: Turn, service: Service, kind: ImageFormat) -> str:
    """A turn's picture as base64: a PNG with its text, or in another format without."""
    return as_text(png_of(turn, service.studio.store.images), kind)


def as_text(content: bytes, kind: ImageFormat) -> str:
    """The same of a PNG's content."""
    if kind != "png":
        file = BytesIO()
        with Image.open(BytesIO(content)) as image:
            image.convert("RGB").save(file, kind.upper(), quality=95)
        content = file.getvalue()
    return base64.b64encode(content).decode()


def size_of(content: bytes) -> tuple[int, int]:
    """The width and height of a PNG, in pixels."""
    with Image.open(BytesIO(content)) as image:
        return image.size


async def _turns(runs: list[Run]) -> list[Turn]:
    return [await run.result() for run in runs]


async def _all(service: Service, caller: Caller, asked: Sequence[Callable[[], Awaitable[Run]]]) -> list[Run]:
    runs: list[Run] = []
    try:
        for ask in asked:
            if runs:
                service.rate.take(caller)  # the first was counted when the request came
            runs.append(await ask())
    except BaseException:
        for run in runs:
            run.cancel("another picture of the same request was refused")
        raise
    return runs
