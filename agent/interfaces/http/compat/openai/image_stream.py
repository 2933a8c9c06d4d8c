"""Streamed pictures: OpenAI's events `image_generation.partial_image` and `image_generation.completed`.

Of an edit, they are `image_edit.partial_image` and `image_edit.completed`.

The partial images are our previews: small, one pixel for each of the model's latents.
"""

import base64
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from sse_starlette.event import ServerSentEvent

from .....conversation import Turn
from .....interpreters import Usage
from .....turn_execution import token_usage
from ...jobs.event_log import JobEvent
from ...jobs.service import Service
from ...jobs.turn_and_replay_jobs import TurnJob
from ...sse import HEARTBEAT, build_json_event
from ...urls import Urls
from ..batches import ImageFormat, encode_png, png_size
from .sse import error_event, iterate_job_events


def usage_of_images(turns: Sequence[Turn]) -> dict[str, Any]:
    """The tokens that a language model used to interpret the prompts; pictures use none."""
    usage = sum(map(token_usage, turns), Usage())
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": usage.prompt_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": usage.completion_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


class PartialImages:
    """The events of a job, with at most `max_partials` partial pictures, spread evenly over its steps."""

    def __init__(
        self,
        job: TurnJob,
        service: Service,
        urls: Urls,
        image_format: ImageFormat,
        max_partials: int,
        warnings: Sequence[str] = (),
        event: str = "image_generation",
    ) -> None:
        self._event = event
        self._warnings = list(warnings)
        self._job, self._service, self._urls = job, service, urls
        self._format, self._max_partials = image_format, max_partials
        self._sent = 0
        self._steps = 0

    async def chunks(self) -> AsyncGenerator[ServerSentEvent]:
        """Yield the events. An error in the first second is raised; later ones are events."""
        async with aclosing(iterate_job_events(self._job, self._service)) as events:
            async for event in events:
                yield await self._to_sse(event)

    async def _to_sse(self, event: JobEvent | None) -> ServerSentEvent:
        if event is None:
            return HEARTBEAT
        if event.name in ("failed", "cancelled"):
            return error_event(self._job)
        if isinstance(event.data, Turn):
            return await self._completed_event(event.data)
        if event.name == "step" and isinstance(event.data, dict):
            self._steps = event.data["steps"]
        if event.name == "preview" and isinstance(event.data, dict) and self._is_due(event.data["step"]):
            return await self._partial_event(base64.b64decode(event.data["image"].partition(",")[2]))
        return HEARTBEAT

    def _is_due(self, step: int) -> bool:
        """Whether there is a next partial picture and its share of the steps is done."""
        return self._sent < self._max_partials and step * (self._max_partials + 1) >= self._steps * (self._sent + 1)

    async def _partial_event(self, content: bytes) -> ServerSentEvent:
        data = {**await self._image_fields(content), "partial_image_index": self._sent}
        self._sent += 1
        return _typed_event(f"{self._event}.partial_image", data)

    async def _completed_event(self, turn: Turn) -> ServerSentEvent:
        own_fields = {
            "url": self._urls.image(turn.sha256, turn.session, turn.number),
            "revised_prompt": turn.prompt,
            "negative_prompt": turn.negative,
            "reply": turn.reply,
            "session": turn.session,
            "turn": turn.number,
            "warnings": self._warnings,
        }
        fields = await self._image_fields(await self._service.images.load_turn_png(turn))
        return _typed_event(f"{self._event}.completed", {**fields, "usage": usage_of_images([turn]), **own_fields})

    async def _image_fields(self, content: bytes) -> dict[str, Any]:
        width, height = png_size(content)
        return {
            "b64_json": await self._service.run_in_thread(lambda: encode_png(content, self._format)),
            "created_at": int(time.time()),
            "size": f"{width}x{height}",
            "output_format": self._format,
            "quality": "auto",
            "background": "opaque",
        }


def _typed_event(name: str, data: dict[str, Any]) -> ServerSentEvent:
    return build_json_event({"type": name, **data}, name=name)
