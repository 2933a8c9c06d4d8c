"""The formulas of `lookahead` guidance: likelihood, push, and what a look finds where."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from notthat.generation.guidance.lookahead import evaluate_look
from notthat.generation.guidance.lookahead_math import (
    change_map,
    changed_places,
    changed_share,
    combine_terms,
    lookahead_certainty,
    nearness,
    push_weight,
    signal_strength,
    update_likelihood,
)
from notthat.generation.guidance.lookahead_params import TUNED, LookaheadParams
from notthat.generation.guidance.term_tracking import TermTracker, group_terms


def random_latents(seed: int, shape: tuple[int, ...] = (2, 4, 8, 8)) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


COND, NEG, NULL = random_latents(1), random_latents(2), random_latents(3)


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-4)


def per_picture(value: float) -> Tensor:
    return torch.full((2, 1, 1, 1), value)


def track(null: Tensor, terms: dict[str, Tensor], before: TermTracker | None = None) -> TermTracker:
    return TermTracker.update(before, null, terms, TUNED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tracked_terms", 0),
        ("look_share", 0.0),
        ("look_share", 1.1),
        ("prior_likelihood", 1.5),
        ("min_likelihood", 0.0),
        ("unrelated_share", -0.1),
        ("half_signal_ratio", 0.0),
        ("cfg_likelihood", -1.0),
        ("untracked_push", float("nan")),
        ("found_nearness", float("inf")),
        ("min_certainty", 2.0),
    ],
)
def test_a_parameter_out_of_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        LookaheadParams(**{name: value})  # type: ignore[arg-type]


def test_the_tuned_parameters_are_valid_and_frozen() -> None:
    assert LookaheadParams(**{each.name: getattr(TUNED, each.name) for each in fields(TUNED)}) == TUNED
    with pytest.raises(AttributeError):
        TUNED.look_share = 0.5  # type: ignore[misc]


def test_one_term_of_weight_1_gives_its_own_prediction() -> None:
    assert close(combine_terms([NEG], NULL, [per_picture(1.0)]), NEG)
    assert close(combine_terms([NEG], NULL, [per_picture(0.0)]), NULL)
    assert torch.equal(combine_terms([], NULL, []), NULL)


def test_the_pushes_of_several_terms_add_up() -> None:
    both = combine_terms([NEG, COND], NULL, [per_picture(0.5), per_picture(2.0)])
    assert close(both - NULL, 0.5 * (NEG - NULL) + 2 * (COND - NULL))


def test_a_term_becomes_likelier_as_the_prediction_moves_towards_it() -> None:
    towards, aside = NEG - NULL, COND - NULL
    aside = aside - (aside * towards).sum((1, 2, 3), keepdim=True) / (towards**2).sum((1, 2, 3), keepdim=True) * towards
    assert (update_likelihood(per_picture(0.3), towards, 0.2 * towards, TUNED) > 0.4).all()
    assert (update_likelihood(per_picture(0.3), towards, -0.2 * towards, TUNED) < 0.2).all()
    assert close(update_likelihood(per_picture(0.3), towards, aside, TUNED), per_picture(0.3))
    least = per_picture(TUNED.min_likelihood)
    assert close(update_likelihood(per_picture(0.1), towards, -2 * towards, TUNED), least)


def test_a_slight_difference_is_no_evidence() -> None:
    slight = 0.01 * (NEG - NULL)
    assert abs(update_likelihood(per_picture(0.3), slight, COND - NULL, TUNED) - 0.3).max() < 0.02


def test_each_picture_of_a_batch_has_its_own_likelihood() -> None:
    towards = NEG - NULL
    moved = torch.cat([towards[:1], -towards[1:]])
    first, second = update_likelihood(per_picture(0.5), towards, moved, TUNED).flatten()
    assert first > 0.7
    assert second < 0.3


def test_a_term_that_changes_much_of_the_picture_can_be_tracked() -> None:
    half = TUNED.half_signal_ratio
    signals = [signal_strength(times * NULL, NULL, TUNED).mean() for times in (0.0, 0.1 * half, half, 10 * half)]
    assert signals == sorted(signals)
    assert signals[1] < 1e-3
    assert abs(signals[2] - 0.5) < 1e-4
    assert signals[3] > 0.999


@given(st.floats(TUNED.min_likelihood, 1))
def test_a_term_that_cannot_be_tracked_is_always_pushed_away_from(likelihood: float) -> None:
    assert close(push_weight(per_picture(likelihood), per_picture(0.0), TUNED), per_picture(TUNED.untracked_push))


@given(st.floats(0.1, 1))
def test_the_push_grows_with_the_likelihood(signal: float) -> None:
    likelihoods = (TUNED.min_likelihood, TUNED.prior_likelihood, TUNED.cfg_likelihood, 1.0)
    weights = [push_weight(per_picture(each), per_picture(signal), TUNED).mean() for each in likelihoods]
    assert weights == sorted(weights)


def test_a_tracked_term_that_is_unlikely_is_hardly_pushed_away_from() -> None:
    assert (push_weight(per_picture(TUNED.min_likelihood), per_picture(1.0), TUNED) < 0.05).all()
    assert close(push_weight(per_picture(TUNED.cfg_likelihood), per_picture(1.0), TUNED), per_picture(1.0))


def test_a_term_without_any_difference_gives_finite_numbers() -> None:
    nothing = torch.zeros_like(NULL)
    assert torch.isfinite(update_likelihood(per_picture(0.3), nothing, nothing, TUNED)).all()
    assert torch.isfinite(signal_strength(nothing, nothing, TUNED)).all()


def test_a_tracked_term_stays_tracked_when_others_join() -> None:
    before = track(NULL, {"hat": NEG})
    after = track(NULL + 0.5 * (NEG - NULL), {"hat": NEG, "frame": COND}, before)
    assert (before.likelihood["hat"] == TUNED.prior_likelihood).all()
    assert (after.likelihood["hat"] > TUNED.prior_likelihood).all()
    assert (after.likelihood["frame"] == TUNED.prior_likelihood).all()


def test_the_signal_of_a_term_decays_slowly() -> None:
    before = track(NULL, {"hat": NEG})
    after = track(NULL, {"hat": NULL + 1e-3 * NEG, "frame": NULL + 1e-3 * NEG}, before)
    assert close(after.signal["hat"], TUNED.signal_decay * before.signal["hat"])
    assert (after.signal["frame"] < 1e-3).all()


def test_a_term_starts_at_its_expected_likelihood() -> None:
    expected = {"hat": per_picture(0.3), "text": per_picture(0.1)}
    tracker = TermTracker.update(None, NULL, {"hat": NEG, "frame": COND, "text": COND}, TUNED, expected)
    assert close(tracker.likelihood["hat"], per_picture(0.3))
    assert close(tracker.likelihood["frame"], per_picture(TUNED.prior_likelihood))
    assert close(tracker.likelihood["text"], per_picture(0.1))


def test_a_picture_is_nearer_to_a_term_that_predicted_it_better() -> None:
    nulls, towards = torch.stack([NULL, COND]), torch.stack([random_latents(6), random_latents(7)])
    hit, miss = nulls + towards, nulls - towards
    assert close(nearness(hit, nulls, towards), torch.ones(2, 1, 1, 1))
    assert close(nearness(nulls + towards / 2, nulls, towards), torch.zeros(2, 1, 1, 1))
    assert close(nearness(miss, nulls, towards), -3 * torch.ones(2, 1, 1, 1))
    assert torch.isfinite(nearness(nulls, nulls, towards)).all()


def test_a_look_is_evaluated_for_each_picture_and_each_term() -> None:
    towards = NEG - NULL
    picture = torch.cat([NULL[:1] + towards[:1], NULL[1:] - towards[1:]])
    seen = track(NULL, {"hat": NEG, "frame": NULL - 10 * towards})
    result = evaluate_look([seen, seen], picture, ["hat", "frame"], TUNED)
    likely, unlikely = TUNED.found_likelihood, TUNED.not_found_likelihood
    assert result.found.flatten().tolist() == [True, False]
    assert result.certainty["hat"].flatten().tolist() == pytest.approx([1, TUNED.min_certainty])
    assert result.certainty["frame"].flatten().tolist() == pytest.approx([TUNED.min_certainty] * 2)
    assert result.expected["hat"].flatten().tolist() == pytest.approx([likely, unlikely])
    assert result.expected["frame"].flatten().tolist() == pytest.approx([unlikely, unlikely])
    assert not evaluate_look([seen], picture, ["frame"], TUNED).found.any()
    assert evaluate_look([seen], picture, ["frame"], TUNED, known={"frame"}).found.all()


def changes_of_two_terms() -> tuple[Tensor, Tensor]:
    """The differences of two terms on 8 x 8 latents: one changes a corner, the other everything."""
    corner, everywhere = torch.zeros(3, 2, 4, 8, 8), random_latents(8, (3, 2, 4, 8, 8)) + 5
    corner[..., :2, :2] = random_latents(9, (3, 2, 4, 2, 2)) + 5
    return corner, everywhere


def test_the_places_of_a_term_are_those_that_it_changes() -> None:
    corner, everywhere = changes_of_two_terms()
    places = changed_places(change_map(corner), TUNED)
    assert places.shape == (2, 1, 8, 8)
    assert places[..., :2, :2].all()
    assert places.sum() == 2 * 4
    assert changed_places(change_map(everywhere), TUNED).all()


def test_a_term_in_a_corner_is_spread_less_than_one_everywhere() -> None:
    few, all_of_it = (changed_share(change_map(each)) for each in changes_of_two_terms())
    assert few.shape == (2, 1, 1, 1)
    assert (few - 4 / 64).abs().max() < 0.02
    assert ((all_of_it > 0.8) & (all_of_it <= 1)).all()
    assert torch.isfinite(changed_share(torch.zeros(1, 1, 8, 8))).all()


def test_the_places_of_latents_in_patches_are_patches() -> None:
    corner, _ = changes_of_two_terms()
    whole, patches = change_map(corner), change_map(corner.flatten(3).transpose(2, 3))
    assert patches.shape == (2, 64, 1)
    assert torch.equal(changed_places(patches, TUNED).flatten(), changed_places(whole, TUNED).flatten())
    assert close(changed_share(patches).flatten(), changed_share(whole).flatten())


def test_a_look_is_more_certain_of_a_picture_that_shows_a_term_more_clearly() -> None:
    spread = per_picture(0.5)
    certainties = [
        lookahead_certainty(per_picture(near), spread, TUNED).mean() for near in (-1.0, -0.1, -0.05, 0.0, 0.05, 1.0)
    ]
    assert certainties == sorted(certainties)
    assert len(set(certainties)) == len(certainties)
    assert certainties[0] == pytest.approx(TUNED.min_certainty)
    assert certainties[-1] == 1


def test_a_look_is_less_certain_of_a_term_that_covers_the_picture() -> None:
    certainties = [
        lookahead_certainty(per_picture(0.0), per_picture(spread), TUNED).mean() for spread in (0.0, 0.5, 1.0)
    ]
    assert certainties == sorted(certainties, reverse=True)
    assert certainties[0] == 1
    assert certainties[-1] == pytest.approx(1 - TUNED.spread_doubt)


def test_a_more_certain_look_pushes_harder() -> None:
    tracker = track(NULL, {"hat": NULL + 1e-3 * NEG})
    pushes = [tracker.weights(TUNED, {"hat": per_picture(each)})["hat"].mean() for each in (0.5, 0.8, 1.0)]
    assert pushes == sorted(pushes)
    assert pushes[0] < 0.6 * pushes[-1]
    assert close(tracker.weights(TUNED)["hat"], tracker.weights(TUNED, {"hat": per_picture(1.0)})["hat"])


def test_a_look_is_at_least_halfway_certain_of_a_term_that_was_shown() -> None:
    seen = track(NULL, {"hat": NEG})
    away, halfway = NULL - (NEG - NULL), NULL + (NEG - NULL) / 2
    known, shown = (evaluate_look([seen], picture, ["hat"], TUNED, known={"hat"}) for picture in (away, halfway))
    assert close(known.certainty["hat"], shown.certainty["hat"])


def test_only_the_places_of_found_terms_are_drawn_again() -> None:
    corner, everywhere = (each[0] for each in changes_of_two_terms())
    seen = track(torch.zeros_like(corner), {"hat": corner, "dark": everywhere})
    with_a_hat = torch.cat([corner[:1], -corner[1:]]) - 1e-3 * everywhere
    result = evaluate_look([seen], with_a_hat, ["hat", "dark"], TUNED)
    assert result.places[0].sum() == 4
    assert result.places[0, :, :2, :2].all()
    assert not result.places[1].any()
    assert result.certainty["hat"][0] > result.certainty["dark"][0]


def test_terms_are_grouped_into_at_most_six_lists_without_losing_any() -> None:
    for count in range(30):
        listed = [f"t{k}" for k in range(count)]
        groups = group_terms(listed, 6)
        assert ", ".join(groups) == ", ".join(listed)
        assert len(groups) == min(count, 6)
