"""What a request may be: how large, how often, and how much it may ask for."""

import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ....generation.request import Defaults
from ...session_start import SessionOptions
from .auth import Principal
from .config import ServerConfig
from .problems import Problem, too_many

_MOST_BUCKETS = 10_000
_LARGE = 256 << 10
_BYTES_A_VALUE = 512
_LEAST_VALUES = 4096
"""JSON may have one value for so many bytes of its limit, and in any case so many."""


class RateLimiter:
    """Requests a minute, for each key: a bucket that holds a minute's worth and fills evenly."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, principal: Principal) -> None:
        """Count a request. Raises `Problem`, 429, where there were too many."""
        most = principal.limits.requests_per_minute
        if most is None or principal.id is None:
            return
        now = time.monotonic()
        left, then = self._buckets.pop(principal.id, (float(most), now))
        left = min(float(most), left + (now - then) * most / 60)
        self._buckets[principal.id] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if left < 1:
            seconds = math.ceil((1 - left) * 60 / most)
            detail = f"the key “{principal.name}” may ask {most} times a minute: try again in {seconds} s"
            raise too_many("too-many-requests", "Too many requests", detail, seconds)


def apply_quotas(
    options: SessionOptions, principal: Principal, config: ServerConfig, defaults: Defaults
) -> SessionOptions:
    """What somebody asks a session to begin with, with their policies, and the model's defaults cut to their limits.

    Raises:
        Problem: 403, where more is asked for than they may have.
    """
    steps, size = _most(principal, config)
    request = dict(options.request or {})
    check_steps(options.steps, principal, config)
    for name in ("width", "height"):
        _check_most(name, request.get(name), size)
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


def check_steps(steps: int | None, principal: Principal, config: ServerConfig) -> None:
    """Raise `Problem`, 403, where somebody asks for more steps than they may have."""
    _check_most("steps", steps, _most(principal, config)[0])


def _check_most(name: str, asked: int | None, most: int) -> None:
    if asked is not None and asked > most:
        raise _beyond(f"{name}: at most {most} may be asked for, not {asked}")


def check_request(request: Mapping[str, Any], principal: Principal, config: ServerConfig) -> None:
    """Raise `Problem`, 403, where a turn's request is for more than the caller may have, as an older session's may be.

    `request` is a `GenerationRequest` as it is stored.
    """
    steps, size = _most(principal, config)
    for name, value, most in (
        ("steps", request.get("num_inference_steps", 0), steps),
        ("width", request.get("width", 0), size),
        ("height", request.get("height", 0), size),
    ):
        if value > most:
            raise _beyond(
                f"{name}: this session draws with {value}, and at most {most} may be asked for: "
                "begin a new session, or have the limit raised"
            )


def _most(principal: Principal, config: ServerConfig) -> tuple[int, int]:
    """How many steps a picture, and pixels a side, somebody may ask for."""
    return principal.limits.steps or config.steps, principal.limits.size or config.size


def _beyond(detail: str) -> Problem:
    return Problem(403, "beyond-limit", "That is more than is allowed", detail)


def _values_in(body: bytes) -> float:
    """About how many values some JSON has; a comma may as well be one of a text's."""
    texts = (body.count(b'"') - body.count(b'\\"')) / 2
    return texts + body.count(b"{") + body.count(b"[") + body.count(b",") / 10


def _too_many_values(most: int) -> Problem:
    return Problem(413, "too-large", "The request is too large", f"JSON with more than {most} values is not read")
