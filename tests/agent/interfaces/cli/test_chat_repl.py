"""The chat: what is typed line by line, plainly from a pipe and with history in a terminal."""

import io
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from notthat.agent import Conversation, Studio
from notthat.agent.interfaces.cli.chat_repl import ChatRepl
from notthat.errors import InvalidInputError
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine
from notthat.storage import SessionRecord

OpenStudio = Callable[..., Studio]

PROMPT = "a harbour at dawn without boats"


class Shown:
    """What a chat printed: `out` of answers, `err` of the rest."""

    def __init__(self, out: str, err: str) -> None:
        self.out = out
        self.err = err


Talk = Callable[..., Shown]


@pytest.fixture
def talk(studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Talk:
    """Types these lines into a chat and gives what it shows; after them the input ends."""

    def talk(
        *lines: str,
        prompt: str | None = None,
        session: str | None = None,
        studio: Studio = studio,
        **options: Any,
    ) -> Shown:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        ChatRepl(studio, **options).run(prompt, session)
        return Shown(*capsys.readouterr())

    return talk


def only_session(studio: Studio) -> SessionRecord:
    (session,) = studio.store.sessions()
    return session


def test_the_first_line_is_the_prompt_and_the_others_are_feedback(talk: Talk, studio: Studio) -> None:
    shown = talk("", PROMPT, "   ", "no fog", "it looks blurry", seed=3)
    session = only_session(studio)
    turns = studio.store.turns(session.id)
    assert [turn.feedback for turn in turns] == [PROMPT, "no fog", "it looks blurry"]
    assert {turn.seed for turn in turns} == {3}
    assert "What should the picture show?" in shown.out
    assert "without boats, fog, blurry" in shown.out
    for turn in turns:
        assert turn.reply in shown.out
        assert str(turn.image) in shown.out


def test_a_prompt_may_be_given_with_the_options_of_its_session(talk: Talk, studio: Studio) -> None:
    talk("no fog", prompt=PROMPT, seed=3, steps=2, guidance=2.5, policies=("quality",), model="other")
    for turn in studio.store.turns(only_session(studio).id):
        request = turn.request
        assert (request["seed"], request["num_inference_steps"], request["guidance_scale"]) == (3, 2, 2.5)
        assert request["model"] == "other"
        assert turn.exclusions[0].source == "policy:quality"


def test_a_session_is_gone_on_with_where_it_stands(talk: Talk, studio: Studio) -> None:
    conversation = Conversation.start(PROMPT, studio)
    conversation.say("no fog")
    shown = talk("it looks blurry", session=conversation.id)
    assert shown.out.startswith("Excluded “fog”.")
    assert "What should" not in shown.out
    assert studio.store.turn(conversation.id).negative == "boats, fog, blurry"


@pytest.mark.parametrize("end", [(), ("/quit",), ("/QUIT", "no fog")])
def test_the_end_says_how_to_come_back(talk: Talk, studio: Studio, end: tuple[str, ...]) -> None:
    shown = talk(PROMPT, *end)
    session = only_session(studio)
    assert shown.err == f"Continue with:  notthat chat --session {session.id}\n"
    assert session.turns == 1


def test_an_end_before_the_first_picture_leaves_nothing(talk: Talk, studio: Studio) -> None:
    assert talk().err == talk("/quit").err == ""
    assert studio.store.sessions() == []


def test_undo(talk: Talk, studio: Studio) -> None:
    shown = talk(PROMPT, "no fog", "it looks blurry", "/undo", "/undo 1", "/undo")
    assert only_session(studio).head == 0
    assert only_session(studio).turns == 3
    assert "nothing to undo" in shown.err
    talk("/branch 2", "/undo 2", session=only_session(studio).id)
    assert only_session(studio).head == 0


def test_branch(talk: Talk, studio: Studio) -> None:
    shown = talk(PROMPT, "no fog", "/branch 0", "it looks blurry", "/branch", "/branch 7", "/branch one")
    turn = studio.store.turn(only_session(studio).id)
    assert (turn.number, turn.parent, turn.negative) == (2, 0, "boats, blurry")
    assert shown.err.splitlines()[:3] == [
        "/branch takes a whole number, not “”",
        f"no turn 7 in session “{turn.session}”: it has turns 0 to 2",
        "/branch takes a whole number, not “one”",
    ]


def test_show(talk: Talk, studio: Studio) -> None:
    talk(PROMPT, "no fog", seed=3)
    session = only_session(studio).id
    now = talk("/show", session=session).out
    assert f"turn 1 of session {session}: a harbour at dawn  (seed 3)" in now
    rows = [line.split() for line in now.splitlines()]
    assert ["fog", "1", "user", "1", "no", "fog"] in rows
    assert ["boats", "1", "user", "0", *PROMPT.split()] in rows
    then = talk("/show 0", session=session).out
    assert f"turn 0 of session {session}: " in then
    assert only_session(studio).head == 1


def test_show_tells_a_policys_exclusions_from_ones_own(talk: Talk, studio: Studio) -> None:
    talk(PROMPT, "no fog", "drop the quality policy", policies=("quality",))
    session = only_session(studio).id
    policy = [e.term for e in studio.store.turn(session).exclusions if e.source == "policy:quality"]
    assert policy
    for said, own in (((), ["boats", "fog"]), (("start over",), []), (("undo",), ["boats", "fog"])):
        shown = talk(*said, "/show", session=session).out.splitlines()
        rows = [re.split(r"\s{2,}", line.strip()) for line in shown]
        table = rows[next(at for at, row in enumerate(rows) if row[0] == "excluded") + 1 :]
        assert [row[0] for row in table[: len(policy)]] == policy
        assert {row[2] for row in table[: len(policy)]} == {"policy:quality"}
        assert [row[0] for row in table[len(policy) :] if row[2:3] == ["user"]] == own


def test_why(talk: Talk) -> None:
    shown = talk(PROMPT, "no fog", "/why", "/why FOG", "/why rain", policies=("quality",)).out.splitlines()
    assert "blurry (1) by policy:quality" in shown
    assert shown[-5:] == [
        f"boats (1) since turn 0: “{PROMPT}”",
        "fog (1) since turn 1: “no fog”",
        "fog (1) since turn 1: “no fog”",
        "fog moves the picture's first step by 100.0%.",
        "“rain” is not excluded.",
    ]
    assert talk("a plain harbour", "/why").out.splitlines()[-1] == "Nothing is excluded."


def test_replay(talk: Talk, studio: Studio, open_studio: OpenStudio) -> None:
    shown = talk(PROMPT, "no fog", "/replay").out
    assert shown.splitlines()[-2:] == ["turn 0: identical", "turn 1: identical"]

    class Other(StubEngine):
        def run(self, request: GenerationRequest) -> Iterator[Progress]:
            return super().run(request.model_copy(update={"prompt": "something else"}))

    shown = talk("/replay", session=only_session(studio).id, studio=open_studio(Other())).out
    assert [line.split(" by up to ")[0] for line in shown.splitlines()[-2:]] == ["turn 0: differs", "turn 1: differs"]


def test_seed(talk: Talk, studio: Studio) -> None:
    shown = talk(PROMPT, "/seed", "/seed 9", "/seed", "/seed -1", f"/seed {2**63}", f"/seed {'9' * 5000}", seed=3)
    turns = studio.store.turns(only_session(studio).id)
    assert [turn.seed for turn in turns] == [3, 9]
    assert [line for line in shown.out.splitlines() if line.startswith("seed ")] == ["seed 3", "seed 9"]
    errors = shown.err.splitlines()
    assert len(errors) == 4
    assert errors[0] == "/seed takes a whole number, not “-1”"
    assert errors[1].startswith("--seed: ")
    assert errors[2].startswith("/seed takes a whole number, not “9999")


def test_help_lists_every_command(talk: Talk) -> None:
    shown = talk("/help").out
    listed = [line.split()[0] for line in shown.splitlines() if line.startswith("  /")]
    assert listed == ["/undo", "/branch", "/show", "/why", "/replay", "/seed", "/help", "/quit"]
    for line in shown.splitlines():
        assert len(line.split(maxsplit=1)) == 2, line


@pytest.mark.parametrize("line", ["/undo", "/branch 0", "/show", "/why", "/replay", "/seed", "/seed 3"])
def test_a_command_before_the_first_picture_is_an_error(talk: Talk, studio: Studio, line: str) -> None:
    assert talk(line).err == "there is no picture yet: first describe what it should show\n"
    assert studio.store.sessions() == []


@pytest.mark.parametrize("line", ["/nope", "/", "/undone 1", "//undo"])
def test_an_unknown_command_lists_the_commands(talk: Talk, studio: Studio, line: str) -> None:
    shown = talk(PROMPT, line, "no fog")
    assert shown.err.splitlines()[0].endswith("use /undo, /branch, /show, /why, /replay, /seed, /help, /quit")
    assert studio.store.turns(only_session(studio).id)[-1].feedback == "no fog"


def test_an_error_is_one_line_and_the_chat_continues(talk: Talk, studio: Studio, open_studio: OpenStudio) -> None:
    class Failing(StubEngine):
        failures = 2

        def run(self, request: GenerationRequest) -> Iterator[Progress]:
            if "fog" in request.negative_prompt and self.failures:
                self.failures -= 1
                raise GenerationError("[the device] went away")
            return super().run(request)

    shown = talk(PROMPT, "no fog", "weather " * 10_000, "no fog", "no fog", studio=open_studio(Failing()))
    assert [line[:40] for line in shown.err.splitlines()[:-1]] == [
        "[the device] went away",
        "the feedback is too long: 79999 characte",
        "[the device] went away",
    ]
    assert [turn.feedback for turn in studio.store.turns(only_session(studio).id)] == [PROMPT, "no fog"]


def test_a_turn_can_be_cancelled_and_the_chat_continues(talk: Talk, studio: Studio, open_studio: OpenStudio) -> None:
    class Stopped(StubEngine):
        def run(self, request: GenerationRequest) -> Iterator[Progress]:
            yield Progress(1, 4)
            if "fog" in request.negative_prompt:
                raise KeyboardInterrupt
            yield from super().run(request)

    shown = talk(PROMPT, "no fog", "it looks blurry", studio=open_studio(Stopped()))
    assert shown.err.splitlines()[0] == "Cancelled; nothing was changed."
    assert [turn.feedback for turn in studio.store.turns(only_session(studio).id)] == [PROMPT, "it looks blurry"]


def test_a_model_that_cannot_be_loaded_is_reported_when_it_is_used(talk: Talk, studio: Studio) -> None:
    def load(model: str) -> StubEngine:
        raise InvalidInputError(f"no model {model}")

    broken = Studio(studio.store, studio.interpreter, load_engine=load)
    assert talk("/quit", studio=broken).err == ""
    assert talk(PROMPT, PROMPT, studio=broken).err == "no model mini\n" * 2
    assert studio.store.sessions() == []


def test_a_mistake_in_loading_a_model_is_raised_where_it_is_used_alone(talk: Talk, studio: Studio) -> None:
    def load(model: str) -> StubEngine:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(PROMPT, studio=Studio(studio.store, studio.interpreter, load_engine=load))


def test_what_the_user_says_is_shown_as_it_is(talk: Talk) -> None:
    shown = talk("a door that says [bold]open[/]", "/show", "/why [red]x[/nope]")
    assert "[bold]open[/]" in shown.out
    assert "“[red]x[/nope]” is not excluded." in shown.out
    assert shown.err.startswith("Continue with")


def test_a_terminal_has_history_and_completion(
    home: Path, model_folder: Path, terminal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, studio: Studio
) -> None:
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    chat = terminal("chat", "--seed", "3")
    chat.wait_for("›")
    chat.type(f"{PROMPT}\r")
    chat.wait_for(r"\.png\s+›")
    chat.type("/w")
    chat.wait_for(r"why terms are excluded")
    chat.type("hy\r")
    chat.wait_for(r"boats \(1\) since turn 0.*\s+›")
    chat.type("\x1b[A\x1b[A")
    chat.wait_for(r"dawn without boats")
    chat.type("\x03")
    chat.wait_for("›")
    chat.type("/quit\r")
    session = only_session(studio)
    chat.wait_for(rf"Continue with:  notthat chat --session {session.id}")
    assert chat.wait_for_end() == os.EX_OK
    assert "Traceback" not in chat.transcript
    assert session.turns == 1
    assert [line[1:] for line in (home / "history").read_text().splitlines() if line.startswith("+")] == [
        PROMPT,
        "/why",
        "/quit",
    ]


def test_a_terminal_shows_previews_and_a_turn_can_be_cancelled(
    model_folder: Path, terminal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, studio: Studio
) -> None:
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    chat = terminal("chat", "--steps", "400")
    chat.wait_for("›")
    chat.type(f"{PROMPT}\r")
    chat.wait_for(r"▀▀▀▀")  # a preview, in half lines
    chat.wait_for(r"drawing .*/400 .* steps/s, \d+:\d\d left")
    chat.wait_for(r"\.png\s+›")
    chat.type("no fog\r")
    chat.wait_for(r"drawing .*/400 .* left")
    chat.process.send_signal(signal.SIGINT)
    chat.wait_for("Cancelled; nothing was changed")
    chat.wait_for("›")
    chat.type("no rain\r")
    chat.wait_for(r"drawing .*/400 .* left")
    chat.wait_for(r"Excluded “rain”")
    chat.wait_for(r"\.png\s+›")
    chat.type("/quit\r")
    assert chat.wait_for_end() == os.EX_OK
    assert [turn.feedback for turn in studio.store.turns(only_session(studio).id)] == [PROMPT, "no rain"]
    assert [(each.status, each.turn.feedback) for each in studio.store.attempts.all()] == [("cancelled", "no fog")]
