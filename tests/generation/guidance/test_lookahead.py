"""Looking ahead: what a picture wouldn't have shown changes nothing, and what it would is kept out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from notthat.generation import GenerationRequest, LocalEngine, Progress
from notthat.generation.families.base import Family

STEPS = 20
LOOKED = 14


@pytest.fixture(scope="module")
def mini(mini: tuple[LocalEngine, Family]) -> LocalEngine:
    return mini[0]


def request(mini: LocalEngine, negative: str, seed: int = 0, **asked: Any) -> GenerationRequest:
    values = {"model": "mini", "prompt": "portrait of a man", "negative_prompt": negative, "seed": seed, **asked}
    return GenerationRequest.with_defaults(values, lambda: mini.defaults)


def pixels(last: Progress) -> Sequence[NDArray[np.int16]]:
    return [np.asarray(each.image, np.int16) for each in last.pictures]


@pytest.fixture(scope="module")
def drawn(mini: LocalEngine) -> Any:
    """The pictures of eight seeds, without exclusions and without a hat, and what was heard last of the latter."""
    found = []
    for seed in range(8):
        *_, bare = mini.run(request(mini, "", seed))
        *_, hatless = mini.run(request(mini, "hat", seed))
        found.append((pixels(bare)[0], pixels(hatless)[0], hatless))
    return found


def test_a_picture_that_would_not_have_shown_it_stays_as_it_is(drawn: Any) -> None:
    spared = [abs(hatless - bare).max() for bare, hatless, last in drawn if last.steps == STEPS]
    assert spared
    assert max(spared) <= 1


def test_one_that_would_have_shown_it_is_begun_again(drawn: Any) -> None:
    again = [abs(hatless - bare).mean() for bare, hatless, last in drawn if last.steps != STEPS]
    assert {last.steps for *_, last in drawn} == {STEPS, LOOKED + STEPS}
    assert min(again) > 1


def test_a_batch_is_looked_through_a_picture_at_a_time(mini: LocalEngine, drawn: Any) -> None:
    *_, last = mini.run(request(mini, "hat"), count=8)
    for picture, (_, alone, _) in zip(pixels(last), drawn, strict=True):
        assert abs(picture - alone).max() <= 1


def test_what_was_shown_is_sure_to_be_found(mini: LocalEngine, drawn: Any) -> None:
    seed = next(seed for seed, (*_, last) in enumerate(drawn) if last.steps == STEPS)
    *_, last = mini.run(request(mini, "hat", seed, shown=("hat",)))
    assert last.steps == LOOKED + STEPS
    assert abs(pixels(last)[0] - drawn[seed][0]).max() > 1


def test_the_rest_of_a_picture_that_is_begun_again_stays(drawn: Any) -> None:
    changed = sum(abs(hatless - bare).mean((1, 2)) for bare, hatless, last in drawn if last.steps != STEPS)
    assert changed[:64].mean() > 4 * changed[96:].mean()  # a hat's place is in the upper half


def test_one_that_was_shown_is_kept_out_while_others_are_looked_for(
    mini: LocalEngine, drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notthat.generation.guidance.term_tracking.SHOWS", 1e9)  # nothing is found
    seed = next(seed for seed, (*_, last) in enumerate(drawn) if last.steps != STEPS)
    *_, alone = mini.run(request(mini, "hat", seed, shown=("hat",)))
    *_, beside = mini.run(request(mini, "hat, frame", seed, shown=("hat",)))
    assert beside.steps == LOOKED + STEPS
    assert abs(pixels(alone)[0] - pixels(beside)[0]).mean() < abs(pixels(alone)[0] - drawn[seed][0]).mean() / 4


def test_progress_goes_on_when_a_picture_is_begun_again(mini: LocalEngine, drawn: Any) -> None:
    seed = next(seed for seed, (*_, last) in enumerate(drawn) if last.steps != STEPS)
    heard = list(mini.run(request(mini, "hat", seed)))
    assert [p.step for p in heard] == list(range(1, LOOKED + STEPS + 1))
    assert [p.steps for p in heard] == [STEPS] * LOOKED + [LOOKED + STEPS] * STEPS
    assert [p.step for p in heard if p.picture] == [LOOKED + STEPS]


def test_progress_knows_from_the_start_that_what_was_shown_is_looked_for(mini: LocalEngine) -> None:
    heard = list(mini.run(request(mini, "hat", shown=("hat",))))
    assert [p.step for p in heard] == list(range(1, LOOKED + STEPS + 1))
    assert {p.steps for p in heard} == {LOOKED + STEPS}


def test_an_exclusion_is_measured_where_nothing_of_it_is_found(mini: LocalEngine, drawn: Any) -> None:
    for seed, (*_, last) in enumerate(drawn):
        measured = mini.effects(request(mini, "hat", seed))["hat"]
        assert last.picture is not None
        assert last.picture.negative_effect == pytest.approx(measured)
        assert measured > 0.05


@pytest.mark.parametrize(
    "asked",
    [
        {"num_inference_steps": 1},
        {"guidance_start": 0.5},
        {"guidance_stop": 0.3},
        {"joining_step": 5},
        {"joining_step": 5, "base_negative_prompt": "hat"},
        {"guidance_agreement": 0.5},
        {"guidance_rescale": 0.0},
    ],
    ids=lambda asked: "-".join(asked),
)
@pytest.mark.parametrize("found", [True, False])
def test_every_setting_has_its_look_ahead(
    mini: LocalEngine, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *, found: bool
) -> None:
    monkeypatch.setattr("notthat.generation.guidance.term_tracking.SHOWS", -1e9 if found else 1e9)
    mini.checkpoints.clear()
    wanted = request(mini, "hat, text", **{"num_inference_steps": 10, **asked})
    *_, last = mini.run(wanted)
    assert (last.steps > wanted.num_inference_steps) == found
