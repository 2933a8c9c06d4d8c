"""Who is drawing a turn: the process that began it, told apart from a later one with the same number."""

import os
import socket
from functools import cache

_SAME_START = 2.0
"""Seconds by which one process's start may be told differently: the clock it is counted from is adjusted."""


def me() -> str:
    """This process as an owner: `HOST/PID/START`, the start in seconds since 1970."""
    return _owner(os.getpid())


def is_gone(owner: str) -> bool:
    """Whether the process is known to be no longer there.

    Nothing is known of another host's processes: they count as alive.
    """
    import psutil

    try:
        host, pid, start = owner.rsplit("/", 2)
        if host != socket.gethostname():
            return False
        started: float = psutil.Process(int(pid)).create_time()
        return abs(started - float(start)) > _SAME_START
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


@cache
def _owner(pid: int) -> str:
    import psutil

    return f"{socket.gethostname()}/{pid}/{psutil.Process(pid).create_time():.2f}"
