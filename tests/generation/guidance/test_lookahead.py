"""Look-ahead: a picture that would not show an excluded term stays as it is; one that would is drawn again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from notthat.generation import GenerationRequest, LocalEngine, Progress
from notthat.generation.families.base import Family
from notthat.generation.guidance.lookahead_params import TUNED

from ..conftest import FINDS_ALL, FINDS_NOTHING

STEPS = 20
LOOK_STEPS = 14


class Drawn(NamedTuple):
    """A seed's picture without exclusions, the one without a hat, and the last progress of the latter."""

    bare: NDArray[np.int16]
    hatless: NDArray[np.int16]
    last: Progress

    @property
    def was_drawn_again(self) -> bool:
        return self.last.steps != STEPS


@pytest.fixture(scope="module")
def mini(mini: tuple[LocalEngine, Family]) -> LocalEngine:
    return mini[0]


def request(mini: LocalEngine, negative: str, seed: int = 0, **changed: Any) -> GenerationRequest:
    values = {"model": "mini", "prompt": "portrait of a man", "negative_prompt": negative, "seed": seed, **changed}
    return GenerationRequest.with_defaults(values, lambda: mini.defaults)


def pixels(last: Progress) -> Sequence[NDArray[np.int16]]:
    return [np.asarray(each.image, np.int16) for each in last.pictures]


@pytest.fixture(scope="module")
def drawn(mini: LocalEngine) -> Sequence[Drawn]:
    """Eight seeds; some of the pictures would show a hat."""
    found = []
    for seed in range(8):
        *_, bare = mini.run(request(mini, "", seed))
        *_, hatless = mini.run(request(mini, "hat", seed))
        found.append(Drawn(pixels(bare)[0], pixels(hatless)[0], hatless))
    assert {each.was_drawn_again for each in found} == {True, False}
    return found


def seed_that(drawn: Sequence[Drawn], *, is_drawn_again: bool) -> int:
    return next(seed for seed, each in enumerate(drawn) if each.was_drawn_again == is_drawn_again)


def test_a_picture_that_would_not_show_the_term_stays_as_it_is(drawn: Sequence[Drawn]) -> None:
    assert max(abs(each.hatless - each.bare).max() for each in drawn if not each.was_drawn_again) <= 1


def test_a_picture_that_would_show_the_term_is_drawn_again(drawn: Sequence[Drawn]) -> None:
    assert {each.last.steps for each in drawn} == {STEPS, LOOK_STEPS + STEPS}
    assert min(abs(each.hatless - each.bare).mean() for each in drawn if each.was_drawn_again) > 1


def test_each_picture_of_a_batch_is_looked_at_separately(mini: LocalEngine, drawn: Sequence[Drawn]) -> None:
    *_, last = mini.run(request(mini, "hat"), count=8)
    for picture, alone in zip(pixels(last), drawn, strict=True):
        assert abs(picture - alone.hatless).max() <= 1


def test_a_shown_term_counts_as_found(mini: LocalEngine, drawn: Sequence[Drawn]) -> None:
    seed = seed_that(drawn, is_drawn_again=False)
    *_, last = mini.run(request(mini, "hat", seed, shown=("hat",)))
    assert last.steps == LOOK_STEPS + STEPS
    assert abs(pixels(last)[0] - drawn[seed].bare).max() > 1


def test_a_picture_that_is_drawn_again_keeps_the_other_places(drawn: Sequence[Drawn]) -> None:
    changed = sum(abs(each.hatless - each.bare).mean((1, 2)) for each in drawn if each.was_drawn_again)
    assert changed[:64].mean() > 4 * changed[96:].mean()  # a hat is in the upper half


def test_a_shown_term_is_excluded_while_others_are_looked_for(
    mini: LocalEngine, drawn: Sequence[Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mini, "lookahead", replace(TUNED, **FINDS_NOTHING))
    seed = seed_that(drawn, is_drawn_again=True)
    *_, alone = mini.run(request(mini, "hat", seed, shown=("hat",)))
    *_, beside = mini.run(request(mini, "hat, frame", seed, shown=("hat",)))
    assert beside.steps == LOOK_STEPS + STEPS
    assert abs(pixels(alone)[0] - pixels(beside)[0]).mean() < abs(pixels(alone)[0] - drawn[seed].bare).mean() / 4


def test_progress_continues_when_a_picture_is_drawn_again(mini: LocalEngine, drawn: Sequence[Drawn]) -> None:
    heard = list(mini.run(request(mini, "hat", seed_that(drawn, is_drawn_again=True))))
    assert [p.step for p in heard] == list(range(1, LOOK_STEPS + STEPS + 1))
    assert [p.steps for p in heard] == [STEPS] * LOOK_STEPS + [LOOK_STEPS + STEPS] * STEPS
    assert [p.step for p in heard if p.picture] == [LOOK_STEPS + STEPS]


@pytest.mark.parametrize("joining_step", [0, 5])
def test_progress_knows_all_steps_from_the_start_for_a_shown_term(mini: LocalEngine, joining_step: int) -> None:
    looked = {0: 7, 5: 4}[joining_step]
    mini.checkpoints.clear()
    wanted = request(mini, "hat", shown=("hat",), num_inference_steps=10, joining_step=joining_step)
    heard = list(mini.run(wanted))
    assert [p.step for p in heard] == list(range(1, looked + 10 + 1))
    assert {p.steps for p in heard} == {looked + 10}


def test_an_exclusion_is_measured_even_if_the_look_finds_nothing(mini: LocalEngine, drawn: Sequence[Drawn]) -> None:
    for seed, each in enumerate(drawn):
        measured = mini.effects(request(mini, "hat", seed))["hat"]
        assert each.last.picture is not None
        assert each.last.picture.negative_effect == pytest.approx(measured)
        assert measured > 0.05


SETTINGS: Sequence[dict[str, Any]] = [
    {"num_inference_steps": 1},
    {"guidance_start": 0.5},
    {"guidance_stop": 0.3},
    {"joining_step": 5},
    {"joining_step": 5, "base_negative_prompt": "hat"},
    {"guidance_agreement": 0.5},
    {"guidance_rescale": 0.0},
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: "-".join(setting))
@pytest.mark.parametrize("found", [True, False])
def test_the_look_works_with_every_setting(
    mini: LocalEngine, setting: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *, found: bool
) -> None:
    monkeypatch.setattr(mini, "lookahead", replace(TUNED, **(FINDS_ALL if found else FINDS_NOTHING)))
    mini.checkpoints.clear()
    wanted = request(mini, "hat, text", **{"num_inference_steps": 10, **setting})
    *_, last = mini.run(wanted)
    assert (last.steps > wanted.num_inference_steps) == found


@pytest.mark.parametrize(
    "setting",
    [
        {"guidance_start": 0.6, "guidance_stop": 0.6},
        {"guidance_scale": 1.0},
        {"joining_step": 6},
        {"joining_step": 3, "base_negative_prompt": "hat", "guidance_agreement": 0.01},
    ],
    ids=["empty interval", "guidance off", "joins too late", "guidance has ended"],
)
def test_nothing_is_drawn_twice_if_the_exclusions_cannot_act(mini: LocalEngine, setting: dict[str, Any]) -> None:
    wanted = request(mini, "hat", shown=("hat",), method="lookahead", **{"num_inference_steps": 6, **setting})
    mini.checkpoints.clear()
    heard = list(mini.run(wanted))
    assert {p.steps for p in heard} == {6}
