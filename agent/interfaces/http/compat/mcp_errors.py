"""Errors of `/mcp` before a request is parsed as JSON-RPC; they have no id."""

from fastapi.responses import JSONResponse
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST, ErrorData, JSONRPCError

from ..problems import Problem


def error_response(problem: Problem) -> JSONResponse:
    """A JSON-RPC error with the HTTP status of the problem; `data` is the problem document."""
    code = INTERNAL_ERROR if problem.status >= 500 else INVALID_REQUEST
    error = ErrorData(code=code, message=problem.detail, data=problem.to_json())
    body = JSONRPCError(jsonrpc="2.0", id=None, error=error).model_dump(mode="json", by_alias=True)
    return JSONResponse(body, problem.status, headers=problem.headers)
