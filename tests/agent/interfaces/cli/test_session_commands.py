"""`notthat sessions delete`: a question on a terminal, a word of consent elsewhere, and then it is gone."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notthat.agent import Conversation, Studio
from notthat.agent.interfaces.cli.main import main
from notthat.agent.interpreters import OfflineInterpreter
from notthat.generation import StubEngine
from notthat.storage import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def notthat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["notthat", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def session(home: Path) -> str:
    """A session of two turns, beside another one."""
    with Studio(Store.open(home=home), OfflineInterpreter(), model="stub", load_engine=StubEngine) as studio:
        Conversation.start("a lighthouse", studio, seed=2)
        conversation = Conversation.start("a harbour", studio, seed=1)
        conversation.say("no fog")
    return conversation.id


def listed(notthat: Run) -> list[str]:
    code, out, err = notthat("sessions", "--json")
    assert (code, err) == (0, "")
    return [json.loads(line)["id"] for line in out.splitlines()]


def on_terminal(answer: str, *arguments: str) -> tuple[int, str, str]:
    """Run a command whose input is a terminal, where somebody answers."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        command = [sys.executable, "-m", "notthat", *arguments]
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=120, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout, done.stderr


def test_a_session_is_deleted_without_a_question(notthat: Run, home: Path, session: str) -> None:
    assert notthat("sessions", "delete", session, "--yes") == (0, "deleted 2 turns and 2 pictures\n", "")
    assert session not in listed(notthat)
    assert len(listed(notthat)) == 1
    assert notthat("sessions", "delete", session, "--yes") == (
        *(2, ""),
        f"notthat: no session “{session}”: see notthat sessions\n",
    )
    with Store.open(home=home) as store:
        assert len(list(store.images.pictures())) == 1


def test_programs_are_told_in_json(notthat: Run, session: str) -> None:
    code, out, err = notthat("sessions", "delete", session, "--yes", "--json")
    assert (code, json.loads(out), err) == (0, {"session": session, "turns": 2, "pictures": 2}, "")


def test_where_nobody_can_be_asked_nothing_is_deleted(
    notthat: Run, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        reason = "notthat: nothing was deleted: stdin is no terminal, so give --yes to confirm\n"
        assert notthat("sessions", "delete", session) == (2, "", reason)
    assert session in listed(notthat)


def test_options_before_the_command_are_not_lost_silently(notthat: Run, session: str) -> None:
    code, out, err = notthat("sessions", "--json", "delete", session, "--yes")
    assert (code, out) == (2, "")
    assert err == "notthat: put options after the command: notthat sessions delete …\n"
    assert session in listed(notthat)


def test_a_question_is_asked_on_a_terminal(notthat: Run, session: str) -> None:
    code, out, err = on_terminal("n\n", "sessions", "delete", session, "--json")
    assert (code, out) == (1, "")
    assert f"Delete session {session} (“a harbour”, 2 turns) with its feedback and pictures, permanently? [y/N]" in err
    assert err.endswith("notthat: nothing was deleted\n")
    assert session in listed(notthat)
    code, out, err = on_terminal("y\n", "sessions", "delete", session, "--json")
    assert (code, json.loads(out)["turns"]) == (0, 2)
    assert session not in listed(notthat)
