"""Guidance methods as formulas, and what they do to pictures."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from notthat.generation import GenerationRequest
from notthat.generation.guidance.methods import apg, cfg, is_in_interval, minimum_cosine, nag, perp_neg, rescale
from notthat.generation.guided_predictor import GuidedPredictor
from notthat.generation.sampling import denoise

from ..conftest import noise


def some(seed, shape=(2, 4, 8, 8)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


COND, NEG, NULL = some(1), some(2), some(3)


def close(a, b):
    return torch.allclose(a, b, atol=1e-4)


@given(st.floats(0, 20))
def test_a_negative_that_is_the_prompt_guides_nowhere(scale):
    assert close(cfg(COND, COND, scale=scale), COND)
    assert close(apg(COND, COND, None, scale=scale)[0], COND)


@given(st.floats(0, 20))
def test_a_perpendicular_negative_that_is_the_prompt_is_none_at_all(scale):
    assert close(perp_neg(COND, COND, NULL, scale=scale), cfg(COND, NULL, scale=scale))


def test_at_a_scale_of_1_only_the_prompt_counts():
    assert close(cfg(COND, NEG, scale=1.0), COND)
    assert close(apg(COND, NEG, None, scale=1.0)[0], COND)
    assert close(nag(COND, NEG, scale=1.0, tau=2.5, alpha=0.5), COND)


def test_perp_neg_keeps_what_the_prompt_asks_for():
    """Along the prompt's own direction, the negative takes nothing away."""
    towards = COND - NULL
    guided = perp_neg(COND, NEG, NULL, scale=3.0) - NULL
    along = (guided * towards).sum(dim=(1, 2, 3)) / (towards**2).sum(dim=(1, 2, 3))
    assert torch.allclose(along, torch.full_like(along, 3.0), atol=1e-4)


def test_rescaling_wholly_gives_the_prompts_own_deviation():
    full = rescale(5 * COND, COND, phi=1.0)
    assert torch.allclose(full.std(dim=(1, 2, 3)), COND.std(dim=(1, 2, 3)))
    assert torch.equal(rescale(5 * COND, COND, phi=0.0), 5 * COND)


def test_apg_leaves_out_what_lies_along_the_prompt():
    guided, _ = apg(COND, torch.zeros_like(COND), None, scale=8.0, radius=1e9)
    assert close(guided, COND)
    with_it, _ = apg(COND, NEG, None, scale=8.0, radius=1e9, eta=1.0)
    assert close(with_it, cfg(COND, NEG, scale=8.0))


def test_apg_goes_no_further_than_its_radius():
    guided, _ = apg(COND, 100 * NEG, None, scale=2.0, radius=1.0, eta=1.0)
    assert torch.linalg.vector_norm(guided - COND, dim=(1, 2, 3)).max() <= 1.0001


def test_apg_takes_back_half_of_its_last_direction():
    _, first = apg(COND, NEG, None, scale=2.0)
    _, second = apg(COND, NEG, first, scale=2.0)
    assert close(second, first / 2)


def test_nag_keeps_within_tau_of_the_prompts_attention():
    pos, neg = some(4, (2, 5, 16)), 50 * some(5, (2, 5, 16))
    guided = nag(pos, neg, scale=5.0, tau=2.5, alpha=1.0)
    ratio = guided.norm(p=1, dim=-1) / pos.norm(p=1, dim=-1)
    assert torch.allclose(ratio, torch.full_like(ratio, 2.5))


def test_nag_of_nothing_is_nothing():
    nothing = torch.zeros(1, 2, 4)
    assert torch.equal(nag(nothing, nothing, scale=5.0, tau=2.5, alpha=0.5), nothing)


def test_an_interval_is_of_shares_of_the_steps():
    inside = [is_in_interval(done, 10, start=0.2, stop=0.5) for done in range(10)]
    assert inside == [False, False, True, True, True, False, False, False, False, False]


def test_agreement_is_that_of_the_least_agreeing_picture():
    assert torch.isclose(minimum_cosine(COND, 2 * COND), torch.tensor(1.0))
    mixed = torch.cat([COND[:1], -COND[1:]])
    assert torch.isclose(minimum_cosine(COND, mixed), torch.tensor(-1.0))


