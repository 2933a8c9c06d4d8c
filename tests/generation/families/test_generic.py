"""The generic family: pipelines of diffusers as they are, against the stock pipelines, and what they are refused."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from random_flows import randomize
from random_pipelines import PIPELINES

from notthat.agent.interfaces.cli.main import main
from notthat.generation import GenerationRequest, InvalidModelError, InvalidRequestError, LocalEngine, list_library
from notthat.generation.families.pipeline_support import QUIRKS, Quirks
from notthat.generation.loading import load_family
from notthat.generation.local_engine import generate_batches
from notthat.generation.pipeline_engine import PipelineEngine
from notthat.generation.pipeline_run import PipelineRun

SIDES = {"kandinsky3": 64, "pixart-alpha": 256, "pixart-sigma": 256, "sana": 128}
"""Pixels along the pictures of the models that do not draw 32 x 32. Sana draws 512 x 512 and shrinks it."""

LATENTS = {"ernie": 8, "pixart-sigma": 32, "sana": 16, "sd-pag": 16}
"""Latents along a picture, where they are not 4 for 32 pixels."""


@dataclass
class Both:
    """A random model in diffusers' own pipeline and in our engine, both loaded from one folder."""

    kind: str
    stock: Any
    engine: PipelineEngine
    folder: Path

    @property
    def quirks(self) -> Quirks:
        return QUIRKS.get(type(self.stock).__name__, Quirks())

    def request(self, **changed: Any) -> GenerationRequest:
        side = SIDES.get(self.kind, 32)
        values = {"prompt": "a man on a beach", "seed": 11, "num_inference_steps": 2, "guidance_scale": 4.0}
        return GenerationRequest.create(
            **{"model": str(self.folder), "width": side, "height": side, **values, "syntax": "plain", **changed}
        )

    def pixels(self, **changed: Any) -> np.ndarray[Any, Any]:
        *_, last = self.engine.run(self.request(**changed))
        assert last.picture is not None
        return np.asarray(last.picture.image, np.int16)

    def stock_pixels(self, **given: Any) -> np.ndarray[Any, Any]:
        side = SIDES.get(self.kind, 32)
        output = self.stock(
            prompt="a man on a beach",
            num_inference_steps=2,
            guidance_scale=4.0 - self.quirks.scale_offset,
            width=side,
            height=side,
            generator=torch.Generator("cpu").manual_seed(11),
            **self.quirks.options,
            **{"output_type": "pil", **given},
        )
        image = output.frames[0][0] if hasattr(output, "frames") else output.images[0]
        return np.asarray(image.convert("RGB"), np.int16)


@pytest.fixture(scope="module")
def random_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Both]]:
    """Gives the random model of a kind, saved and loaded when it is first asked for."""
    built: dict[str, Both] = {}

    def get(kind: str) -> Both:
        if kind not in built:
            torch.manual_seed(7)
            stock = PIPELINES[kind]()
            for part in stock.components.values():
                if isinstance(part, torch.nn.Module):
                    part.eval()  # as every loaded model is
            randomize(stock)
            stock.set_progress_bar_config(disable=True)
            folder = tmp_path_factory.mktemp("generic") / kind
            stock.save_pretrained(folder)
            engine = LocalEngine.load(str(folder), "cpu")
            assert isinstance(engine, PipelineEngine)
            built[kind] = Both(kind, stock, engine, folder)
        return built[kind]

    yield get
    built.clear()


@pytest.mark.parametrize("kind", PIPELINES)
def test_the_pixels_are_those_of_the_stock_pipeline(random_pipeline: Callable[[str], Both], kind: str) -> None:
    model = random_pipeline(kind)
    without = model.pixels(no_negative=True)
    assert (without == model.stock_pixels()).all()
    excluded = model.pixels(negative_prompt="hat")
    assert (excluded == model.stock_pixels(negative_prompt="hat")).all()
    assert (excluded != without).any()


