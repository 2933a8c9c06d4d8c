"""The devices that draw: each has a studio with its engines and one thread. A fair queue assigns them."""

import asyncio
import base64
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

from .....generation import Progress
from ....studio import OnStep, Studio
from .fair_queue import FairQueue
from .job import Job

if TYPE_CHECKING:
    from PIL.Image import Image

Subject = TypeVar("Subject")
Result = TypeVar("Result")

_MAX_PREVIEWS = 5
"""About how many previews a picture has, at most."""


@dataclass(frozen=True)
class Device:
    """A studio with its engines on one device, and the thread that draws there."""

    studio: Studio
    thread: ThreadPoolExecutor


class DevicePool:
    """The devices of a server. `on_step` is called after every step, in the thread that draws."""

    def __init__(self, studios: Iterable[Studio], on_step: OnStep) -> None:
        self._devices = [Device(studio, ThreadPoolExecutor(1, thread_name_prefix="notthat-draw")) for studio in studios]
        self.queue: FairQueue[Device] = FairQueue(self._devices)
        self._report_step = on_step

    def __len__(self) -> int:
        return len(self._devices)

    async def run_on_device(
        self, job: Job[Any], work: Callable[[Studio, Subject, OnStep], Result], subject: Subject
    ) -> Result:
        """Wait for a device, by the fair queue's order, and do the work in its thread.

        Raises:
            CancelledError: where the job was cancelled while it waited.
            TurnCancelled: where it was cancelled before, or while it was drawn.
        """
        job.raise_if_cancelled()
        loop = asyncio.get_running_loop()
        async with self.queue.acquire(job.owner, job.session, job.set_queue_position) as device:
            with job.hold_device():
                draw = partial(work, device.studio, subject, partial(self._on_step, loop, job))
                return await await_uncancellable(loop.run_in_executor(device.thread, draw))

    def warm_up(self, model: str) -> None:
        """Begin to load a model on all devices."""
        for device in self._devices:
            device.studio.warm_up(model)

    def forget_checkpoints(self) -> None:
        """Drop the checkpoints of all devices, each after its current picture."""
        for device in self._devices:
            device.thread.submit(device.studio.forget_checkpoints)

    def has_model(self, model: str) -> bool:
        """Whether a model is loaded on all devices."""
        return all(device.studio.find_loaded(model) is not None for device in self._devices)

    def close(self) -> None:
        """Stop the threads without waiting."""
        for device in self._devices:
            device.thread.shutdown(wait=False, cancel_futures=True)

    def _on_step(self, loop: asyncio.AbstractEventLoop, job: Job[Any], progress: Progress) -> None:
        job.raise_if_cancelled()
        preview = None
        if job.has_previews and progress.preview is not None and _wants_preview(progress):
            preview = _to_data_url(progress.preview())
        self._report_step(progress)
        loop.call_soon_threadsafe(job.record_step, progress.step, progress.steps, progress.seconds_left, preview)


async def await_uncancellable(future: "asyncio.Future[Result]") -> Result:
    """Wait for work in a thread, which can't be interrupted; a cancelled job keeps its `cancel_reason`."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
    return future.result()


def _wants_preview(progress: Progress) -> bool:
    every = max(1, progress.steps // _MAX_PREVIEWS)
    return progress.step < progress.steps and progress.step % every == 0


def _to_data_url(image: "Image") -> str:
    file = BytesIO()
    image.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
