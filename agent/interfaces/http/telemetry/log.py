"""The log: a JSON object a line, with the ids of sessions and turns, and without anybody's words unless asked for."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog

from ..jobs.job import Job


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

    def write(self, event: str, **values: Any) -> None:
        """Something happened."""
        with suppress(OSError, ValueError):  # nobody reads the log any more: that stops no turn
            self._logger.info(event, **values)

    def record_error(self, error: BaseException, **values: Any) -> None:
        """Something happened that should not."""
        with suppress(OSError, ValueError):
            self._logger.error("unexpected", exc_info=error, **values)

    def record_end(self, job: Job[Any]) -> None:
        """A turn or a replay came to its end."""
        phases = {name: round(end - begin, 4) for name, (begin, end) in job.phases.items()}
        words = {"words": job.words} if self._words and job.words else {}
        self.write(
            job.name,
            session=job.session,
            **job.log_fields,
            outcome=job.outcome,
            key=job.owner,
            seconds=round(job.clock.ended - job.clock.submitted, 4),
            phases=phases,
            **words,
        )
        if job.error is not None and job.outcome == "failed" and not job.is_expected:
            self.record_error(job.error, session=job.session, **job.log_fields)


class _LogHandler(logging.Handler):
    """Lets what others log be a line like all others."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._log.write("server", logger=record.name, message=record.getMessage())


def redirect_logging(log: Log) -> None:
    """From now on, let uvicorn and asyncio say what they have to say in this log, in this process."""
    for name in ("uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_LogHandler(log)], False
