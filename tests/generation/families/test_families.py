"""Every family against diffusers' own pipeline of it: the same weights, words, seeds, steps and guidance."""

import pytest

from notthat.generation import InvalidModelError, InvalidRequestError, LocalEngine, generate

from ..conftest import LANGUAGE_MODEL_FLOWS

KINDS = ["sd", "sd-v", "sdxl", "sd3", "flux", *LANGUAGE_MODEL_FLOWS]


def levels(a, b):
    """The largest difference, in levels of 255."""
    return int(abs(a - b).max())


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("negative", [None, "", "mustache, watermark, hat"], ids=["none", "empty", "negative"])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_those_of_the_stock_pipeline(random_model, kind, negative, count):
    model = random_model(kind)
    ours = model.pixels(count, negative_prompt=negative or "", no_negative=negative is None)
    assert levels(ours, model.stock_pixels(count, negative_prompt=negative)) <= 1


@pytest.mark.parametrize("kind", [*KINDS, "lcm", "schnell", "klein-distilled", "krea2-distilled"])
def test_without_guidance_pixels_are_those_of_the_stock_pipeline(random_model, kind):
    model = random_model(kind)
    ours = model.pixels(negative_prompt="mustache", guidance_scale=1.0, width=64)
    assert levels(ours, model.stock_pixels(negative_prompt="mustache", guidance_scale=1.0, width=64)) <= 1


def test_a_consistency_model_takes_the_guidance_as_an_input(random_model):
    model = random_model("lcm")
    ours = model.pixels(guidance_scale=8.5)
    assert levels(ours, model.stock_pixels(guidance_scale=8.5)) <= 1
    assert (ours != model.pixels(guidance_scale=2.0)).any()


def test_none_and_an_empty_negative_differ_where_they_do_in_stock_and_only_there(random_model):
    for kind, differ in (("sd", False), ("sdxl", True), ("sd3", False), ("flux", True), ("qwen-image", True)):
        model = random_model(kind)
        assert (model.pixels() != model.pixels(no_negative=True)).any() == differ


def test_a_sessions_empty_negative_is_the_empty_text(random_model):
    model = random_model("sdxl")
    assert (model.pixels(syntax="weighted") == model.pixels(syntax="plain")).all()


@pytest.mark.parametrize(
    ("kind", "steps", "guidance"),
    [
        ("lcm", 4, 8.5),
        ("schnell", 4, 1.0),
        ("flux", 28, 1.0),
        ("klein-distilled", 4, 1.0),
        ("krea2-distilled", 8, 1.0),
    ],
)
def test_few_step_models_have_their_own_defaults(random_model, kind, steps, guidance):
    defaults = random_model(kind).engine.defaults
    assert (defaults.num_inference_steps, defaults.guidance_scale, defaults.unguided_method) == (steps, guidance, "nag")


@pytest.mark.parametrize(("kind", "steps"), [("sdxl", 4), ("z-image", 8)])
def test_a_turbo_model_is_known_by_its_name(random_model, tmp_path, kind, steps):
    (tmp_path / "some-turbo").symlink_to(random_model(kind).folder)
    defaults = LocalEngine.load(str(tmp_path / "some-turbo"), device="cpu").defaults
    assert (defaults.num_inference_steps, defaults.guidance_scale) == (steps, 1.0)


@pytest.mark.parametrize(("kind", "multiple"), [("sd3", 4), ("flux", 4), ("z-image", 4), ("lumina2", 16), ("klein", 4)])
def test_a_size_that_a_transformer_cannot_cut_into_patches_is_refused(random_model, kind, multiple):
    engine = random_model(kind).engine
    with pytest.raises(InvalidRequestError, match=f"multiples of {multiple}"):
        generate(engine, random_model(kind).request().model_copy(update={"height": 24 if multiple > 8 else 34}))


def test_a_scheduler_of_another_kind_is_refused(random_model, tmp_path):
    import shutil

    folder = tmp_path / "mixed"
    shutil.copytree(random_model("sd").folder, folder)
    shutil.rmtree(folder / "scheduler")
    shutil.copytree(random_model("sd3").folder / "scheduler", folder / "scheduler")
    index = (folder / "model_index.json").read_text()
    (folder / "model_index.json").write_text(index.replace("DDIMScheduler", "FlowMatchEulerDiscreteScheduler"))
    with pytest.raises(InvalidModelError, match="can't use its scheduler"):
        LocalEngine.load(str(folder), device="cpu")
