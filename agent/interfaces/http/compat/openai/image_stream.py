"""Streamed pictures: OpenAI's events `image_generation.partial_image` and `image_generation.completed`.

Partial pictures are previews with one pixel per latent.
"""

import base64
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from .....conversation import Turn
from .....interpreters import Usage
from .....turn_execution import token_usage
from .....turn_png import build_turn_png
from ...jobs.event_log import JobEvent
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...urls import Urls
from ..batches import ImageFormat, encode_png, png_size
from .sse import HEARTBEAT, format_data, format_failure, iterate_job_events


def usage_of_images(turns: Sequence[Turn]) -> dict[str, Any]:
    """Tokens that a language model used to interpret the feedback; pictures themselves count no tokens."""
    usage = sum(map(token_usage, turns), Usage())
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": usage.prompt_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": usage.completion_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


class PartialImages:
    """The stream of one job: at most `limit` partial pictures, evenly spaced over its steps, then the final one."""

    def __init__(
        self, job: TurnJob, service: Service, urls: Urls, kind: ImageFormat, limit: int, warnings: Sequence[str] = ()
    ) -> None:
        self._warnings = list(warnings)
        self._job, self._service, self._urls = job, service, urls
        self._kind, self._limit = kind, limit
        self._sent = 0
        self._steps = 0

    async def chunks(self) -> AsyncGenerator[str]:
        """Server-sent events. Errors in the first second are raised; later errors become chunks."""
        async with aclosing(iterate_job_events(self._job, self._service)) as events:
            async for event in events:
                yield await self._format_event(event)

    async def _format_event(self, event: JobEvent | None) -> str:
        if event is None:
            return HEARTBEAT
        if event.name in ("failed", "cancelled"):
            return format_failure(self._job)
        if isinstance(event.data, Turn):
            return await self._completed_event(event.data)
        if event.name == "step" and isinstance(event.data, dict):
            self._steps = event.data["steps"]
        if event.name == "preview" and isinstance(event.data, dict) and self._is_due(event.data["step"]):
            return await self._partial_event(base64.b64decode(event.data["image"].partition(",")[2]))
        return HEARTBEAT

    def _is_due(self, step: int) -> bool:
        """Whether enough steps are done for the next partial picture."""
        return self._sent < self._limit and step * (self._limit + 1) >= self._steps * (self._sent + 1)

    async def _partial_event(self, content: bytes) -> str:
        fields = {**await self._image_fields(content), "partial_image_index": self._sent}
        self._sent += 1
        return _format_sse_event("image_generation.partial_image", fields)

    async def _completed_event(self, turn: Turn) -> str:
        own = {
            "url": self._urls.image(turn.sha256, turn.session, turn.number),
            "revised_prompt": turn.prompt,
            "negative_prompt": turn.negative,
            "reply": turn.reply,
            "session": turn.session,
            "turn": turn.number,
            "warnings": self._warnings,
        }
        content = await self._service.run_in_thread(lambda: build_turn_png(turn, self._service.studio.store.images))
        return _format_sse_event(
            "image_generation.completed", {**await self._image_fields(content), "usage": usage_of_images([turn]), **own}
        )

    async def _image_fields(self, content: bytes) -> dict[str, Any]:
        width, height = png_size(content)
        return {
            "b64_json": await self._service.run_in_thread(lambda: encode_png(content, self._kind)),
            "created_at": int(time.time()),
            "size": f"{width}x{height}",
            "output_format": self._kind,
            "quality": "auto",
            "background": "opaque",
        }


def _format_sse_event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\n{format_data({'type': name, **data})}"
