"""Runs a pipeline of diffusers in a thread, and stops it after each step."""

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class PipelineStep:
    """A finished step: `index` of `total`, counted from 1, the latents before it, and the guided prediction.

    A pipeline that starts from a picture skips the steps up to `first`.
    """

    index: int
    total: int
    latents: Tensor
    prediction: Tensor
    first: int = 0


class _Cancelled(BaseException):
    """Ends the call; no `Exception`, so that no pipeline catches it."""


class PipelineRun:
    """A call of a pipeline that waits after each step until the next one is asked for.

    A step is a call of the pipeline's scheduler. All pipelines call it once a step, while their own callbacks differ
    (`callback_on_step_end`, `callback`, none), and do not show the prediction. The scheduler must be used by this run
    alone.
    """

    def __init__(self, call: Callable[[], Any], scheduler: Any) -> None:
        self.result: Any = None
        self._call = call
        self._scheduler = scheduler
        self._done = self._first = 0
        self._reports: SimpleQueue[PipelineStep | BaseException | None] = SimpleQueue()
        self._answers: SimpleQueue[bool] = SimpleQueue()
        self._observe(scheduler)

    def steps(self) -> Generator[PipelineStep]:
        """The steps, then `result` has what the pipeline returned. Closing the generator cancels the call.

        Raises:
            Exception: what the pipeline raised.
        """
        thread = threading.Thread(target=self._work, name="pipeline", daemon=True)
        thread.start()
        try:
            while isinstance(report := self._reports.get(), PipelineStep):
                yield report
                self._answers.put(True)
        finally:
            self._answers.put(False)
            thread.join()
        if report is not None:
            raise report

    def _work(self) -> None:
        try:
            self.result = self._call()
            self._reports.put(None)
        except BaseException as error:
            self._reports.put(error)

    def _observe(self, scheduler: Any) -> None:
        step = scheduler.step
        signature = inspect.signature(step)

        @functools.wraps(step)  # pipelines look at its parameters
        def observed(*args: Any, **options: Any) -> Any:
            given = signature.bind(*args, **options).arguments
            latents, prediction = given["sample"], given["model_output"]
            if not self._done:
                self._done = self._first = _begin_index(scheduler, given.get("timestep"))
            found = step(*args, **options)
            self._done += 1
            total = len(scheduler.timesteps)
            self._reports.put(PipelineStep(self._done, total, latents, prediction, self._first))
            if not self._answers.get():
                raise _Cancelled
            return found

        scheduler.step = observed


def _begin_index(scheduler: Any, timestep: Any) -> int:
    """How many timesteps come before the first one that is run."""
    begin = getattr(scheduler, "begin_index", None)
    if begin is not None or timestep is None:
        return begin or 0
    found = (scheduler.timesteps == timestep).nonzero()
    return int(found[0]) if len(found) else 0
