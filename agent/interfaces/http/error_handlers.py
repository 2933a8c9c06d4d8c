"""Exception handlers: every error becomes a problem document."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ....errors import NotthatError
from .problems import Problem, RespondTo, to_problem


def install_error_handlers(app: FastAPI, respond: RespondTo) -> None:
    """Let every error that the app knows be answered; `logs.RequestLog` does that for others."""

    from .openapi import allowed_methods  # which needs to know what a problem is

    @app.exception_handler(Problem)
    @app.exception_handler(NotthatError)
    @app.exception_handler(RequestValidationError)
    async def on_known(request: Request, error: Exception) -> JSONResponse:
        problem = to_problem(error)
        if problem.name == "storage":  # of which clients are told no more than that
            request.app.state.telemetry.log.record_error(error, route=getattr(request.scope.get("route"), "path", None))
        return respond(request.scope["path"], problem)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        problem = to_problem(error)
        if error.status_code == 405 and (allowed := allowed_methods(app, request.scope["path"])):
            # Starlette names those of one route, and a path may have several
            problem.headers = {**problem.headers, "Allow": ", ".join(allowed)}
        return respond(request.scope["path"], problem)
