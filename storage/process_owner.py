"""Which process holds a pending turn, told apart from a later process with the same number."""

import os
import secrets
import socket
from functools import cache

_SAME_START = 2.0
"""Seconds by which two readings of one process's start may differ: the clock they are counted from is adjusted."""


def new_claim() -> str:
    """A claim of this process on one turn: `HOST/NAMESPACE/PID/START/NONCE`, the start in seconds since 1970.

    The nonce tells two claims of one process apart. The namespace is that of process numbers (empty where the
    platform has none): two containers may share a host name and still number their processes separately.
    """
    return f"{_process(os.getpid())}/{secrets.token_hex(4)}"


def is_gone(claim: str) -> bool:
    """Whether the process that made this claim is known to have ended.

    Only processes of this host and namespace can be looked up; of any other, only its lease tells.
    """
    import psutil

    try:
        host, namespace, pid, start, _ = claim.rsplit("/", 4)
        if (host, namespace) != (socket.gethostname(), _namespace()):
            return False
        started: float = psutil.Process(int(pid)).create_time()
        return abs(started - float(start)) > _SAME_START
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


@cache
def _process(pid: int) -> str:
    import psutil

    return f"{socket.gethostname()}/{_namespace()}/{pid}/{psutil.Process(pid).create_time():.2f}"


@cache
def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
