"""Limits of a key: requests per minute, steps and size of pictures."""

import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ....generation.request import Defaults
from ...session_start import SessionOptions
from ...source_picture import session_size
from .auth import Principal
from .config import ServerConfig
from .problems import Problem, too_many

_MAX_BUCKETS = 10_000


class RateLimiter:
    """Limits requests per minute with a token bucket for each key. A bucket holds the tokens of one minute."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, principal: Principal) -> None:
        """Count a request. Raises `Problem` (429) if the key has no token left."""
        maximum = principal.limits.requests_per_minute
        if maximum is None or principal.id is None:
            return
        now = time.monotonic()
        tokens, last = self._buckets.pop(principal.id, (float(maximum), now))
        tokens = min(float(maximum), tokens + (now - last) * maximum / 60)
        self._buckets[principal.id] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        refuse_beyond_rate(principal, maximum, 0.0 if tokens >= 1 else (1 - tokens) * 60 / maximum)


def refuse_beyond_rate(principal: Principal, maximum: int, seconds: float) -> None:
    """Raise `Problem` (429) if the key has a request left only in so many seconds, and not now."""
    if seconds > 0:
        whole = math.ceil(seconds)
        detail = f"the key “{principal.name}” is limited to {maximum} requests per minute: try again in {whole} s"
        raise too_many("too-many-requests", "Too many requests", detail, whole)


def apply_quotas(
    options: SessionOptions, principal: Principal, config: ServerConfig, defaults: Defaults
) -> SessionOptions:
    """The options of a new session with the caller's policies added and the model's defaults cut to the limits.

    Raises:
        Problem: 403 if the options exceed a limit.
    """
    steps, size = _limits(principal, config)
    request = dict(options.request or {})
    check_steps(options.steps, principal, config)
    for name in ("width", "height"):
        _check_limit(name, request.get(name), size)
    if options.source is not None:
        request = {**_fit(session_size(options.source.size, defaults), size), **request}
    for name in ("width", "height"):
        if getattr(defaults, name) > size:
            request.setdefault(name, size - size % 8)
    return replace(
        options,
        steps=options.steps if options.steps is not None else min(defaults.num_inference_steps, steps),
        policies=tuple(dict.fromkeys([*principal.policies, *options.policies])),
        request=request,
        owner=principal.id,
    )


def _fit(sides: tuple[int, int], limit: int) -> dict[str, int]:
    """The size of a picture, made smaller where it is over the limit, in its proportions; empty where it is not."""
    if max(sides) <= limit:
        return {}
    width, height = (max(8, side * limit // max(sides) // 8 * 8) for side in sides)
    return {"width": width, "height": height}


def check_steps(steps: int | None, principal: Principal, config: ServerConfig) -> None:
    """Raise `Problem` (403) if `steps` exceeds the limit of the caller."""
    _check_limit("steps", steps, _limits(principal, config)[0])


def _check_limit(name: str, value: int | None, maximum: int) -> None:
    if value is not None and value > maximum:
        raise _beyond_limit(f"{name}: {value} is over the limit of {maximum}")


def check_request(request: Mapping[str, Any], principal: Principal, config: ServerConfig) -> None:
    """Raise `Problem` (403) if the request of a stored turn exceeds the limits of the caller.

    `request` is a stored `GenerationRequest`.
    """
    steps, size = _limits(principal, config)
    for name, value, maximum in (
        ("steps", request.get("num_inference_steps", 0), steps),
        ("width", request.get("width", 0), size),
        ("height", request.get("height", 0), size),
    ):
        if value > maximum:
            raise _beyond_limit(
                f"{name}: this session uses {value}, over the limit of {maximum}: "
                "start a new session or ask for a higher limit"
            )


def _limits(principal: Principal, config: ServerConfig) -> tuple[int, int]:
    """The maximum steps and the maximum width and height in pixels for a caller."""
    return principal.limits.steps or config.steps, principal.limits.size or config.size


def _beyond_limit(detail: str) -> Problem:
    return Problem(403, "beyond-limit", "A limit is exceeded", detail)
