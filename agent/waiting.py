"""What an interpreter waits for, such as a language model, so that the interface can say so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

OnWait = Callable[[str | None], None]
"""Called with what is waited for ("asking qwen3:8b"), and with None when the wait is over."""

_listener: ContextVar[OnWait | None] = ContextVar("on_wait", default=None)


@contextmanager
def listen(on_wait: OnWait) -> Iterator[None]:
    """Report the waits of interpreters that are called in this block, in this thread or task."""
    token = _listener.set(on_wait)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def report(what: str) -> Iterator[None]:
    """Tell the listener, if there is one, what is waited for in this block."""
    on_wait = _listener.get()
    if on_wait is None:
        yield
        return
    on_wait(what)
    try:
        yield
    finally:
        on_wait(None)