@pytest.mark.parametrize("method", ["lookahead", "apg", "perp_neg", "nag"])
@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
def test_every_method_acts_on_every_family(random_model, kind, method):
    model = random_model(kind)
    scale = 1.0 if method == "nag" else 4.0
    asked = {"method": method, "guidance_scale": scale, "num_inference_steps": 2, "syntax": "weighted"}
    asked["shown"] = ("hat",)  # which is sure to be found
    bare = model.pixels(**asked)
    assert (model.pixels(negative_prompt="hat", **asked) != bare).any()
    assert (bare == model.pixels(**asked)).all()  # and leaves nothing behind in the model


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
def test_perp_neg_with_the_prompt_as_its_negative_is_no_negative(random_model, kind):
    model = random_model(kind)
    asked = {"num_inference_steps": 2, "syntax": "weighted"}
    same = model.pixels(method="perp_neg", negative_prompt="a man on a beach", **asked)
    assert abs(same - model.pixels(**asked)).max() <= 1


@pytest.mark.parametrize("kind", ["sd", "flux"])
def test_attention_guidance_leaves_the_model_as_it_was(random_model, kind):
    model = random_model(kind)
    before = model.pixels(negative_prompt="hat")
    running = model.engine.run(model.request(method="nag", negative_prompt="hat", guidance_scale=1.0))
    next(running)
    running.close()
    assert (model.pixels(negative_prompt="hat") == before).all()


def test_attention_guidance_away_from_the_prompt_itself_changes_nothing(random_model):
    model = random_model("sd")
    asked = {"guidance_scale": 1.0, "num_inference_steps": 2}
    same = model.pixels(method="nag", negative_prompt="a man on a beach", **asked)
    assert abs(same - model.pixels(**asked)).max() <= 1


def test_rescale_window_and_agreement_change_the_picture(random_model):
    model = random_model("sd")
    plain = model.pixels(negative_prompt="hat")
    for changed in ({"guidance_rescale": 0.7}, {"guidance_start": 0.5}, {"guidance_stop": 0.5}):
        assert (model.pixels(negative_prompt="hat", **changed) != plain).any()
    unguided = model.pixels(negative_prompt="hat", guidance_scale=1.0)
    assert (model.pixels(negative_prompt="hat", guidance_stop=0.0) == unguided).all()
    assert (model.pixels(negative_prompt="hat", guidance_agreement=1.0) == plain).all()
    assert (model.pixels(negative_prompt="hat", guidance_agreement=0.01) != plain).any()


def test_the_stock_pipelines_rescale_is_ours(random_model):
    model = random_model("sd-v")
    ours = model.pixels(negative_prompt="hat", guidance_rescale=0.7)
    stock = model.stock(
        "a man on a beach",
        negative_prompt="hat",
        num_inference_steps=3,
        guidance_scale=4.0,
        guidance_rescale=0.7,
        width=32,
        height=32,
        generator=torch.Generator("cpu").manual_seed(11),
    ).images[0]
    assert abs(ours[0] - np.asarray(stock, np.int16)).max() <= 1


def effect(model, **asked):
    *_, last = model.engine.run(model.request(syntax="weighted", **asked), measure="terms")
    return last.picture


@pytest.mark.parametrize("kind", ["sd", "sdxl", "sd3", "flux"])
def test_the_effect_of_a_negative_is_told_as_a_whole_and_by_term(random_model, kind):
    picture = effect(random_model(kind), negative_prompt="hat, (blur:1.3)", num_inference_steps=2)
    assert picture.negative_effect > 0
    assert list(picture.term_effects) == ["hat", "(blur:1.3)"]
    assert all(moved > 0 for moved in picture.term_effects.values())


def test_measuring_changes_no_pixel(random_model):
    model = random_model("sd")
    picture = effect(model, negative_prompt="hat, blur", joining_step=1)
    (plain,) = model.pixels(negative_prompt="hat, blur", syntax="weighted", joining_step=1)
    assert (np.asarray(picture.image, np.int16) == plain).all()


def test_twenty_watched_terms_each_have_an_effect(random_model):
    listed = [f"term {chr(97 + k)}{chr(97 + k)}" for k in range(20)]
    picture = effect(random_model("sd"), method="lookahead", negative_prompt=", ".join(listed), num_inference_steps=1)
    assert list(picture.term_effects) == listed
    assert min(picture.term_effects.values()) > 0


def test_a_picture_of_a_batch_is_the_one_drawn_alone(random_model):
    model = random_model("sd")
    asked = {"method": "lookahead", "negative_prompt": "hat, blur", "syntax": "weighted"}
    first, second = model.pixels(count=2, **asked)
    assert abs(first - model.pixels(**asked)[0]).max() <= 1
    assert abs(second - model.pixels(seed=model.request().seed + 1, **asked)[0]).max() <= 1


