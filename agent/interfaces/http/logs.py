"""The log: a JSON object a line, with the ids of sessions and turns, and without anybody's words unless asked for."""

import logging
import sys
import time
from contextlib import suppress
from typing import Any, TextIO

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .jobs.job import Underway
from .metrics import Metrics
from .problems import RespondTo, problem_of


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


class RequestLog:
    """A line, and a count, for every request: its route as it is declared, never the path or the query as it came.

    What nobody expected ends here: the log tells it, and the client that something went wrong.
    """

    def __init__(self, app: ASGIApp, log: Log, metrics: Metrics, respond: RespondTo) -> None:
        self._app, self._log, self._metrics, self._respond = app, log, metrics, respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and tell how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            self._log.unexpected(error, route=_route(scope))
            if status:
                raise  # the answer is cut off, so that nobody takes it for whole
            await self._respond(scope["path"], problem_of(error))(scope, receive, noted)
        finally:
            self._metrics.answered(_method(scope), _route(scope), status)
            self._log.say(
                "request",
                method=scope["method"],
                route=_route(scope),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
                **{
                    name: str(value)
                    for name, value in Request(scope).path_params.items()
                    if name in ("session", "turn")
                },
            )


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or "unknown"


def _method(scope: Scope) -> str:
    return (
        scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
    )
