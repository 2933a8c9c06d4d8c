"""Prompts to embeddings: weights, chunks, what is encoded anew, and what a limited encoder does not read."""

import pytest
import torch

from notthat.generation import GenerationRequest, InvalidRequestError
from notthat.generation.text_encoders.clip import PromptOptions, apply_weights

WEIGHTED = PromptOptions("weighted")


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_every_text_gets_as_many_chunks_as_the_longest(random_model, kind):
    family = random_model(kind).family
    short, long = family.encode(["hat", "hat " * 50], WEIGHTED)
    assert short.tokens.shape == long.tokens.shape
    assert short.tokens.shape[1] == 77 * len(family.clips[0].chunks("hat " * 50, WEIGHTED)) > 77


def test_a_filled_up_text_ends_with_empty_chunks(random_model):
    family = random_model("sd").family
    (short, _), (empty,) = family.encode(["hat", "hat " * 50], WEIGHTED), family.encode([""], WEIGHTED)
    assert torch.equal(short.tokens[:, 77:154], empty.tokens)


def test_a_weight_scales_a_tokens_embedding():
    tokens = torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(1)) + 1
    scaled = apply_weights(tokens, [1.0, 2.0, 0.5], "scaled")
    assert torch.equal(scaled[:, 1], 2 * tokens[:, 1])
    restored = apply_weights(tokens, [1.0, 2.0, 0.5], "restored")
    assert torch.isclose(restored.mean(), tokens.mean())
    assert torch.allclose(restored * (scaled.mean() / tokens.mean()), scaled)


@pytest.mark.parametrize("weighting", ["scaled", "restored"])
def test_without_weights_both_ways_leave_embeddings_alone(weighting):
    tokens = torch.randn(1, 3, 8)
    assert apply_weights(tokens, [1.0] * 3, weighting) is tokens


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
def test_weighting_is_of_the_request(random_model, kind):
    model = random_model(kind)
    asked = {"syntax": "weighted", "negative_prompt": "a (hat:1.5)", "num_inference_steps": 1}
    scaled, restored = model.pixels(**asked), model.pixels(weighting="restored", **asked)
    unweighted = model.pixels(**{**asked, "negative_prompt": "a hat"})
    assert (scaled != unweighted).any()
    assert (restored != unweighted).any()
    assert (restored != scaled).any()


def test_a_turn_that_adds_a_term_encodes_only_the_chunk_that_is_new(random_model):
    family = random_model("sd").family
    family.forget()
    listed = ", ".join(["frame"] * 30)
    family.encode(["a man", listed], WEIGHTED)
    encoder, calls = family.clips[0].text_encoder, []
    hook = encoder.register_forward_hook(lambda *_: calls.append(1))
    family.encode(["a man", listed], WEIGHTED)
    assert len(calls) == 0
    family.encode(["a man", f"{listed}, hat"], WEIGHTED)
    assert len(calls) == 1
    hook.remove()


@pytest.mark.parametrize("kind", ["sd3", "flux"])
def test_what_a_limited_encoder_does_not_read_is_told_by_term_the_last_ones_first(random_model, kind):
    model = random_model(kind)
    request = model.request(syntax="weighted", negative_prompt=", ".join(["policy", *["frame"] * 90, "hat", "beard"]))
    (line,) = model.engine.warnings(request)
    assert line.endswith("hat, beard”.")
    assert "policy" not in line
    assert model.engine.warnings(model.request(syntax="weighted", negative_prompt="policy, (hat:1.2)")) == []


def test_a_weight_reaches_a_t5s_tokens(random_model):
    t5 = random_model("flux").family.t5
    assert t5.count("a (hat:1.5) (b)", WEIGHTED) == t5.count("a hat b", PromptOptions("plain")) == 8
    (weighted,), (plain,) = t5.encode(["a (hat:1.5) (b)"], WEIGHTED), t5.encode(["a hat b"], PromptOptions("plain"))
    expected = torch.ones(1, t5.length, 1)
    expected[0, :8, 0] = torch.tensor([1, 1, 1.5, 1.5, 1.5, 1.5, 1.1, 1.1])
    assert torch.allclose(weighted.tokens, expected * plain.tokens)


@pytest.mark.parametrize(
    "text",
    [
        "((((",
        "]]]]",
        "(x:abc)",
        "(x:)",
        "(:1.2)",
        "()",
        "\0 \x07 \x1b[31m",
        "\u200d👩‍🎨🏳️‍🌈",
        "\n\t ",
        "\\",
        "BREAK BREAK",
    ],
)
def test_odd_texts_are_drawn_all_the_same(random_model, text):
    for kind in ("sd", "flux"):
        model = random_model(kind)
        model.pixels(prompt=text, negative_prompt=text, syntax="weighted", num_inference_steps=1)


@pytest.mark.parametrize(
    "text", ["(x:1000000000)", "(x:-1)", "((((x:5):5):5):5)", "(x:99999999999999999999999999999999999999999)"]
)
def test_a_weight_out_of_range_is_refused(random_model, text):
    model = random_model("sd")
    for name in ("prompt", "negative_prompt", "base_negative_prompt"):
        with pytest.raises(InvalidRequestError, match="weights go from 0 to 10"):
            model.pixels(syntax="weighted", **{name: text})
    model.pixels(syntax="plain", prompt=text, num_inference_steps=1)


def test_a_request_from_before_there_were_methods_is_the_same_request():
    old = {"model": "mini", "prompt": "a", "seed": 1, "num_inference_steps": 2, "guidance_scale": 1.0}
    request = GenerationRequest.create(**old, width=8, height=8)
    assert (request.method, request.weighting, request.no_negative, request.loras) == ("cfg", "scaled", False, ())
