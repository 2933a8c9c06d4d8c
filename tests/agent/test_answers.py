"""Which answer a line gives to a question, and which lines answer none."""

import pytest

from notthat.agent.answers import Answer, format_answer, parse_answer, to_answer
from notthat.agent.edits import Allow, Confirm, Exclude
from notthat.agent.interpreters.base import Question
from notthat.errors import InvalidInputError

YES_OR_NO = Question(text="Leave out “beard”?", edits=(Exclude(term="beard"),))
BACK = Question(text="Bring back “hat”?", edits=(Allow(term="hat"),))
WHICH = Question(text="“hat” or “scarf”?", edits=(Exclude(term="hat"), Exclude(term="scarf")), choose=True)


@pytest.mark.parametrize(
    "line",
    ["yes", "y", "Y.", "yeah please", "Yes please!", "ok", "please", "yes, leave it out", "yes, the beard", "beard"],
)
def test_a_yes_is_understood(line: str) -> None:
    assert parse_answer(line, YES_OR_NO) == Answer(True)


@pytest.mark.parametrize("line", ["no", "n", "No.", "nope", "no thanks", "no, it's fine", "don’t", "keep it", "no, no"])
def test_a_no_is_understood(line: str) -> None:
    assert parse_answer(line, YES_OR_NO) == Answer(False)


@pytest.mark.parametrize(
    ("line", "yes", "rest"),
    [
        ("yes, and no scarf", True, "no scarf"),
        ("yes and no scarf", True, "no scarf"),
        ("Yes, but make it darker", True, "make it darker"),
        ("yes please, and undo the fog", True, "undo the fog"),
        ("no, the hat", False, "the hat"),
        ("no the hat", False, "the hat"),
        ("nope, darker", False, "darker"),
        ("no but remove the hat", False, "remove the hat"),
    ],
)
def test_feedback_may_follow_an_answer(line: str, yes: bool, rest: str) -> None:
    assert parse_answer(line, YES_OR_NO) == Answer(yes, rest=rest)


@pytest.mark.parametrize(
    "line",
    ["no hat", "no beard", "too dark", "yesterday's photo", "thanks", "ok no fog", "y-axis labels", "nobody"],
)
def test_other_feedback_is_no_answer(line: str) -> None:
    assert parse_answer(line, YES_OR_NO) is None


def test_leaving_it_answers_only_a_question_about_leaving_out() -> None:
    assert parse_answer("leave it out", YES_OR_NO) == Answer(True)
    assert parse_answer("leave it out", BACK) is None
    assert parse_answer("keep it", BACK) is None


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("the second", (1,)),
        ("2", (1,)),
        ("#1", (0,)),
        ("the first one please", (0,)),
        ("the last one", (1,)),
        ("the hat", (0,)),
        ("Hat please", (0,)),
        ("yes, the hat", (0,)),
        ("I mean the scarf", (1,)),
        ("both", (0, 1)),
        ("the hat and the scarf", (0, 1)),
    ],
)
def test_a_choice_is_made_by_name_or_by_place(line: str, choices: tuple[int, ...]) -> None:
    assert parse_answer(line, WHICH) == Answer(True, choices)


@pytest.mark.parametrize("line", ["no hat", "3", "the dog", "2 people", "the hat is nice"])
def test_what_names_no_candidate_chooses_nothing(line: str) -> None:
    assert parse_answer(line, WHICH) is None


def test_neither_is_a_no() -> None:
    assert parse_answer("neither", WHICH) == Answer(False)


def test_feedback_may_follow_a_choice() -> None:
    assert parse_answer("the hat, and no fog", WHICH) == Answer(True, (0,), "no fog")


@pytest.mark.parametrize(
    ("confirm", "question", "words"),
    [
        (Confirm(yes=True), YES_OR_NO, "yes"),
        (Confirm(yes=False), YES_OR_NO, "no"),
        (Confirm(yes=True, choice=1), WHICH, "scarf"),
        (Confirm(yes=False), WHICH, "no"),
    ],
)
def test_an_edit_answers_as_its_words_do(confirm: Confirm, question: Question, words: str) -> None:
    answer = to_answer(confirm, question)
    assert format_answer(answer, question) == words
    assert parse_answer(words, question) == answer


@pytest.mark.parametrize("choice", [None, 2])
def test_an_edit_that_makes_no_choice_is_refused(choice: int | None) -> None:
    with pytest.raises(InvalidInputError, match=r"set “choice” to a number from 0 to 1 \(0 is “hat”, 1 is “scarf”\)"):
        to_answer(Confirm(yes=True, choice=choice), WHICH)
