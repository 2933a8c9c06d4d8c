"""The error format of each path: OpenAI, AUTOMATIC1111, JSON-RPC, otherwise problem+json."""

from fastapi.responses import JSONResponse

from .compat import mcp_errors
from .compat.automatic1111 import schemas
from .compat.openai import schemas as openai_shapes
from .problems import Problem, RespondWith

_BY_PREFIX: dict[str, RespondWith] = {
    "/v1": openai_shapes.error_response,
    "/sdapi": schemas.error_response,
    "/mcp": mcp_errors.error_response,
}


def error_response(path: str, problem: Problem) -> JSONResponse:
    """The response for this path, whether or not a route matches it."""
    for prefix, respond in _BY_PREFIX.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return respond(problem)
    return problem.to_response()
