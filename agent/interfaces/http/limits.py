"""What a request may be: how large, how often, and how much it may ask for."""

import math
import time
from collections import OrderedDict
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ....generation.request import Defaults
from ...beginning import Beginning
from .callers import Caller
from .problems import Problem, too_many
from .serving import Serving

_MOST_BUCKETS = 10_000


class BodyLimit:
    """Refuses a request that is too large before it is read: by its length where it tells one, else on the way.

    `larger` are prefixes of paths whose requests may have so many bytes instead.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: dict[str, int]) -> None:
        self._app, self._limit, self._larger = app, limit, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 413, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((most for prefix, most in self._larger.items() if scope["path"].startswith(prefix)), self._limit)
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told) > limit:
            problem = _too_large(limit)
            problem.headers["Connection"] = "close"  # nobody will read the rest
            await problem.response()(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise _too_large(limit).as_http()
            return message

        await self._app(scope, counted, send)


class Rate:
    """Requests a minute, for each key: a bucket that holds a minute's worth and fills evenly."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: Caller) -> None:
        """Count a request. Raises `Problem`, 429, where there were too many."""
        most = caller.limits.requests_per_minute
        if most is None or caller.id is None:
            return
        now = time.monotonic()
        left, then = self._buckets.pop(caller.id, (float(most), now))
        left = min(float(most), left + (now - then) * most / 60)
        self._buckets[caller.id] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if left < 1:
            seconds = math.ceil((1 - left) * 60 / most)
            detail = f"the key “{caller.name}” may ask {most} times a minute: try again in {seconds} s"
            raise too_many("too-many-requests", "Too many requests", detail, seconds)


def allowed(beginning: Beginning, caller: Caller, serving: Serving, defaults: Defaults) -> Beginning:
    """What somebody asks a session to begin with, with their policies, and the model's defaults cut to their limits.

    Raises:
        Problem: 403, where more is asked for than they may have.
    """
    steps = caller.limits.steps or serving.steps
    size = caller.limits.size or serving.size
    request = dict(beginning.request or {})
    check_steps(beginning.steps, caller, serving)
    for name in ("width", "height"):
        _check_most(name, request.get(name), size)
    for name in ("width", "height"):
        if getattr(defaults, name) > size:
            request.setdefault(name, size - size % 8)
    return replace(
        beginning,
        steps=beginning.steps if beginning.steps is not None else min(defaults.num_inference_steps, steps),
        policies=tuple(dict.fromkeys([*caller.policies, *beginning.policies])),
        request=request,
        owner=caller.id,
    )


def check_steps(steps: int | None, caller: Caller, serving: Serving) -> None:
    """Raise `Problem`, 403, where somebody asks for more steps than they may have."""
    _check_most("steps", steps, caller.limits.steps or serving.steps)


def _check_most(name: str, asked: int | None, most: int) -> None:
    if asked is not None and asked > most:
        detail = f"{name}: at most {most} may be asked for, not {asked}"
        raise Problem(403, "beyond-limit", "That is more than is allowed", detail)


def _too_large(limit: int) -> Problem:
    return Problem(413, "too-large", "The request is too large", f"at most {limit} bytes are read")
