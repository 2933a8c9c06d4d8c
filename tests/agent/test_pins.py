"""Pins: parts of the picture that stay, or that alone may change."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from notthat.agent import Conversation, Settings, Studio, turn_json
from notthat.agent.judges.base import Box, Presence, Thresholds
from notthat.agent.pins import Pin, change_pins, read_pins
from notthat.agent.replay.regenerate import replay_session
from notthat.errors import InvalidInputError
from notthat.generation import StubEngine


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("keep the hat", [("keep", "hat")]),
        ("Please keep his glasses exactly as they are.", [("keep", "glasses")]),
        ("Lose the ducks but keep the bench.", [("keep", "bench")]),
        ("don’t touch the background", [("keep", "background")]),
        ("leave the face alone, no watermark", [("keep", "face")]),
        ("only change the hair", [("only", "hair")]),
        ("change nothing but the sky", [("only", "sky")]),
        ("keep the right third clear for copy", []),
        ("keep doing what you did last time with the birds", []),
        ("without the broom she'd be no witch, so keep it", []),
        ("leave the hat", []),
        ("keep it up", []),
        ("more hats", []),
    ],
)
def test_only_clear_requests_pin(words: str, expected: list[tuple[str, str]]) -> None:
    assert [(pin.kind, pin.term) for pin in read_pins(words, 0).pins] == expected


def test_pins_stay_until_released_or_excluded() -> None:
    hat = Pin(kind="keep", term="hat", words="keep the hat", since=0)
    released = change_pins([hat], read_pins("you can change the hat again", 1), excluded=(), has_edits=False)
    assert (released.pins, released.lines) == ((), ("The hat may change again.",))
    excluded = change_pins([hat], read_pins("no hat", 1), excluded=["hat"], has_edits=True)
    assert not excluded.pins
    once = change_pins([hat], read_pins("only change the hair", 1), excluded=(), has_edits=True)
    assert (once.pins, [pin.term for pin in once.active]) == ((hat,), ["hat", "hair"])


class BoxJudge:
    """A judge that finds everything but the sky in the left half."""

    name = "boxes"
    thresholds = Thresholds(gone=0.1, there=0.7)

    def is_present(self, picture: Image.Image, term: str) -> Presence | None:
        return None if term == "sky" else Presence(0.9, Box(0.0, 0.0, 0.4, 1.0))

    def unload(self) -> None: ...


@pytest.fixture
def pinned(studio: Studio) -> Studio:
    return Studio(
        studio.store,
        studio.interpreter,
        model="stub",
        load_engine=StubEngine,
        load_judge=lambda name, device=None: BoxJudge(),
        judge="boxes",
    )


def requests(turns: Sequence[object]) -> list[dict[str, object]]:
    return [turn.request for turn in turns]  # type: ignore[attr-defined]


def test_a_pin_restricts_the_following_turns_until_it_is_released(pinned: Studio) -> None:
    conversation = Conversation.start("a man with a hat", pinned, seed=3)
    first = conversation.head
    kept = conversation.say("keep the hat")
    assert (kept.number, kept.reply) == (0, "The hat stays as it is from now on.")
    assert [pin["term"] for pin in turn_json(kept)["pins"]] == ["hat"]
    turn = conversation.say("no watermark")
    assert turn.source_image == first.sha256
    mask = pinned.store.images.open(str(turn.mask_image))
    assert (mask.getpixel((2, 5)), mask.getpixel((31, 5))) == ((0, 0, 0), (255, 255, 255))
    assert [pin["term"] for pin in turn_json(pinned.store.turn(turn.session))["pins"]] == ["hat"]
    again = conversation.seed(9)
    assert again.source_image == turn.sha256
    conversation.release("hat")
    assert conversation.say("no fog").source_image is None
    with pytest.raises(InvalidInputError, match="not pinned"):
        conversation.release("hat")
    assert all(result.identical for result in replay_session(pinned, conversation.id))


def test_only_with_an_edit_is_about_that_turn(pinned: Studio) -> None:
    conversation = Conversation.start("a man", pinned)
    turn = conversation.say("only change the hair, no watermark")
    mask = pinned.store.images.open(str(turn.mask_image))
    assert (mask.getpixel((2, 5)), mask.getpixel((31, 5))) == ((255, 255, 255), (0, 0, 0))
    assert conversation.say("no fog").mask_image is None


def test_what_is_not_found_is_said_and_not_pinned(pinned: Studio) -> None:
    conversation = Conversation.start("a man", pinned)
    assert "can't find the sky" in conversation.say("keep the sky").reply
    assert conversation.head.pins == ()
    assert conversation.say("no fog").source_image is None


def test_mini_keeps_the_pixels_of_a_hat(tmp_path: Path) -> None:
    with Studio.open(Settings(home=tmp_path, model="mini", interpreter="offline")) as studio:
        conversation = Conversation.start("portrait of a man with a hat", studio, seed=4)
        first = conversation.head
        assert conversation.say("keep the hat").reply == "The hat stays as it is from now on."
        turn = conversation.say("no smile, and another one")
        before, after = (np.asarray(studio.store.images.open(each.sha256), np.int16) for each in (first, turn))
        mask = np.asarray(studio.store.images.open(str(turn.mask_image)).convert("L"))
        assert (before == after)[mask == 0].all()
        assert np.abs(before - after)[mask == 255].mean() > 1
