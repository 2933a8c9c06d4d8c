"""The exclusion experiment: its intervals, its prompts, what it compares, and the judge it trusts."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import Drawer, agent_requests, bare, batches, refused, wanted
from exclusion import FIVE
from joining import latest, pooled
from judge import ATTRIBUTES, Judge, accuracy, held_out
from rates import Rate, SideEffects

from notthat.generation import GenerationRequest, LocalEngine


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_the_intervals_are_those_of_the_literature(hits: int, of: int, low: float, high: float) -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    assert Rate(hits, of).interval() == pytest.approx((low, high), abs=2e-4)


def test_prompts_are_those_of_people() -> None:
    assert refused("portrait of a man", "hat") == "portrait of a man without a hat"
    assert refused("portrait of a woman", "glasses") == "portrait of a woman without glasses"
    assert refused("portrait of a child", "blurry") == "portrait of a child, not blurry"
    assert wanted("portrait of a man", "cartoon") == "cartoon portrait of a man"
    assert wanted("portrait of a woman", "watermark") == "portrait of a woman, watermark"


def test_what_differs_by_the_seed_alone_is_drawn_at_once() -> None:
    ask = partial(GenerationRequest, model="mini", num_inference_steps=1, guidance_scale=4.0, width=128, height=128)
    men = [ask(prompt="a man", seed=seed) for seed in range(10)]
    hats = [ask(prompt="a hat", seed=seed) for seed in (10, 12, 13)]
    assert [len(batch) for batch in batches([*men, *hats])] == [8, 2, 1, 2]
    assert [request for batch in batches([*men, *hats]) for request in batch] == [*men, *hats]


def test_an_experiment_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    first, again = Drawer(1, tmp_path), Drawer(1, tmp_path)
    requests = [first.request(seed, bare(seed, "hat"), num_inference_steps=1) for seed in range(2)]
    drawn = first.draw(requests, "first")
    again.pool.terminate()  # nobody is left who could draw
    assert (again.draw(requests, "again") == drawn).all()
    first.pool.terminate()


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_the_agent_asks_for_what_the_negative_column_asks_for(name: str) -> None:
    defaults = LocalEngine.load("mini").defaults
    seeds = (7, 8)  # told in the first prompt, and in a second turn
    for seed, shown, request in zip(seeds, ((), (name,)), agent_requests(seeds, name), strict=True):
        values = {"model": "mini", "prompt": bare(seed, name), "negative_prompt": name, "shown": shown, "seed": seed}
        expected = GenerationRequest.with_defaults(values, lambda: defaults)
        assert (request.prompt, request.negative_prompt, request.seed) == (bare(seed, name), name, seed)
        assert request == expected


def test_side_effects_are_what_came_or_went_beside_the_excluded_and_its_alternatives() -> None:
    before, after = np.zeros((2, 4, len(ATTRIBUTES)), bool)
    before[:, ATTRIBUTES.index("glasses")] = True
    after[0, [ATTRIBUTES.index("glasses"), ATTRIBUTES.index("hat")]] = True
    after[1:, ATTRIBUTES.index("sunglasses")] = True
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 200, (4, 128, 128, 3), np.uint8)
    effects = SideEffects.between("glasses", (pictures, pictures + 9), (before, after))
    assert effects.left == Rate(1, 4)
    assert effects.worst == "hat 25 %"
    assert "sunglasses" not in effects.flips
    assert effects.pixels == 9
    assert effects.untouched == Rate(0, 4)
    assert effects.where_it_was == pytest.approx(1 / (4 * (len(ATTRIBUTES) - 2)))
    assert effects.composition == pytest.approx(1)
    told = SideEffects.between("glasses", (pictures, pictures), (before, after), judged=("glasses", "beard"))
    assert told.flips == {"beard": 0}
    assert told.untouched == Rate(4, 4)


def test_a_kind_joins_as_late_as_its_effect_holds_without_a_break() -> None:
    at_once = Rate(4, 100)
    assert latest((0, 2, 4, 6), [at_once, Rate(4, 100), Rate(5, 100), Rate(4, 100)]) == 2
    assert latest((0, 2), [at_once, Rate(5, 100)]) == 0
    assert latest((0, 2, 4), [Rate(1, 50), Rate(0, 50), Rate(1, 50)]) == 4
    assert pooled([Rate(1, 10), Rate(2, 30)]) == Rate(3, 40)


def test_the_five_are_attributes() -> None:
    assert set(FIVE) <= set(ATTRIBUTES)


def test_the_judge_knows_renders_that_it_never_saw() -> None:
    torch.manual_seed(0)
    found = accuracy(Judge.load(), *held_out(120))
    assert np.mean([min(pair) for pair in found.values()]) > 0.9
