"""The devices that draw, each with a studio whose engines are there and one thread; before them a line that is fair."""

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

_PREVIEWS = 5
"""How many previews a picture has, at most and about."""


@dataclass(frozen=True)
class Device:
    """A studio whose engines are on one device, and the one thread that draws there."""

    studio: Studio
    thread: ThreadPoolExecutor


class DevicePool:
    """Those of a server. `stepped` hears of every step, in the thread that draws."""

    def __init__(self, studios: Iterable[Studio], stepped: OnStep) -> None:
        self._all = [Device(each, ThreadPoolExecutor(1, thread_name_prefix="notthat-draw")) for each in studios]
        self.line: FairQueue[Device] = FairQueue(self._all)
        self._stepped = stepped

    def __len__(self) -> int:
        return len(self._all)

    async def run_on_device(
        self, job: Job[Any], work: Callable[[Studio, Subject, OnStep], Result], subject: Subject
    ) -> Result:
        """Do this for a run on the next device that is free, when it is the turn of its key and session.

        Raises:
            CancelledError: of `recording`, where the run was given up.
        """
        job.check()
        loop = asyncio.get_running_loop()
        async with self.line.device(job.owner, job.session, job.set_queue_position) as device:
            with job.hold_device():
                drawing = partial(work, device.studio, subject, partial(self._on_step, loop, job))
                return await await_uncancellable(loop.run_in_executor(device.thread, drawing))

    def warm_up(self, model: str) -> None:
        """Begin to load a model on all of them."""
        for device in self._all:
            device.studio.warm_up(model)

    def forget_checkpoints(self) -> None:
        """Have all of them forget how pictures began, each after the picture at hand."""
        for device in self._all:
            device.thread.submit(device.studio.forget_checkpoints)

    def has_model(self, model: str) -> bool:
        """Whether it is loaded on all of them."""
        return all(device.studio.find_loaded(model) is not None for device in self._all)

    def close(self) -> None:
        """Let the threads go."""
        for device in self._all:
            device.thread.shutdown(wait=False, cancel_futures=True)

    def _on_step(self, loop: asyncio.AbstractEventLoop, job: Job[Any], progress: Progress) -> None:
        job.check()
        preview = None
        if job.previews and progress.preview is not None and _wants_preview(progress):
            preview = _to_data_url(progress.preview())
        self._stepped(progress)
        loop.call_soon_threadsafe(job.record_step, progress.step, progress.steps, progress.seconds_left, preview)


async def await_uncancellable(future: "asyncio.Future[Result]") -> Result:
    """Wait for what a thread does, which can't be interrupted: whoever cancels meanwhile has left word with the run."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
    return future.result()


def _wants_preview(progress: Progress) -> bool:
    """Whether a step is one of the few that are shown."""
    every = max(1, progress.steps // _PREVIEWS)
    return progress.step < progress.steps and progress.step % every == 0


def _to_data_url(image: "Image") -> str:
    """A small picture as text."""
    file = BytesIO()
    image.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
