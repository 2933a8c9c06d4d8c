"""The main job, on the model that comes with the package: talk to a picture, and see it change."""

from pathlib import Path

import numpy as np
import pytest

from notthat.agent import Conversation, Settings, Studio, Turn, replay_session
from notthat.generation import BUILT_IN, GenerationRequest, LocalEngine, generate


@pytest.fixture(scope="module")
def mini() -> LocalEngine:
    return LocalEngine.load(BUILT_IN, device="cpu")


@pytest.fixture
def studio(mini: LocalEngine, home: Path) -> Studio:
    opened = Studio.open(Settings.load())
    return Studio(opened.store, opened.interpreter, load_engine=lambda _: mini)


def test_a_session_of_one_and_three_turns(studio: Studio) -> None:
    with studio:
        conversation = Conversation.start("portrait of a man without mustache", studio, seed=7)
        turns = [conversation.head]
        turns += [conversation.say(words) for words in ("too cartoonish", "and no watermark", "no hat")]
        assert [_brought(turn) for turn in turns] == [
            [("mustache", 0, "portrait of a man without mustache")],
            [*_brought(turns[0]), ("cartoon", 1, "too cartoonish")],
            [*_brought(turns[1]), ("watermark", 2, "and no watermark")],
            [*_brought(turns[2]), ("hat", 3, "no hat")],
        ]
        assert {turn.prompt for turn in turns} == {"portrait of a man"}
        assert {turn.seed for turn in turns} == {7}
        assert len({turn.sha256 for turn in turns}) == 4
        assert "never learned" not in "".join(turn.reply for turn in turns)
        assert conversation.undo().sha256 == turns[2].sha256
        assert all(result.identical for result in replay_session(studio, conversation.id))


def test_a_word_that_mini_never_learned_is_said(studio: Studio) -> None:
    with studio:
        conversation = Conversation.start("portrait of a woman", studio, seed=1)
        assert "mini never learned “zeppelin”" in conversation.say("no zeppelin").reply


def test_an_exclusion_acts_and_acts_harder_with_its_weight(mini: LocalEngine) -> None:
    def drawn(negative_prompt: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        asked = {"model": BUILT_IN, "prompt": "portrait of a man", "negative_prompt": negative_prompt, "seed": 3}
        asked["shown"] = (negative_prompt,)
        request = GenerationRequest.with_defaults(asked, lambda: mini.defaults)
        return np.asarray(generate(mini, request).image, np.int16)

    bare = drawn("")
    assert abs(drawn("hat") - bare).mean() > 1
    assert (drawn("(hat:1.5)") != drawn("hat")).any()


def _brought(turn: Turn) -> list[tuple[str, int, str]]:
    return [(e.term, e.since, e.words) for e in turn.exclusions]
