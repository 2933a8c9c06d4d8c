"""Exception handlers: every error becomes a problem document."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ....errors import NotthatError
from .problems import Problem, RespondTo, to_problem


def install_error_handlers(app: FastAPI, respond: RespondTo) -> None:
    """Answer expected errors with a problem document; `middleware.request_log` answers unexpected ones."""

    from .openapi import allowed_methods  # avoids an import cycle

    @app.exception_handler(Problem)
    @app.exception_handler(NotthatError)
    @app.exception_handler(RequestValidationError)
    async def on_known(request: Request, error: Exception) -> JSONResponse:
        problem = to_problem(error)
        if problem.name == "storage":  # the client gets no details, so they are logged
            request.app.state.telemetry.log.record_error(error, route=getattr(request.scope.get("route"), "path", None))
        return respond(request.scope["path"], problem)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        problem = to_problem(error)
        if error.status_code == 405 and (allowed := allowed_methods(app, request.scope["path"])):
            # Starlette lists the methods of one route; a path may have several routes
            problem.headers = {**problem.headers, "Allow": ", ".join(allowed)}
        return respond(request.scope["path"], problem)