@pytest.mark.parametrize(
    "kind",
    [kind for kind in PIPELINES if kind not in ("longcat", "pixart-alpha", "sana", "wan-two-experts")],
    # LongCat rescales the prediction; the others compute as PixArt Sigma and Wan, and are slow
)
def test_guidance_is_the_true_scale(random_pipeline: Callable[[str], Both], kind: str) -> None:
    model = random_pipeline(kind)
    family: Any = load_family(str(model.folder), torch.device("cpu"))

    def first_prediction(scale: float) -> torch.Tensor:
        family.pipeline.scheduler = type(family.scheduler).from_config(family.scheduler.config)
        request = model.request(guidance_scale=scale)
        run = PipelineRun(partial(family.draw, request, "hat", 11), family.scheduler)
        with closing(run.steps()) as steps:
            return next(steps).prediction

    positive, guided, further = (first_prediction(scale) for scale in (1.0, 3.0, 5.0))
    assert torch.allclose(further - positive, 2 * (guided - positive), atol=1e-3)
    assert (further - positive).abs().max() > 1e-2


@pytest.mark.parametrize(
    "kind", [kind for kind in PIPELINES if kind not in ("kandinsky3", "pixart-alpha", "wan-two-experts")]
)
def test_steps_are_reported_with_previews(random_pipeline: Callable[[str], Both], kind: str) -> None:
    model = random_pipeline(kind)
    first, last = model.engine.run(model.request())
    assert ((first.step, first.steps), (last.step, last.steps)) == ((1, 2), (2, 2))
    assert first.picture is None
    assert first.preview is not None
    assert first.preview().size == (LATENTS.get(kind, 4),) * 2
    assert last.pictures == (last.picture,)


