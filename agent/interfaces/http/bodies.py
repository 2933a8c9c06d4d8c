"""Request bodies that are JSON or a form with files (`multipart/form-data`), for one Pydantic model."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from .problems import Problem

Model = TypeVar("Model", bound=BaseModel)

FORM = "multipart/form-data"
_LARGE = 64 << 10
"""Bodies with more bytes are parsed in a thread, or one such piece at a time."""
_MOST_PARTS = 64
"""Of a form."""
_parser = ThreadPoolExecutor(1, thread_name_prefix="notthat-parse")
"""One thread: parsing holds the GIL, and several parsers would delay the event loop for longer."""


async def read_json(body: bytes) -> Any:
    """Like `json.loads`; a large body is parsed in a thread, and about four times as fast."""
    if len(body) <= _LARGE:
        return json.loads(body)
    return await asyncio.get_running_loop().run_in_executor(_parser, _parse, body)


async def read_body(request: Request, model: type[Model]) -> tuple[Model, dict[str, list[bytes]]]:
    """The fields of a request as a model, and the files of its form by field; JSON has no files.

    `image[]` counts as `image`, as clients write the name of a field with several values.

    Raises:
        RequestValidationError: 422, if the fields do not match the model.
        Problem: 400 for a damaged form, 415 if the body is neither a form nor JSON.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    files: dict[str, list[bytes]] = {}
    if media_type == FORM:
        texts, files = await _read_form(request)
        values: Any = {name: _convert(model, name, each) for name, each in texts.items()}
    elif media_type == "application/json" or media_type.endswith("+json"):
        try:
            values = await read_json(await request.body())
        except ValueError as error:
            invalid = {"type": "json_invalid", "loc": ("body",), "msg": f"JSON decode error: {error}"}
            raise RequestValidationError([invalid]) from None
    else:
        detail = f"send application/json or {FORM}"
        raise Problem(415, "unsupported-media-type", "The media type is not supported", detail)
    try:
        return model.model_validate(values), files
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in errors]) from None


def choose_file(name: str, files: Mapping[str, Sequence[bytes]], text: str | None) -> bytes | str | None:
    """The content of a field that is a file in a form, and a data URL in JSON; None if there is neither.

    Raises `Problem` (400) for several files.
    """
    sent = files.get(name, ())
    if len(sent) > 1:
        raise Problem(400, "refused", "The request was refused", f"{name}: send one file, not {len(sent)}")
    return sent[0] if sent else text


def describe_body(model: type[BaseModel], files: Mapping[str, str]) -> dict[str, Any]:
    """OpenAPI's `requestBody` of `read_body`: JSON, or a form with `files`, a description for each field.

    In JSON, the files' fields are data URLs; the model declares them.
    """
    schema = model.model_json_schema()
    form = {**schema, "properties": {name: _without_null(each) for name, each in schema["properties"].items()}}
    for name, description in files.items():
        form["properties"][name] = {"type": "string", "format": "binary", "description": description}
    form.pop("examples", None)
    return {"required": True, "content": {"application/json": {"schema": schema}, FORM: {"schema": form}}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field in a form, which is left out instead of being null."""
    if "anyOf" not in schema:
        return schema
    kept = {name: value for name, value in schema.items() if (name, value) != ("default", None)}
    return {**kept, "anyOf": [each for each in schema["anyOf"] if each.get("type") != "null"]}


def without_boundary(content_type: str, body: bytes) -> bytes:
    """The body of a form without its boundary, which clients choose anew when they send a form again."""
    media_type, _, rest = content_type.partition(";")
    boundary = rest.partition("boundary=")[2].partition(";")[0].strip().strip('"')
    if media_type.strip().lower() != FORM or not boundary:
        return body
    return body.replace(f"--{boundary}".encode("latin-1"), b"--")


def _parse(body: bytes) -> Any:
    try:
        return from_json(body, cache_strings=False)
    except ValueError:
        return json.loads(body)  # raises the JSONDecodeError that FastAPI expects


async def _read_form(request: Request) -> tuple[dict[str, list[str]], dict[str, list[bytes]]]:
    """The texts and the files of a form, by field."""
    parser = MultiPartParser(
        request.headers,
        _pieces(request),
        max_files=_MOST_PARTS,
        max_fields=_MOST_PARTS,
        max_part_size=1 << 30,  # `middleware.body_limit` limits the whole
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        reason = error.message if isinstance(error, MultiPartException) else "it has no boundary"
        raise Problem(400, "refused", "The request was refused", f"the form can't be read: {reason}") from None
    texts: dict[str, list[str]] = {}
    files: dict[str, list[bytes]] = {}
    try:
        for key, value in form.multi_items():
            name = key.removesuffix("[]")
            if isinstance(value, UploadFile):
                files.setdefault(name, []).append(await value.read())
            else:
                texts.setdefault(name, []).append(value)
    finally:
        await form.close()
    return texts, files


async def _pieces(request: Request) -> AsyncGenerator[bytes]:
    """The body in small pieces, so that other requests are answered in between."""
    async for chunk in request.stream():
        for start in range(0, len(chunk), _LARGE):
            yield chunk[start : start + _LARGE]
            await asyncio.sleep(0)


def _convert(model: type[BaseModel], name: str, texts: Sequence[str]) -> Any:
    """The values of a form's field as JSON would have them, by the types of the model's field."""
    types = _json_types(model).get(name, frozenset({"string"}))
    if "array" in types:
        return list(texts)
    text = texts[-1]
    if "string" in types:
        return text
    if text == "" and "null" in types:
        return None
    try:
        return json.loads(text.lower() if "boolean" in types else text)
    except ValueError:
        return text  # the model says what is wrong with it


@cache
def _json_types(model: type[BaseModel]) -> dict[str, frozenset[str]]:
    """The JSON types of each field."""
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return {
        name: frozenset(kind for each in (schema, *schema.get("anyOf", ())) for kind in [each.get("type", "")] if kind)
        or frozenset({"string"})
        for name, schema in properties.items()
    }
