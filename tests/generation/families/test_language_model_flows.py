"""What the flows with a language model share: methods, effects, checkpoints, previews, weights, and their limits."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from notthat.generation import InvalidRequestError
from notthat.generation.text_encoders.clip import PromptOptions

from ..conftest import LANGUAGE_MODEL_FLOWS

KINDS = LANGUAGE_MODEL_FLOWS
_PIXELS_EACH = {"klein": 4, "lumina2": 8, "qwen-image-2.1": 16}


def drawn(model, **asked):
    """The last progress of a picture with weights."""
    *_, last = model.engine.run(model.request(**{"syntax": "weighted", "num_inference_steps": 2, **asked}))
    return last


def pixels(model, **asked):
    return np.asarray(drawn(model, **asked).picture.image, np.int16)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["cfg", "lookahead", "apg", "perp_neg"])
def test_a_negative_prompt_acts_by_every_guidance_method(random_model, kind, method):
    asked = {"method": method, "shown": ("hat",) if method == "lookahead" else ()}
    last = drawn(random_model(kind), negative_prompt="hat", **asked)
    assert last.picture.negative_effect > 0
    assert (np.asarray(last.picture.image) != pixels(random_model(kind), **asked)).any()


@pytest.mark.parametrize("kind", [*KINDS, "klein-distilled", "krea2-distilled"])
def test_a_negative_prompt_acts_by_attention_without_guidance(random_model, kind):
    model, asked = random_model(kind), {"method": "nag", "guidance_scale": 1.0}
    plain = pixels(model, method="cfg", guidance_scale=1.0)
    last = drawn(model, negative_prompt="a very tall hat, glasses", **asked)
    assert last.picture.negative_effect > 0
    assert (np.asarray(last.picture.image) != pixels(model, **asked)).any()
    assert (pixels(model, method="cfg", guidance_scale=1.0) == plain).all()  # no hook stays


@pytest.mark.parametrize("kind", KINDS)
def test_attention_guidance_away_from_the_prompt_itself_changes_nothing(random_model, kind):
    model = random_model(kind)
    same = model.family.frame_prompt("a man on a beach")
    guided = pixels(model, method="nag", guidance_scale=1.0, negative_prompt=same)
    assert abs(guided - pixels(model, guidance_scale=1.0)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_effect_of_each_term_is_measured(random_model, kind):
    request = random_model(kind).request(syntax="weighted", num_inference_steps=2, negative_prompt="hat, (blur:1.3)")
    effects = random_model(kind).engine.effects(request)
    assert set(effects) == {"hat", "(blur:1.3)"}
    assert min(effects.values()) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_changes_the_picture(random_model, kind):
    model = random_model(kind)
    plain = drawn(model, negative_prompt="hat").picture
    weighted = drawn(model, negative_prompt="(hat:1.8)").picture
    assert (np.asarray(weighted.image) != np.asarray(plain.image)).any()
    assert weighted.negative_effect != plain.negative_effect


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_reaches_the_tokens_of_its_word_alone(random_model, kind):
    model = random_model(kind)
    (plain,), (weighted,) = (model.family.encode([text], PromptOptions()) for text in ("a hat b", "a (hat:1.5) b"))
    changed = (plain.tokens != weighted.tokens).flatten(2).any(dim=2)[0]
    assert int(changed.sum()) == 4 if kind == "chroma" else 3  # a T5's token for the space before the word, too


@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_from_a_checkpoint_has_the_bits_of_a_cold_one(random_model, kind):
    model = random_model(kind)
    model.engine.checkpoints.clear()
    asked = {"num_inference_steps": 4, "joining_step": 2}
    cold = drawn(model, negative_prompt="hat", **asked)
    warm = drawn(model, negative_prompt="hat", **asked)
    assert (cold.first, warm.first) == (0, 2)
    assert (np.asarray(cold.picture.image) == np.asarray(warm.picture.image)).all()


@pytest.mark.parametrize(
    ("kind", "pixels_each"),
    [(kind, _PIXELS_EACH.get(kind, 2)) for kind in KINDS],
)
def test_a_preview_has_a_pixel_for_each_latent(random_model, kind, pixels_each):
    model = random_model(kind)
    running = model.engine.run(model.request(width=64, height=32, num_inference_steps=2))
    preview = next(running).preview()
    running.close()
    assert preview.size == (64 // pixels_each, 32 // pixels_each)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "qwen-image-2.1"])  # which reads 8000 tokens
def test_terms_that_do_not_fit_are_told(random_model, kind):
    model = random_model(kind)
    long = ", ".join(["policy", *["frame"] * 100, "hat", "beard"])
    (line,) = model.engine.warnings(model.request(syntax="weighted", negative_prompt=long))
    assert line.endswith("hat, beard”.")
    assert "policy" not in line
    assert model.engine.warnings(model.request(syntax="weighted", negative_prompt="policy, (hat:1.2)")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_cut_is_cut_where_the_stock_pipeline_cuts_it(random_model, kind):
    model = random_model(kind)
    long = "hat, " * 120
    ours = model.pixels(negative_prompt=long)
    assert abs(ours - model.stock_pixels(negative_prompt=long)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_textual_inversion_is_refused(random_model, tmp_path, kind):
    file = str(tmp_path / "bad.safetensors")
    save_file({"emb_params": torch.zeros(1, 32)}, file)
    with pytest.raises(InvalidRequestError, match="another family"):
        random_model(kind).pixels(embeddings=(file,))


def test_the_instruction_of_lumina_stands_before_the_prompt_alone(random_model):
    model = random_model("lumina2")
    as_prompt = model.pixels(negative_prompt="a man on a beach", prompt="a man on a beach")
    assert abs(as_prompt - model.stock_pixels(negative_prompt="a man on a beach")).max() <= 1
    assert (as_prompt != model.pixels(guidance_scale=1.0)).any()


def test_z_image_keeps_its_latents_in_single_precision(random_model):
    assert random_model("z-image").family.latents_dtype == torch.float32


def test_chroma_masks_all_padding_but_the_first_token_as_stock_does(random_model):
    model, seen = random_model("chroma"), []

    def record(module, arguments, options):
        seen.append(options["attention_mask"])

    hooks = [
        transformer.register_forward_pre_hook(record, with_kwargs=True)
        for transformer in (model.stock.transformer, model.family.transformer)
    ]
    model.stock_pixels(negative_prompt="hat")
    model.pixels(negative_prompt="hat")
    for hook in hooks:
        hook.remove()
    positive, negative, *_ = seen
    assert torch.equal(seen[-1], torch.cat([negative, positive]))
    assert positive.dtype == torch.float32
    assert int(positive.sum()) - int(negative.sum()) == len("a man on a beach") - len("hat")
