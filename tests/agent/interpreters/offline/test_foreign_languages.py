"""Feedback in other languages: an answer in that language, and no edit."""

import pytest

from notthat.agent.edits import State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters.language.languages import detect_foreign_language, load_languages
from notthat.agent.interpreters.offline import OfflineInterpreter

STATE = State("a man in a hat", parse_negative("fog"), seed=0)


@pytest.mark.parametrize(
    ("feedback", "language"),
    [
        ("非常好", "chinese"),
        ("花を消してください", "japanese"),
        ("बादल हटाओ", "hindi"),
        ("টুপি সরাও", "bengali"),
        ("بدون أشخاص", "arabic"),
        ("ٹوپی ہٹا دو", "urdu"),
        ("убери лодки", "russian"),
        ("por favor quita las gafas", "spanish"),
        ("no quiero barba", "spanish"),
        ("enlève le coussin s'il te plaît", "french"),
        ("sem sela", "portuguese"),
        ("tolong hapus topi itu", "indonesian"),
        ("bitte ohne Hut", "german"),
    ],
)
def test_feedback_in_another_language_is_answered_in_it(feedback: str, language: str) -> None:
    said = OfflineInterpreter().interpret(feedback, STATE)
    assert (said.edits, said.understood) == ((), False)
    assert said.reply == load_languages()[language].reply
    assert OfflineInterpreter().explain(feedback, STATE) == ()


@pytest.mark.parametrize(
    "feedback", ["geen stoelen", "togli il cappello per favore", "모자 빼 주세요", "приберіть капелюх"]
)
def test_languages_without_a_sentence_of_their_own_are_answered_in_english(feedback: str) -> None:
    said = OfflineInterpreter().interpret(feedback, STATE)
    assert (said.edits, said.understood) == ((), False)
    assert said.reply.startswith("I read English only.")


@pytest.mark.parametrize(
    "feedback",
    [
        "no hat",
        "too many rascacielos",
        "no jalapeño",
        "remove the 帽子",
        "remove the Eiffel tower, la Tour",
        "no Los Angeles skyline",
        "the château is too dark",
        "he looks like Che Guevara",
        "less Vincent van Gogh",
        "a Rio de la Plata postcard",
        "the sign says «sin azúcar», remove it",
        "👍👍",
        "",
    ],
)
def test_an_english_line_with_a_foreign_name_is_english(feedback: str) -> None:
    assert detect_foreign_language(feedback) is None


def test_a_first_prompt_may_be_in_any_language() -> None:
    said = OfflineInterpreter().interpret("un perro con sombrero", State("", parse_negative(""), seed=0))
    assert [edit.op for edit in said.edits] == ["prompt"]
