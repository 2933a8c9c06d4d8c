"""Several lines that are read before anything is drawn, and what else can be asked with feedback."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from notthat.agent import Conversation, Studio, Turn
from notthat.agent.edits import State
from notthat.agent.exclusion_history import load_path, term_history
from notthat.agent.feedback import MAX_LINES, Feedback
from notthat.agent.import_validation import check_turn
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.agent.replay.reinterpret import reinterpret
from notthat.agent.session_start import SessionOptions, begin_session
from notthat.agent.turn_execution import run_turn
from notthat.agent.turn_png import turn_png_text
from notthat.errors import InvalidInputError
from notthat.storage import Store, archive

OpenStudio = Callable[..., Studio]


def begin(studio: Studio, *lines: str, **more: object) -> Turn:
    """A session that begins with these lines."""
    beginning = SessionOptions(lines[0], feedback=lines[1:], seed=5, **more)  # type: ignore[arg-type]
    return run_turn(studio, begin_session(beginning, studio))


def excluded(turn: Turn) -> list[tuple[str, int, str]]:
    return [(each.term, each.since, each.words) for each in turn.exclusions]


def test_a_session_that_begins_with_several_lines_draws_one_picture(studio: Studio) -> None:
    turn = begin(studio, "portrait of a man without hat", "no mustache", "thanks", "make it a woman")
    assert studio.store.turns(turn.session) == [turn]
    assert (turn.number, turn.prompt, turn.negative) == (0, "portrait of a woman", "hat, mustache")
    assert excluded(turn) == [("hat", 0, "portrait of a man without hat"), ("mustache", 0, "no mustache")]
    assert turn.feedback == "portrait of a man without hat / no mustache / thanks / make it a woman"
    assert turn.request["seed"] == turn.seed == 5


def test_the_state_is_that_of_a_session_that_was_drawn_line_by_line(studio: Studio) -> None:
    lines = ["a harbour without boats", "too dark", "no fog", "bring the boats back", "no gulls"]
    drawn = Conversation.start(lines[0], studio, seed=5)
    for line in lines[1:]:
        drawn.say(line)
    at_once = Conversation.from_turn(begin(studio, *lines), studio)
    assert (at_once.state.prompt, at_once.state.negative.render(), at_once.state.seed) == (
        drawn.state.prompt,
        drawn.state.negative.render(),
        drawn.state.seed,
    )


def test_what_was_undone_in_earlier_lines_stays_undone(studio: Studio) -> None:
    turn = begin(studio, "a harbour", "no boats", "no fog", "undo", "no gulls")
    assert turn.negative == "boats, gulls"
    assert [edit["op"] for edit in turn.edits] == ["prompt", "exclude", "exclude"]
    assert begin(studio, "a harbour", "undo").negative == ""
    assert begin(studio, "a harbour", "no boats", "go back two pictures", "no fog").negative == "boats, fog"


def test_an_earlier_line_that_only_excludes_is_kept_for_the_prompt_that_follows(studio: Studio) -> None:
    turn = begin(studio, "no fog", "a harbour")
    assert (turn.prompt, excluded(turn)) == ("a harbour", [("fog", 0, "no fog")])
    with pytest.raises(InvalidInputError, match="only says what is not wanted"):
        begin(studio, "no fog", "no boats")


def test_a_negative_prompt_comes_after_the_lines(studio: Studio) -> None:
    assert begin(studio, "a harbour", "no boats", negative="(rain:1.3)").negative == "boats, (rain:1.3)"


def test_the_lines_can_be_read_again_and_archived(studio: Studio, tmp_path: Path) -> None:
    turn = begin(studio, "a harbour", "no boats", "no fog")
    conversation = Conversation.from_turn(turn, studio)
    conversation.say(Feedback(("no gulls", "no rain")))
    assert [again.same for again in reinterpret(conversation)] == [True, True]
    told = term_history(load_path(studio, conversation.head), "fog")
    assert [str(event) for event in told] == ["turn 0 excluded fog (1): “no fog”"]
    file = tmp_path / "session.zip"
    archive.export(studio.store, turn.session, file, turn_png_text)
    elsewhere = Store.open(home=tmp_path / "elsewhere")
    with closing(elsewhere):
        archive.import_(elsewhere, file, check_turn, turn_png_text)
        assert elsewhere.turn(turn.session, 0).feedback == turn.feedback


def test_too_many_lines_are_refused(studio: Studio) -> None:
    with pytest.raises(InvalidInputError, match=f"at most {MAX_LINES} lines at once"):
        begin(studio, "a harbour", *["no fog"] * MAX_LINES)
    conversation = Conversation.start("a harbour", studio)
    with pytest.raises(InvalidInputError, match=f"at most {MAX_LINES} lines at once"):
        conversation.say(Feedback(("no fog",) * (MAX_LINES + 1)))


def test_several_lines_of_feedback_make_one_turn(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=5)
    turn = conversation.say(Feedback(("no fog", "no boats")))
    assert (turn.number, turn.parent, turn.negative) == (1, 0, "fog, boats")
    assert excluded(turn) == [("fog", 1, "no fog"), ("boats", 1, "no boats")]


def test_lines_that_go_back_grow_from_the_turn_they_go_back_to(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=5)
    conversation.say("no fog")
    turn = conversation.say(Feedback(("no boats", "go back two pictures", "no gulls")))
    assert (turn.number, turn.parent, turn.negative) == (2, 0, "gulls")
    undone = conversation.say(Feedback(("thanks", "undo")))
    assert (undone.number, studio.store.turn(conversation.id).number) == (0, 0)


def test_an_earlier_line_that_is_refused_is_left_out_and_the_last_is_told(open_studio: OpenStudio, home: Path) -> None:
    folder = home / "policies"
    folder.mkdir(parents=True)
    (folder / "brand.toml").write_text(
        'title = "x"\nexclude = [{ term = "logo" }]\nforbid = ["cigar"]\n', encoding="utf-8"
    )
    studio = open_studio()
    conversation = Conversation.start("a man", studio, policies=["brand"])
    turn = conversation.say(Feedback(("add a cigar", "no hat")))
    assert (turn.prompt, turn.negative) == ("a man", "logo, hat")
    with pytest.raises(InvalidInputError, match="cigar"):
        conversation.say(Feedback(("no beard", "add a cigar")))


def test_feedback_can_bring_a_negative_prompt_a_seed_and_steps(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=5, steps=4)
    turn = conversation.say(Feedback(("no fog",), negative="rain, (boats:1.3)", seed=9, steps=2))
    assert (turn.negative, turn.seed) == ("fog, rain, (boats:1.3)", 9)
    assert turn.request["num_inference_steps"] == 2
    assert turn.reply.endswith("From seed 9. In 2 steps.")
    assert conversation.say("no gulls").request["num_inference_steps"] == 2


def test_praise_with_another_seed_is_drawn_from_it(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=5)
    turn = conversation.say(Feedback(("I love it",), seed=6))
    assert (turn.number, turn.seed, turn.reply) == (1, 6, "From seed 6.")
    same = conversation.say(Feedback(("I love it",), seed=6))
    assert same.number == 1


def test_an_interpreter_hears_what_was_said_and_answered_before(open_studio: OpenStudio) -> None:
    heard: list[tuple[tuple[str, str], ...]] = []

    class Listening(OfflineInterpreter):
        def interpret(self, feedback: str, state: State, picture: object = None) -> Interpretation:
            heard.append(state.recent)
            return super().interpret(feedback, state)

    begin(open_studio(interpreter=Listening()), "a harbour", "no fog", "no boats")
    assert heard == [(), (), (("no fog", "Excluded “fog”."),)]
