"""Turns from a checkpoint: the same bits as from the start, for fewer steps."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from notthat.generation import LocalEngine
from notthat.generation.guidance.lookahead_params import TUNED

from .conftest import FINDS_ALL, FINDS_NOTHING

diffusers = import_module("diffusers")

SCHEDULERS = [
    ("DDIMScheduler", {}),
    ("DPMSolverMultistepScheduler", {}),
    ("UniPCMultistepScheduler", {}),
    ("EulerDiscreteScheduler", {}),
    ("EulerAncestralDiscreteScheduler", {}),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    ("PNDMScheduler", {"skip_prk_steps": True}),
    ("HeunDiscreteScheduler", {}),
]


def drawn(model, **asked):
    """The picture, and how many steps were there already."""
    asked = {"syntax": "weighted", "num_inference_steps": 6, "joining_step": 3, **asked}
    *_, last = model.engine.run(model.request(**asked))
    return np.asarray(last.picture.image), last.first


@pytest.fixture
def model(random_model):
    found = random_model("sd")
    found.engine.checkpoints.clear()
    yield found
    found.engine.checkpoints.clear()


@pytest.fixture
def scheduled(model):
    before = model.family.scheduler

    def use(name, options):
        common = {"beta_schedule": "scaled_linear", "steps_offset": 1}
        model.family.scheduler = getattr(diffusers, name)(**common, **options)
        return model

    yield use
    model.family.scheduler = before


@pytest.mark.parametrize(("name", "options"), SCHEDULERS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_turn_from_a_checkpoint_has_the_bits_of_a_cold_one(scheduled, name, options):
    model = scheduled(name, options)
    cold, first = drawn(model, negative_prompt="hat")
    assert first == 0
    model.engine.checkpoints.clear()
    drawn(model, negative_prompt="")
    for negative in ("hat", "blur, frame", "hat"):  # a checkpoint is not used up
        warm, first = drawn(model, negative_prompt=negative)
        assert first == 3
        assert (warm == cold).all() == (negative == "hat")


@pytest.mark.parametrize(("name", "options"), SCHEDULERS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("place_change", [0.0, 1e9], ids=["everywhere", "nowhere"])
def test_a_picture_that_is_drawn_again_without_a_push_is_the_same(scheduled, monkeypatch, name, options, place_change):
    model, asked = scheduled(name, options), {"method": "lookahead", "negative_prompt": "hat", "joining_step": 1}
    no_push = replace(TUNED, place_change=place_change, untracked_push=0.0, cfg_likelihood=1e9)
    monkeypatch.setattr(model.engine, "lookahead", replace(no_push, **FINDS_NOTHING))
    once, _ = drawn(model, **asked)
    model.engine.checkpoints.clear()
    monkeypatch.setattr(model.engine, "lookahead", replace(no_push, **FINDS_ALL))
    again, _ = drawn(model, **asked)
    assert abs(once.astype(int) - again).max() <= 1


def test_a_look_leaves_no_checkpoint_for_other_requests(model, monkeypatch):
    monkeypatch.setattr(model.engine, "lookahead", replace(TUNED, **FINDS_NOTHING))
    asked = {"method": "lookahead", "base_negative_prompt": "frame"}
    cold, _ = drawn(model, negative_prompt="frame, hat", **asked)
    model.engine.checkpoints.clear()
    drawn(model, negative_prompt="frame", joining_step=1, **asked)
    warm, first = drawn(model, negative_prompt="frame, hat", **asked)
    assert first == 0
    assert (warm == cold).all()


@pytest.mark.parametrize("method", ["lookahead", "apg", "perp_neg", "nag", "vsf"])
def test_every_method_goes_on_from_a_checkpoint(model, method):
    asked = {"method": method, "base_negative_prompt": "frame", "guidance_rescale": 0.3}
    cold, _ = drawn(model, negative_prompt="frame, hat", **asked)
    model.engine.checkpoints.clear()
    drawn(model, negative_prompt="frame", **asked)
    warm, first = drawn(model, negative_prompt="frame, hat", **asked)
    assert first == 3
    assert (warm == cold).all()


@pytest.mark.parametrize("kind", ["sdxl", "sd3", "flux"])
def test_every_family_goes_on_from_a_checkpoint(random_model, kind):
    model = random_model(kind)
    model.engine.checkpoints.clear()
    cold, _ = drawn(model, negative_prompt="hat", num_inference_steps=4, joining_step=2)
    warm, first = drawn(model, negative_prompt="hat", num_inference_steps=4, joining_step=2)
    assert first == 2
    assert (warm == cold).all()


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 12},
        {"prompt": "a cat"},
        {"base_negative_prompt": "frame"},
        {"num_inference_steps": 5},
        {"joining_step": 2},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_beginning_is_begun_anew(model, changed):
    drawn(model)
    assert drawn(model, **changed)[1] == 0


def test_a_second_pass_that_ended_before_begins_again_when_exclusions_join(model):
    asked = {"guidance_agreement": 0.001, "base_negative_prompt": ""}
    assert (drawn(model, negative_prompt="hat", **asked)[0] != drawn(model, negative_prompt="frame", **asked)[0]).any()


def test_only_so_many_checkpoints_are_kept(model):
    from notthat.generation.checkpoints import Checkpoints

    kept, engine = model.engine.checkpoints, model.engine
    engine.checkpoints = Checkpoints(megabytes=0)
    drawn(model, seed=1)
    drawn(model, seed=2)
    assert len(engine.checkpoints) == 1
    assert drawn(model, seed=2)[1] == 3
    assert drawn(model, seed=1)[1] == 0
    engine.checkpoints = kept


def test_progress_counts_from_the_checkpoint(model):
    drawn(model)
    request = model.request(syntax="weighted", num_inference_steps=6, joining_step=3, negative_prompt="hat")
    heard = list(model.engine.run(request))
    assert [(p.step, p.first) for p in heard] == [(4, 3), (5, 3), (6, 3)]
    assert heard[0].steps_per_second > 0
    assert heard[0].seconds_left > 0


def test_a_cancelled_turn_leaves_a_checkpoint_that_can_be_used(model):
    request = model.request(syntax="weighted", num_inference_steps=6, joining_step=3, negative_prompt="hat")
    running = model.engine.run(request)
    for _ in range(4):
        next(running)
    running.close()
    cold, first = drawn(model, negative_prompt="hat")
    assert first == 3
    model.engine.checkpoints.clear()
    assert (drawn(model, negative_prompt="hat")[0] == cold).all()


def test_the_built_in_model_goes_on_from_a_checkpoint():
    engine = LocalEngine.load("mini", device="cpu")

    def picture(negative):
        from notthat.generation import GenerationRequest

        asked = {"model": "mini", "prompt": "portrait of a man", "seed": 3, "negative_prompt": negative}
        asked |= {"num_inference_steps": 4, "joining_step": 2}
        *_, last = engine.run(GenerationRequest.with_defaults(asked, lambda: engine.defaults))
        return np.asarray(last.picture.image), last.first

    cold, _ = picture("hat")
    warm, first = picture("hat")
    assert first == 2
    assert (warm == cold).all()
