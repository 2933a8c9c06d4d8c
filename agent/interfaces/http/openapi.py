"""Additions to FastAPI's OpenAPI document, and the allowed methods of a path."""

import re
from functools import cache
from typing import Any

from fastapi import FastAPI
from starlette.routing import compile_path

from .middleware.head_requests import has_head
from .problems import ProblemResponse


def complete_openapi(app: FastAPI) -> None:
    """Add the schema of problems, and mark the discriminator `op` of edits as required."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        parts: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
        parts.setdefault("ProblemResponse", ProblemResponse.model_json_schema())
        for part in parts.values():
            if "const" in part.get("properties", {}).get("op", {}):
                part["required"] = sorted({"op", *part.get("required", ())})
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods of all routes that match a path."""
    matching = (methods for pattern, methods in _route_patterns(app) if pattern.fullmatch(path))
    found = {method for methods in matching for method in methods}
    return sorted(found | {"HEAD"} if "GET" in found and has_head(path) else found)


@cache
def _route_patterns(app: FastAPI) -> list[tuple[re.Pattern[str], list[str]]]:
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [(compile_path(path)[0], [method.upper() for method in operations]) for path, operations in paths.items()]
