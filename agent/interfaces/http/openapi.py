"""What FastAPI's OpenAPI document leaves out, and what of it is needed to answer."""

import re
from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.routing import compile_path

from .middleware.head_requests import has_head
from .problems import ProblemResponse


def complete_openapi(app: FastAPI) -> None:
    """Tell what a problem looks like, and that an edit is told by its `op`."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        parts: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
        parts.setdefault("ProblemResponse", ProblemResponse.model_json_schema())
        for part in parts.values():
            if "const" in part.get("properties", {}).get("op", {}):
                part["required"] = sorted({"op", *part.get("required", ())})
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods that a path may be asked with, over all routes that it fits."""
    fitting = (methods for pattern, methods in _route_patterns(app) if pattern.fullmatch(path))
    found = {method for methods in fitting for method in methods}
    return sorted(found | {"HEAD"} if "GET" in found and has_head(path) else found)


@cache
def _route_patterns(app: FastAPI) -> list[tuple[re.Pattern[str], list[str]]]:
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [(compile_path(path)[0], [method.upper() for method in operations]) for path, operations in paths.items()]
