"""The benchmark of the server leaves nothing behind, however it ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

SERVE = Path(__file__).parents[2] / "benchmarks" / "serve.py"
PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """One that goes on for as long as a test does, with its temporary files in the test's folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, str(SERVE), "--model", "stub", "--sessions", "2", "--seconds", "600"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def server_of(process: subprocess.Popen[bytes]) -> psutil.Process:
    """The server that it has started, once that listens."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        for child in psutil.Process(process.pid).children():
            if any(connection.status == psutil.CONN_LISTEN for connection in child.net_connections("tcp")):
                return child
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"it ended with {process.wait(0.05)}")
    raise AssertionError("it started no server")


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM])
def test_its_server_goes_when_it_goes(benchmark: subprocess.Popen[bytes], way: signal.Signals, tmp_path: Path) -> None:
    server = server_of(benchmark)
    benchmark.send_signal(way)
    assert psutil.wait_procs([server], timeout=PATIENCE)[1] == []
    assert benchmark.wait(PATIENCE) != 0
    if way != signal.SIGKILL:
        assert list(tmp_path.glob("tmp*")) == []
