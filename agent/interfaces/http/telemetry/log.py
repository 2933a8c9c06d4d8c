"""The log: one JSON object per line with session and turn ids. Prompts and feedback are logged only on request."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import structlog

from ..jobs.job import Job


class Log:
    """Writes to `file`, by default stdout. `words` includes prompts and feedback."""

    def __init__(self, file: TextIO | None = None, *, words: bool = False) -> None:
        self._words = words
        self._logger: Any = structlog.wrap_logger(
            structlog.PrintLogger(file or sys.stdout),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=True),  # escapes all line separators in values
            ],
        )

    def write(self, event: str, **values: Any) -> None:
        """Log an event at level info. Errors of the output are ignored: they must not stop a turn."""
        with suppress(OSError, ValueError):
            self._logger.info(event, **values)

    def record_error(self, error: BaseException, **values: Any) -> None:
        """Log an unexpected error with its traceback."""
        with suppress(OSError, ValueError):
            self._logger.error("unexpected", exc_info=error, **values)

    def record_end(self, job: Job[Any]) -> None:
        """Log the outcome of a turn or a replay, and the traceback of an unexpected error."""
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
    """Forwards records of `logging` to the log, at level warning and above."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a record."""
        self._log.write("server", logger=record.name, message=record.getMessage())


def redirect_logging(log: Log) -> None:
    """Redirect the loggers of uvicorn and asyncio to this log, for the whole process."""
    for name in ("uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_LogHandler(log)], False
