"""Guidance in the model's attention: the formulas of `ong` and `vsf`, and what every family makes of the methods."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from notthat.generation import GenerationError, InvalidRequestError, LocalEngine
from notthat.generation.families import value_flip
from notthat.generation.guidance.methods import ong, vsf
from notthat.generation.request import ATTENTION_METHODS

from ..conftest import LANGUAGE_MODEL_FLOWS, loaded

U_NETS = ["sd", "lcm", "sdxl"]
JOINT = ["sd3", "flux", "schnell", *LANGUAGE_MODEL_FLOWS, "klein-distilled", "krea2-distilled"]
BASES = ["sd3", "flux", *LANGUAGE_MODEL_FLOWS]
CASES = [
    *((kind, method) for kind in U_NETS for method in ("nag", "vsf")),
    *((kind, method) for kind in JOINT for method in ATTENTION_METHODS),
]

BATCHES = [
    ("sd", "vsf"),
    *(
        (kind, method)
        for kind in ("sd3", "z-image", "lumina2", "chroma", "qwen-image-2.1")
        for method in ("ong", "vsf")
    ),
]
"""Each layout of text and picture: apart, picture first, text first, and with masks."""


def some(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


POS, NEGATIVES = some(1, 2, 5, 16), [some(2, 2, 5, 16), some(3, 2, 5, 16)]


def test_ong_subtracts_only_what_is_orthogonal_to_the_prompt():
    change = POS - ong(POS, NEGATIVES, weights=[1.5, 0.5])
    assert torch.allclose((change * POS).sum(dim=-1), torch.zeros(2, 5), atol=1e-4)
    (one,) = NEGATIVES[:1]
    along = (one * POS).sum(dim=-1, keepdim=True) / POS.square().sum(dim=-1, keepdim=True) * POS
    assert torch.allclose(ong(POS, [one], weights=[0.7]), POS - 0.7 * (one - along), atol=1e-5)


@given(st.floats(0, 5), st.floats(0.1, 5))
def test_ong_takes_the_same_text_away_once(weight, scale):
    once = ong(POS, NEGATIVES[:1], weights=[weight])
    assert torch.allclose(ong(POS, [NEGATIVES[0], scale * NEGATIVES[0]], weights=[weight, 1.0]), once, atol=1e-3)
    assert torch.allclose(ong(POS, [scale * POS], weights=[weight]), POS, atol=1e-3)


def test_vsf_is_attention_with_flipped_values():
    query, key, value = some(1, 1, 2, 5, 8), some(2, 1, 2, 7, 8), some(3, 1, 2, 7, 8)
    negative_key, negative_value = some(4, 1, 2, 3, 8), some(5, 1, 2, 3, 8)
    mask = torch.tensor([True] * 6 + [False])[None, None, None]
    tensors = query, key, value, negative_key, negative_value, torch.tensor([False, True, True])
    found = vsf(*tensors, scale=2.0, offset=0.3, mask=mask)
    logits = query @ torch.cat([key[:, :, :6], negative_key[:, :, 1:]], dim=2).mT / 8**0.5
    logits[..., 6:] -= 0.3
    expected = logits.softmax(dim=-1) @ torch.cat([value[:, :, :6], -2 * negative_value[:, :, 1:]], dim=2)
    assert torch.allclose(found, expected, atol=1e-5)
    as_number = torch.where(mask, 0.0, -torch.inf)
    assert torch.allclose(vsf(*tensors, scale=2.0, offset=0.3, mask=as_number), found, atol=1e-6)


def drawn(model, **asked):
    """The last progress of a picture without guidance."""
    given = {"syntax": "weighted", "num_inference_steps": 1, "guidance_scale": 1.0}
    *_, last = model.engine.run(model.request(**{**given, **asked}), measure="terms")
    return last.picture


def pixels(model, **asked):
    return np.asarray(drawn(model, **asked).image, np.int16)


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_exclusions_act_in_the_attention_of_every_family(random_model, kind, method):
    model = random_model(kind)
    plain = pixels(model)
    picture = drawn(model, method=method, negative_prompt="a very tall hat, (glasses:1.4)")
    assert picture.negative_effect > 0
    assert min(picture.term_effects.values()) > 0
    assert (np.asarray(picture.image) != plain).any()
    assert (pixels(model) == plain).all()  # no hook stays


@pytest.mark.parametrize("kind", ["sd", "sdxl", *BASES])
def test_vsf_reads_the_words_of_the_negative_prompt(random_model, monkeypatch, kind):
    """In the first layer, the keys that are read have other values for another text of the same length."""
    model, seen = random_model(kind), []

    def record(*tensors, **options):
        seen.append(tensors[3][:, :, tensors[5]])
        return vsf(*tensors, **options)

    monkeypatch.setattr(value_flip, "vsf", record)
    asked = {"method": "vsf", "num_inference_steps": 1, "syntax": "plain", "guidance_scale": 1.0}
    prompt, firsts = "a man on a beach, a longer prompt", []
    for negative in ("hat", "cap", "hat"):
        seen.clear()
        model.pixels(negative_prompt=negative, prompt=prompt, **asked)
        firsts.append(seen[0])
    one, other, again = firsts
    assert torch.equal(one, again)
    assert one.shape == other.shape
    assert 3 <= one.shape[2] <= 100  # no padding, which goes up to 512
    assert (one != other).any(dim=-1).any(dim=1).sum() >= 2


@pytest.mark.parametrize(("kind", "method"), BATCHES)
def test_a_picture_of_a_batch_is_the_one_drawn_alone(random_model, kind, method):
    model = random_model(kind)
    asked = {"method": method, "negative_prompt": "hat, blur", "syntax": "weighted", "guidance_scale": 1.0}
    asked["num_inference_steps"] = 2
    first, second = model.pixels(count=2, **asked)
    assert abs(first - model.pixels(**asked)[0]).max() <= 1
    assert abs(second - model.pixels(seed=model.request().seed + 1, **asked)[0]).max() <= 1


@pytest.mark.parametrize(("kind", "method"), BATCHES)
def test_without_exclusions_the_picture_is_that_of_the_prompt(random_model, kind, method):
    model = random_model(kind)
    assert (pixels(model, method=method) == pixels(model)).all()


@pytest.mark.parametrize("kind", BASES)
def test_ong_away_from_the_prompt_itself_changes_nothing(random_model, kind):
    model = random_model(kind)
    same = model.family.frame_prompt("a man on a beach")
    assert abs(pixels(model, method="ong", negative_prompt=same) - pixels(model)).max() <= 1


@pytest.mark.parametrize("kind", BASES)
def test_the_weight_of_an_exclusion_is_its_strength_in_ong(random_model, kind):
    model = random_model(kind)
    longer = "a hat as tall as a tower"  # than the prompt, whose tokens must not move
    terms = [f"({text}:{weight})" for text, weight in ((longer, 0), ("hat", 0.5), ("hat", 1.5))]
    none, weak, strong = (drawn(model, method="ong", negative_prompt=term).negative_effect for term in terms)
    assert none < 1e-5 < weak < strong


@pytest.mark.parametrize("kind", U_NETS)
def test_ong_is_refused_without_joint_attention(random_model, kind):
    with pytest.raises(InvalidRequestError, match="use nag or vsf"):
        pixels(random_model(kind), method="ong", negative_prompt="hat")


@pytest.mark.parametrize("method", ["ong", "vsf"])
def test_seven_exclusions_and_a_long_prompt_fit(random_model, method):
    model = random_model("z-image")
    terms = [f"term {chr(97 + k)}" for k in range(7)]
    picture = drawn(model, method=method, prompt="a man, " * 20, negative_prompt=", ".join(terms))
    assert list(picture.term_effects) == terms
    assert min(picture.term_effects.values()) > 0


@pytest.mark.parametrize("method", ["ong", "vsf"])
def test_a_turn_from_a_checkpoint_has_the_bits_of_a_cold_one(random_model, method):
    model = random_model("flux")
    model.engine.checkpoints.clear()
    asked = {"method": method, "negative_prompt": "hat", "num_inference_steps": 4, "joining_step": 2}
    cold, warm = (list(model.engine.run(model.request(guidance_scale=1.0, **asked)))[-1] for _ in range(2))
    assert (cold.first, warm.first) == (0, 2)
    assert (np.asarray(cold.picture.image) == np.asarray(warm.picture.image)).all()


@pytest.mark.parametrize("method", ["ong", "vsf"])
def test_compiled_blocks_are_guided_too(random_model, monkeypatch, method):
    model = random_model("sd3")
    compile_ = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compile_(self, backend="eager", **options))
    engine = LocalEngine.load(str(model.folder), device="cpu", compiled=True)
    asked = {"negative_prompt": "hat", "method": method, "guidance_scale": 1.0, "num_inference_steps": 2}
    *_, last = engine.run(model.request(**asked))
    assert abs(model.pixels(**asked)[0] - last.picture.image).max() <= 1


def test_vsf_says_that_it_needs_the_attention_of_torch(random_model):
    from diffusers.models.attention_processor import AttnProcessor

    engine, family = loaded(str(random_model("sd").folder))
    family.denoiser.set_attn_processor(AttnProcessor())
    request = random_model("sd").request(method="vsf", negative_prompt="hat", guidance_scale=1.0)
    with pytest.raises(GenerationError, match="needs the attention of torch"):
        list(engine.run(request))


@pytest.mark.parametrize("kind", [*U_NETS, *JOINT])
def test_what_can_exclude_is_known_before_it_is_drawn(kind, random_model):
    model = random_model(kind)

    def can_exclude(method, scale):
        return model.engine.can_exclude(model.request(method=method, guidance_scale=scale))

    assert [can_exclude(method, 1.0) for method in ("nag", "vsf", "ong", "cfg")] == [True, True, kind in JOINT, False]
    assert can_exclude("cfg", 2.0) == (kind != "lcm")
