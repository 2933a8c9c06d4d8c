"""Claims that identify the process that owns a pending turn, even if process numbers are reused."""

import os
import secrets
import socket
from functools import cache

_START_TOLERANCE = 2.0
"""Tolerance in seconds when start times of a process are compared, because the system clock may be adjusted."""


def new_claim(earlier: str | None = None) -> str:
    """A claim of this process on one turn: `HOST/NAMESPACE/PID/START/NONCE`, with the start in seconds since 1970.

    A turn that is taken over from an `earlier` claim keeps its nonce, followed by how often it was taken over.

    The nonce distinguishes several claims of one process. The namespace is the PID namespace (empty where the platform
    has none), since containers may share a host name but number their processes separately.
    """
    nonce = secrets.token_hex(4)
    if earlier is not None:
        first, _, count = earlier.rpartition("/")[2].partition(".")
        nonce = f"{first}.{int(count or 0) + 1}"
    return f"{_describe_process(os.getpid())}/{nonce}"


def is_gone(claim: str) -> bool:
    """Whether the process that made this claim is known to have ended.

    Only processes of this host and namespace can be checked. Claims of other processes end with their lease.
    """
    import psutil

    try:
        host, namespace, pid, start, _ = claim.rsplit("/", 4)
        if (host, namespace) != (socket.gethostname(), _read_namespace()):
            return False
        started: float = psutil.Process(int(pid)).create_time()
        return abs(started - float(start)) > _START_TOLERANCE
    except psutil.NoSuchProcess:
        return True
    except (ValueError, psutil.Error):
        return False


@cache
def _describe_process(pid: int) -> str:
    import psutil

    return f"{socket.gethostname()}/{_read_namespace()}/{pid}/{psutil.Process(pid).create_time():.2f}"


@cache
def _read_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
