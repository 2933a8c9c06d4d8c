"""Studios to test with: a real store and the embedded interpreter, and an engine without a model."""

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from notthat.agent import Studio
from notthat.agent.interpreters import Interpreter, OfflineInterpreter
from notthat.generation import Engine, StubEngine
from notthat.storage import Store

OpenStudio = Callable[..., Studio]

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""

_CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[\]_][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^=>78])")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|[\]_][^\x07\x1b]*\x1b?)?\Z")


@pytest.fixture
def open_studio(home: Path) -> Iterator[OpenStudio]:
    """Opens another studio on the test's home, with an engine and an interpreter of the test's choice."""
    with ExitStack() as opened:

        def open_studio(engine: Engine | None = None, interpreter: Interpreter | None = None) -> Studio:
            return opened.enter_context(
                Studio(
                    Store.open(home=home),
                    interpreter or OfflineInterpreter(),
                    model="stub",
                    load_engine=lambda model: engine or StubEngine(model),
                )
            )

        yield open_studio


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    """A studio on the test's home whose engine is a stub."""
    return open_studio()


class Terminal:
    """`notthat` in a terminal of its own: `type` at it, and `wait_for` what it shows."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, stdout: int | None) -> None:
        # A shell that runs the tests in the background may have them ignore SIGINT, and children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 120))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "notthat", *arguments],
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
            start_new_session=True,
        )
        os.close(theirs)
        self.transcript = ""
        """All that was shown, without colours and cursor movements."""
        self._seen = 0
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Wait until `pattern` is shown after what was waited for before."""
        while not (match := re.compile(pattern).search(self.transcript, self._seen)):
            assert self._read(), f"ended without {pattern}: {self.transcript[-2000:]}"
        self._seen = match.end()

    def wait_for_end(self) -> int:
        """Wait until the process has ended and all is shown, and return its exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._ours)

    def _read(self) -> bool:
        assert select.select([self._ours], [], [], PATIENCE)[0], f"nothing more is shown: {self.transcript[-2000:]}"
        try:
            new = os.read(self._ours, 65536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            return False
        self._rest += self._decoder.decode(new)
        whole = _UNFINISHED.split(self._rest)[0]
        self.transcript += _CONTROL.sub("", whole)
        self._rest = self._rest[len(whole) :]
        return bool(new)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Runs `notthat` with these arguments in a terminal; stdout goes elsewhere where `stdout` says so."""
    with ExitStack() as opened:

        def start(*arguments: str, stdout: int | None = None) -> Terminal:
            return opened.enter_context(closing(Terminal(arguments, tmp_path, stdout)))

        yield start