def test_a_model_without_previews_says_so_once(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("kandinsky3")
    first, _ = model.engine.run(model.request())
    assert first.preview is None
    (line,) = model.engine.warnings(model.request())
    assert line == "There are no previews: the latents of a Kandinsky3Pipeline can't be shown."
    assert model.engine.warnings(model.request()) == []


@pytest.mark.parametrize("kind", ["auraflow", "longcat", "pixart-sigma"])  # three ways of callbacks: two, and none
def test_closing_cancels_and_leaves_nothing(random_pipeline: Callable[[str], Both], kind: str) -> None:
    model = random_pipeline(kind)
    before, threads = model.pixels(negative_prompt="hat"), threading.active_count()
    running = model.engine.run(model.request(negative_prompt="hat", num_inference_steps=50))
    assert next(running).steps == 50
    running.close()
    assert threading.active_count() == threads
    assert (model.pixels(negative_prompt="hat") == before).all()


def test_each_picture_has_a_seed_of_its_own(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("auraflow")
    *_, last = model.engine.run(model.request(), count=2)
    assert (last.step, last.steps) == (4, 4)
    first, second = (np.asarray(each.image, np.int16) for each in last.pictures)
    assert (first == model.pixels()).all()
    assert (second == model.pixels(seed=12)).all()
    assert (second != first).any()
    drawn = [each for progress in generate_batches(model.engine, model.request(), 2) for each in progress.pictures]
    assert [np.asarray(each.image).tobytes() for each in drawn] == [
        np.asarray(each.image).tobytes() for each in last.pictures
    ]


def test_the_effect_of_a_negative_prompt_and_its_terms_is_measured(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("auraflow")
    request = model.request(negative_prompt="hat, beard", syntax="weighted")
    *_, last = model.engine.run(request)
    assert last.picture is not None
    assert last.picture.negative_effect is not None
    assert last.picture.negative_effect > 0
    assert (np.asarray(last.picture.image) == model.pixels(negative_prompt="hat, beard")).all()
    effects = model.engine.effects(request)
    assert list(effects) == ["hat", "beard"]
    assert min(effects.values()) > 0
    only = model.request(negative_prompt="hat", syntax="weighted")
    *_, last = model.engine.run(only)
    assert last.picture is not None
    assert model.engine.effects(only) == {"hat": last.picture.negative_effect}


def test_without_guidance_exclusions_do_nothing_and_that_is_told(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("auraflow")
    request = model.request(negative_prompt="hat", guidance_scale=1.0, syntax="weighted")
    *_, last = model.engine.run(request)
    assert last.picture is not None
    assert last.picture.negative_effect is None
    assert model.engine.effects(request) == {}
    assert (np.asarray(last.picture.image) == model.pixels(guidance_scale=1.0)).all()
    assert model.engine.warnings(request) == ["At a guidance of 1 exclusions have no effect: use more than 1."]


def test_weights_are_told_and_not_read(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("auraflow")
    request = model.request(negative_prompt="(hat:1.3), beard", syntax="weighted")
    assert model.engine.warnings(request) == [
        "Weights have no effect on an AuraFlowPipeline, which reads words only: “hat” at 1.3 counts as 1."
    ]
    weighted = model.pixels(negative_prompt="(hat:1.3), beard", syntax="weighted")
    assert (weighted == model.pixels(negative_prompt="hat, beard")).all()
    assert model.engine.tokenize("(hat:1.3)").fragments == (("hat", 1.0),)


def test_terms_that_do_not_fit_are_told(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("auraflow")  # which reads 256 tokens: here, one for each letter
    long = ", ".join(["policy", *["frame"] * 50, "hat"])
    (line,) = model.engine.warnings(model.request(negative_prompt=long))
    assert line.startswith("The negative prompt is too long")
    assert line.endswith("frame, hat”.")
    assert "policy" not in line


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"method": "nag"}, "--method nag: an AuraFlowPipeline runs as diffusers' own pipeline, which can't do that"),
        ({"method": "lookahead"}, "--method lookahead"),
        ({"joining_step": 1}, "a delayed negative prompt"),
        ({"loras": (("style.safetensors", 1.0),)}, "--lora"),
        ({"embeddings": ("bad.safetensors",)}, "--embedding"),
        ({"clip_skip": 2}, "--clip-skip"),
        ({"guidance_rescale": 0.5}, "guidance_rescale"),
        ({"guidance_stop": 0.5}, "guidance in an interval"),
        ({"guidance_agreement": 0.9}, "guidance that ends"),
        ({"width": 40}, "--width: an AuraFlowPipeline makes pictures in multiples of 16, not 40"),
    ],
)
def test_what_the_pipeline_cannot_do_is_refused(
    random_pipeline: Callable[[str], Both], asked: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        random_pipeline("auraflow").pixels(**asked)


def test_a_guidance_that_the_pipeline_takes_for_none_is_refused(random_pipeline: Callable[[str], Both]) -> None:
    with pytest.raises(InvalidRequestError, match="--guidance: a Kandinsky3Pipeline guides only above 2"):
        random_pipeline("kandinsky3").pixels(guidance_scale=1.5)


def test_the_defaults_are_those_of_the_signature(random_pipeline: Callable[[str], Both]) -> None:
    found = {kind: random_pipeline(kind).engine.defaults for kind in ("auraflow", "kandinsky3", "wan", "pixart-sigma")}
    sizes = {kind: (each.num_inference_steps, each.guidance_scale, each.width) for kind, each in found.items()}
    assert sizes == {
        "auraflow": (50, 3.5, 1024),
        "kandinsky3": (25, 4.0, 1024),  # stock's 3, where 0 is no guidance
        "wan": (50, 5.0, 832),
        "pixart-sigma": (20, 4.5, 256),  # the size of its transformer
    }


def test_a_folder_sets_defaults_that_the_pipeline_can_honour(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("auraflow")
    about = model.folder / "notthat.json"
    try:
        about.write_text(json.dumps({"num_inference_steps": 7, "vocabulary": ["hat"]}))
        engine = LocalEngine.load(str(model.folder), "cpu")
        assert engine.defaults.num_inference_steps == 7
        assert engine.tokenize("no hat").unknown == ("no",)
        about.write_text(json.dumps({"joining_share": 0.3}))
        with pytest.raises(InvalidModelError, match="sets joining_share, which an AuraFlowPipeline can't do"):
            LocalEngine.load(str(model.folder), "cpu")
    finally:
        about.unlink()


def test_a_library_lists_them(random_pipeline: Callable[[str], Both], tmp_path: Path) -> None:
    for name in ("model-turbo", "video"):
        (tmp_path / name).mkdir()
    index = (random_pipeline("auraflow").folder / "model_index.json").read_text()
    (tmp_path / "model-turbo" / "model_index.json").write_text(index)
    (tmp_path / "video" / "model_index.json").write_text(json.dumps({"_class_name": "LTXPipeline"}))
    listed = {model.path.name: (model.family, model.exclusions) for model in list_library([tmp_path])}
    assert listed["model-turbo"] == ("AuraFlowPipeline", "guidance")
    assert listed["video"] == ("LTXPipeline", "not supported")


def scene(side: int) -> Image.Image:
    """A picture with a thing in it."""
    image = Image.new("RGB", (side, side), (200, 170, 120))
    image.paste((40, 60, 160), (side // 4, side // 4, side // 2, side // 2))
    return image


def keep(engine: PipelineEngine, *images: Image.Image) -> list[str]:
    """Make pictures readable for an engine; returns their hashes."""
    kept = {sha256(each.convert("RGB").tobytes()).hexdigest(): each for each in images}
    engine.read_image = kept.__getitem__
    return list(kept)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("kandinsky3", "Kandinsky3Img2ImgPipeline"),
        ("sd-pag", "StableDiffusionPAGImg2ImgPipeline"),
        ("sd-pag", "StableDiffusionPAGInpaintPipeline"),
    ],
)
def test_pictures_and_masks_go_to_the_stock_counterpart(
    random_pipeline: Callable[[str], Both], kind: str, name: str
) -> None:
    model, side = random_pipeline(kind), SIDES.get(kind, 32)
    mask = Image.new("L", (side, side))
    mask.paste(255, (side // 2, 0, side, side))
    source, hole = keep(model.engine, scene(side), mask)
    asked: dict[str, Any] = {"init_image": source, "strength": 0.5, "num_inference_steps": 4, "negative_prompt": "hat"}
    given: dict[str, Any] = {"image": scene(side), "strength": 0.5, "negative_prompt": "hat"}
    if "Inpaint" in name:
        asked["mask_image"], given["mask_image"] = hole, mask
        given |= {"width": side, "height": side}
    stock = getattr(import_module("diffusers"), name).from_pipe(model.stock)
    stock.set_progress_bar_config(disable=True)
    expected = np.asarray(
        stock(
            prompt="a man on a beach",
            num_inference_steps=4,
            guidance_scale=4.0 - model.quirks.scale_offset,
            generator=torch.Generator("cpu").manual_seed(11),
            **given,
        ).images[0],
        np.int16,
    )
    inner = side // 2 + 4 if "Inpaint" in name else 0  # beside it, the border is soft
    ours = model.pixels(**asked)
    assert (ours[:, inner:] == expected[:, inner:]).all()
    if "Inpaint" in name:
        assert (ours[:, : side // 2] == np.asarray(scene(side))[:, : side // 2]).all()
    steps = list(model.engine.run(model.request(**asked), count=2))
    assert [(each.step, each.steps, each.first) for each in steps] == [(3, 6, 2), (5, 6, 2), (6, 6, 2)]
    assert model.engine.effects(model.request(**asked, syntax="weighted"))["hat"] > 0


def test_full_strength_is_the_picture_of_the_seed_and_none_is_the_source(
    random_pipeline: Callable[[str], Both],
) -> None:
    model = random_pipeline("auraflow")
    (source,) = keep(model.engine, scene(32))
    assert (model.pixels(init_image=source) == model.pixels()).all()
    assert (model.pixels(init_image=source, strength=0.0) == np.asarray(scene(32))).all()


@pytest.mark.parametrize(
    ("kind", "asked", "reason"),
    [
        ("auraflow", {"strength": 0.5}, "--from: an AuraFlowPipeline has no image-to-image pipeline in diffusers"),
        ("kandinsky3", {"strength": 0.5, "mask": True}, "--mask: a Kandinsky3Pipeline has no inpainting pipeline"),
        ("kandinsky3", {"strength": 0.1}, "--strength: 0.1 of 2 steps is less than one step"),
    ],
)
def test_a_picture_that_it_can_not_start_from_is_refused(
    random_pipeline: Callable[[str], Both], kind: str, asked: dict[str, Any], reason: str
) -> None:
    model = random_pipeline(kind)
    (source,) = keep(model.engine, scene(64))
    given = {"init_image": source, **asked, **({"mask_image": source} if asked.get("mask") else {})}
    given.pop("mask", None)
    with pytest.raises(InvalidRequestError, match=reason):
        model.pixels(**given)


def test_quantised_weights_draw(random_pipeline: Callable[[str], Both]) -> None:
    model = random_pipeline("wan-two-experts")
    engine = LocalEngine.load(f"{model.folder}?quantize=fp8", "cpu")
    assert engine.storage.quantize == "fp8"
    *_, last = engine.run(model.request(negative_prompt="hat"))
    assert last.picture is not None
    assert last.picture.image.size == (32, 32)
    assert engine.provenance()["quantize"] == "fp8"


def test_a_model_without_its_text_encoder_is_refused(random_pipeline: Callable[[str], Both], tmp_path: Path) -> None:
    stock = random_pipeline("pixart-sigma").stock
    type(stock)(**{**stock.components, "text_encoder": None}).save_pretrained(tmp_path)
    with pytest.raises(InvalidModelError, match="lacks its text_encoder: save the whole PixArtSigmaPipeline"):
        LocalEngine.load(str(tmp_path), "cpu")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Flux2Pipeline", "Flux.2 dev has its guidance built in"),
        ("Flux2KleinKVPipeline", "takes no negative prompt"),
        ("SanaSprintPipeline", "takes no negative prompt"),
        ("OmniGenPipeline", "takes no negative prompt"),
        ("Ideogram4Pipeline", "takes no negative prompt"),
        ("GlmImagePipeline", "only as an embedding"),
        ("HunyuanImagePipeline", "a guider"),
        ("StableDiffusionXLImg2ImgPipeline", "works on a given picture"),
        ("StableDiffusionUpscalePipeline", "works on a given picture"),
        ("StableDiffusionInstructPix2PixPipeline", "works on a given picture"),
        ("QwenImageEditPipeline", "works on a given picture"),
        ("FluxControlNetPipeline", "works on a given picture"),
        ("LTXPipeline", "makes videos"),
        ("KandinskyV22CombinedPipeline", "two stages"),
        ("StableCascadeDecoderPipeline", "needs image_embeddings besides the prompt"),
        ("StableAudioPipeline", "makes no pictures of prompts"),
        ("KolorsPipeline", "a library that is not installed"),
        ("Flux2ModularPipeline", "modular pipelines have no fixed call"),
        ("TomorrowPipeline", "the installed diffusers has no such pipeline"),
        (["pipeline", "MyPipeline"], "code of its own, which is not run"),
    ],
)
def test_other_pipelines_are_refused_with_the_reason(tmp_path: Path, kind: Any, reason: str) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    with pytest.raises(InvalidModelError, match=f"which is not supported: .*{reason}"):
        LocalEngine.load(str(tmp_path), "cpu")


def test_a_session_is_replayed_to_the_pixel(
    random_pipeline: Callable[[str], Both], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(*arguments: str) -> list[dict[str, Any]]:
        monkeypatch.setattr(sys, "argv", ["notthat", *arguments, "--json"])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    model = random_pipeline("pixart-sigma")
    (first,) = lines("new", "a man on a beach, no hat", "--model", str(model.folder), "--seed", "3", "--steps", "2")
    assert first["negative"] == "hat"
    assert first["negative_effect"] > 0
    (second,) = lines("say", first["session"], "no beard")
    assert second["sha256"] != first["sha256"]
    *turns, total = lines("replay", first["session"], "--verify")
    assert [turn["identical"] for turn in turns] == [True, True]
    assert total == {"turns": 2, "identical": 2}
