"""A picture that comes piece by piece: OpenAI's `image_generation.partial_image` and `image_generation.completed`.

The partial ones are our previews: small, one pixel for each of the model's latents, and as many as there are.
"""

import base64
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from .....conversation import Turn
from .....interpreters import Usage
from .....turn_execution import usage_of
from .....turn_png import png_of
from ...jobs.event_log import Event
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import Run
from ...urls import Links
from ..batches import ImageFormat, as_text, size_of
from .sse import ALIVE, data, failure, happening


def usage_of_images(turns: Sequence[Turn]) -> dict[str, Any]:
    """What a language model took to read the words of these pictures; nothing is counted for the pictures."""
    taken = sum(map(usage_of, turns), Usage())
    return {
        "input_tokens": taken.prompt_tokens,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": taken.prompt_tokens},
        "output_tokens": taken.completion_tokens,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": taken.completion_tokens},
        "total_tokens": taken.prompt_tokens + taken.completion_tokens,
    }


class Partials:
    """The events of a run, `most` of them partial pictures, evenly over its steps."""

    def __init__(
        self, run: Run, service: Service, links: Links, kind: ImageFormat, most: int, warnings: Sequence[str] = ()
    ) -> None:
        self._warnings = list(warnings)
        self._run, self._service, self._links = run, service, links
        self._kind, self._most = kind, most
        self._sent = 0
        self._steps = 0

    async def chunks(self) -> AsyncGenerator[str]:
        """As server-sent events. What goes wrong in the first second is raised; later errors are chunks."""
        async with aclosing(happening(self._run, self._service)) as events:
            async for event in events:
                yield await self._chunk_of(event)

    async def _chunk_of(self, event: Event | None) -> str:
        if event is None:
            return ALIVE
        if event.name in ("failed", "cancelled"):
            return failure(self._run)
        if isinstance(event.data, Turn):
            return await self._completed(event.data)
        if event.name == "step" and isinstance(event.data, dict):
            self._steps = event.data["steps"]
        if event.name == "preview" and isinstance(event.data, dict) and self._is_due(event.data["step"]):
            return await self._partial(base64.b64decode(event.data["image"].partition(",")[2]))
        return ALIVE

    def _is_due(self, step: int) -> bool:
        """Whether the next partial picture's share of the steps is done, and there is to be one."""
        return self._sent < self._most and step * (self._most + 1) >= self._steps * (self._sent + 1)

    async def _partial(self, content: bytes) -> str:
        told = {**await self._picture(content), "partial_image_index": self._sent}
        self._sent += 1
        return _event("image_generation.partial_image", told)

    async def _completed(self, turn: Turn) -> str:
        own = {
            "url": self._links.image(turn.sha256, turn.session, turn.number),
            "revised_prompt": turn.prompt,
            "negative_prompt": turn.negative,
            "reply": turn.reply,
            "session": turn.session,
            "turn": turn.number,
            "warnings": self._warnings,
        }
        content = await self._service.reading(lambda: png_of(turn, self._service.studio.store.images))
        return _event(
            "image_generation.completed", {**await self._picture(content), "usage": usage_of_images([turn]), **own}
        )

    async def _picture(self, content: bytes) -> dict[str, Any]:
        width, height = size_of(content)
        return {
            "b64_json": await self._service.reading(lambda: as_text(content, self._kind)),
            "created_at": int(time.time()),
            "size": f"{width}x{height}",
            "output_format": self._kind,
            "quality": "auto",
            "background": "opaque",
        }


def _event(name: str, told: dict[str, Any]) -> str:
    return f"event: {name}\n{data({'type': name, **told})}"
