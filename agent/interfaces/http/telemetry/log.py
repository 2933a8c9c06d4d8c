"""The log: a JSON object a line, with the ids of sessions and turns, and without anybody's words unless asked for."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog

from ..jobs.job import Underway


class Log:
    """Writes to `file`, by default stdout; with `words`, what people said is in it."""

    def __init__(self, file: TextIO | None = None, *, words: bool = False) -> None:
        self._words = words
        self._logger: Any = structlog.wrap_logger(
            structlog.PrintLogger(file or sys.stdout),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=True),  # so that no line breaks but its own
            ],
        )

    def say(self, event: str, **values: Any) -> None:
        """Something happened."""
        with suppress(OSError, ValueError):  # nobody reads the log any more: that stops no turn
            self._logger.info(event, **values)

    def unexpected(self, error: BaseException, **values: Any) -> None:
        """Something happened that should not."""
        with suppress(OSError, ValueError):
            self._logger.error("unexpected", exc_info=error, **values)

    def ended(self, run: Underway[Any]) -> None:
        """A turn or a replay came to its end."""
        phases = {name: round(end - begin, 4) for name, (begin, end) in run.phases.items()}
        words = {"words": run.words} if self._words and run.words else {}
        self.say(
            run.name,
            session=run.session,
            **run.told,
            outcome=run.outcome,
            key=run.owner,
            seconds=round(run.clock.ended - run.clock.asked, 4),
            phases=phases,
            **words,
        )
        if run.error is not None and run.outcome == "failed" and not run.is_expected:
            self.unexpected(run.error, session=run.session, **run.told)


class _Told(logging.Handler):
    """Lets what others log be a line like all others."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._log.say("server", logger=record.name, message=record.getMessage())


def take_over(log: Log) -> None:
    """From now on, let uvicorn and asyncio say what they have to say in this log, in this process."""
    for name in ("uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_Told(log)], False
