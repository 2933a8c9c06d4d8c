"""A question on the command line: in the chat, and between two calls of `notthat say`."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from asking import AskingInterpreter

from notthat.agent import Conversation, Studio
from notthat.agent.interfaces.cli.chat_repl import ChatRepl
from notthat.agent.interfaces.cli.main import main

Run = Callable[..., tuple[int, str, str]]
OpenStudio = Callable[..., Studio]


@pytest.fixture
def asking_studio(open_studio: OpenStudio) -> Studio:
    return open_studio(interpreter=AskingInterpreter())


@pytest.fixture
def notthat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model_folder: Path) -> Run:
    """Runs a command in this process with an interpreter that asks: its exit code, stdout and stderr."""
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    monkeypatch.setattr("notthat.agent.studio.create_interpreter", lambda settings: AskingInterpreter())

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["notthat", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def session(notthat: Run) -> str:
    code, out, _ = notthat("new", "a man", "--seed", "3", "--json")
    assert code == 0
    return str(json.loads(out)["session"])


def chat(
    studio: Studio,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *lines: str,
    session: str | None = None,
) -> str:
    """What a chat prints on stdout."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    ChatRepl(studio, seed=3).run(None if session else "a man", session)
    return capsys.readouterr().out


def test_the_chat_asks_on_one_line_and_takes_one_key(
    asking_studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = chat(asking_studio, monkeypatch, capsys, "hm, that beard", "y")
    first, second = asking_studio.store.turns(asking_studio.store.sessions()[0].id)
    lines = shown.splitlines()
    asked = lines.index("Leave out “beard”? [y/n]")
    assert lines[asked - 1] == str(first.image)
    assert lines[asked + 1] == "Excluded “beard”."
    assert [each.words for each in second.exclusions] == ["hm, that beard"]


def test_the_chat_takes_a_sentence_for_an_answer(
    asking_studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chat(asking_studio, monkeypatch, capsys, "that thing on him", "the scarf, and no fog")
    assert asking_studio.store.turn(asking_studio.store.sessions()[0].id).negative == "scarf, fog"


def test_the_chat_lists_what_can_be_chosen(
    asking_studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = chat(asking_studio, monkeypatch, capsys, "that thing on him", "2")
    assert "Leave out “hat” or “scarf”? [1 hat, 2 scarf, n]" in shown
    assert asking_studio.store.turn(asking_studio.store.sessions()[0].id).negative == "scarf"


def test_a_chat_that_goes_on_shows_the_open_question(
    asking_studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conversation = Conversation.start("a man", asking_studio)
    conversation.say("hm, that beard")
    shown = chat(asking_studio, monkeypatch, capsys, "n", session=conversation.id)
    assert shown.index(str(conversation.head.image)) < shown.index("Leave out “beard”? [y/n]")
    assert asking_studio.store.turn(conversation.id).question is None


def test_say_prints_the_question_as_json_and_takes_the_answer(notthat: Run, session: str) -> None:
    code, out, err = notthat("say", session, "hm, that beard", "--json")
    asked = json.loads(out)
    assert (code, err) == (0, "")
    assert (asked["turn"], asked["reply"], asked["question"]["text"]) == (0, "Leave out “beard”?", "Leave out “beard”?")
    assert json.loads(notthat("show", session, "--json")[1])["question"] == asked["question"]
    code, out, err = notthat("say", session, "yes", "--json")
    made = json.loads(out)
    assert (code, err, made["turn"], made["question"]) == (0, "", 1, None)
    assert made["exclusions"][0]["words"] == "hm, that beard"


def test_say_tells_people_how_to_answer(notthat: Run, session: str) -> None:
    code, out, err = notthat("say", session, "hm, that beard")
    assert (code, out) == (0, "Leave out “beard”? [y/n]\n")
    assert err == f"Answer with:  notthat say {session} yes\n"
    assert "Leave out “beard”? [y/n]" in notthat("show", session)[1]
    assert notthat("say", session, "no")[1].startswith("Nothing to change.")


def test_interpret_shows_the_question(notthat: Run) -> None:
    code, out, _ = notthat("interpret", "hm, that beard", "--json")
    shown = json.loads(out)
    assert (code, shown["edits"], shown["reply"]) == (0, [], "Leave out “beard”?")
    assert shown["question"]["edits"] == [{"op": "exclude", "term": "beard", "weight": 1.0}]
    assert "question" not in json.loads(notthat("interpret", "no fog", "--json")[1])