def test_a_negative_without_effect_is_seen(random_model):
    picture = effect(random_model("sd"), negative_prompt="(hat:0)", num_inference_steps=1)
    assert picture.negative_effect is not None
    assert effect(random_model("sd"), negative_prompt="hat", guidance_scale=1.0).negative_effect is None


@pytest.mark.parametrize("kind", ["sd", "lcm", "sdxl", "sd3", "flux", "schnell"])
def test_a_session_without_guidance_takes_to_attention_guidance(random_model, kind):
    model = random_model(kind)
    asked = {"model": model.engine.model, "prompt": "a man", "seed": 1, "guidance_scale": 1.0}
    request = type(model.request()).with_defaults(asked, lambda: model.engine.defaults)
    assert request.method == "nag"
    assert model.engine.warnings(request.model_copy(update={"negative_prompt": "hat"})) == []


def test_a_model_with_its_guidance_built_in_says_so(random_model):
    model = random_model("lcm")
    (line,) = model.engine.warnings(model.request(negative_prompt="hat", guidance_scale=8.5))
    assert "built-in guidance" in line
    assert "--method nag" in line


def test_twenty_terms_past_77_tokens_each_change_the_prediction(random_model):
    listed = [f"term {chr(97 + k)}{chr(97 + k)}" for k in range(20)]
    for kind in ("sd", "sdxl", "sd3"):
        model = random_model(kind)
        assert model.engine.tokenize(", ".join(listed)).tokens > 77
        picture = effect(model, negative_prompt=", ".join(listed), num_inference_steps=1)
        assert len(picture.term_effects) == 20
        assert min(picture.term_effects.values()) > 0


def test_terms_can_be_measured_without_a_picture(random_model):
    model = random_model("sd")
    terms = {"negative_prompt": "hat, (blur:1.3)", "joining_step": 1}
    measured, asked = effect(model, **terms).term_effects, {"syntax": "weighted", **terms}
    taken = []
    hook = model.family.vae.register_forward_hook(lambda *_: taken.append(1))
    assert model.engine.effects(model.request(**asked)) == measured
    hook.remove()
    assert taken == []
    assert model.engine.effects(model.request(**{**asked, "negative_prompt": ""})) == {}
    assert model.engine.effects(model.request(**{**asked, "guidance_scale": 1.0})) == {}


def predictions(family, asked):
    """The first step's predictions for the prompt, for the negative prompt alone, and of `nag`."""

    def first(**changed):
        state = noise(family, asked)
        request = asked.model_copy(update={"guidance_scale": 1.0, "method": "cfg", **changed})
        with torch.inference_mode():
            return next(denoise(GuidedPredictor(family, request, state).predict, state)).prediction.flatten()

    bare = {"negative_prompt": ""}
    return first(**bare), first(**bare, prompt=asked.negative_prompt), first(method="nag")


def drawn_without(engine, negative, method):
    asked = {"model": "mini", "prompt": "portrait of a man", "negative_prompt": negative, "seed": 0, "method": method}
    *_, last = engine.run(GenerationRequest.with_defaults(asked, lambda: engine.defaults), count=8)
    return np.stack([np.asarray(each.image, np.float64) for each in last.pictures])


def test_what_is_not_coming_changes_the_picture_less_where_it_is_watched(mini):
    engine, _ = mini
    bare = drawn_without(engine, "", "cfg")
    for negative in ("text", "dark"):
        excluded = (drawn_without(engine, negative, method) for method in ("lookahead", "cfg"))
        watched, always = (np.median(abs(each - bare).mean((1, 2, 3))) for each in excluded)
        assert watched < 0.7 * always


@pytest.mark.parametrize("seed", range(4))
def test_attention_guidance_leads_the_built_in_model_away_from_the_negative(mini, seed):
    engine, family = mini
    asked = {"model": "mini", "prompt": "portrait of a man", "negative_prompt": "hat"}
    request = GenerationRequest.with_defaults({**asked, "seed": seed}, lambda: engine.defaults)
    prompt, negative, guided = predictions(family, request)
    assert torch.cosine_similarity(guided - prompt, prompt - negative, dim=0) > 0.1


def test_attention_guidance_leads_a_small_flux_away_from_the_negative(random_model):
    """Chance alone would give cosines around 0, with a deviation of 0.03 each: there are 1024 numbers."""
    model, cosines = random_model("flux"), []
    for seed in range(8):
        prompt, negative, guided = predictions(model.family, model.request(negative_prompt="a hat", seed=seed))
        cosines.append(torch.cosine_similarity(guided - prompt, prompt - negative, dim=0))
    assert torch.stack(cosines).mean() > 0.04
