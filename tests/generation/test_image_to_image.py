"""Drawing from a picture, as the stock image-to-image and inpainting pipelines do, and on its own terms."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from notthat.generation import GenerationRequest, LocalEngine, Progress, generate
from notthat.generation.errors import InvalidRequestError

from .conftest import SIDE, Both, on_white, stock_guidance

diffusers: Any = import_module("diffusers")

IMAGE_TO_IMAGE = {
    "sd": "StableDiffusionImg2ImgPipeline",
    "sd-v": "StableDiffusionImg2ImgPipeline",
    "sdxl": "StableDiffusionXLImg2ImgPipeline",
    "sd3": "StableDiffusion3Img2ImgPipeline",
    "flux": "FluxImg2ImgPipeline",
    "qwen-image": "QwenImageImg2ImgPipeline",
    "z-image": "ZImageImg2ImgPipeline",
    "chroma": "ChromaImg2ImgPipeline",
}
INPAINTING = {
    "sd": "StableDiffusionInpaintPipeline",
    "sdxl": "StableDiffusionXLInpaintPipeline",
    "flux": "FluxInpaintPipeline",
    "qwen-image": "QwenImageInpaintPipeline",
    "z-image": "ZImageInpaintPipeline",
}
"""Not Stable Diffusion 3's, which takes no model with so few channels, nor Chroma's, which fails in this diffusers."""


def scene(side: int = SIDE) -> Image.Image:
    """A picture with a round thing in it."""
    image = Image.new("RGB", (side, side), (200, 170, 120))
    ImageDraw.Draw(image).ellipse((side // 4, side // 5, side // 2, side // 2), fill=(40, 60, 160))
    return image


def right_half(side: int = SIDE) -> Image.Image:
    """A mask: the right half is drawn anew."""
    mask = Image.new("L", (side, side), 0)
    mask.paste(255, (side // 2, 0, side, side))
    return mask


def keep(engine: Any, *images: Image.Image) -> list[str]:
    """Make pictures readable for an engine; returns their hashes."""
    kept: Mapping[str, Image.Image] = {sha256(each.convert("RGB").tobytes()).hexdigest(): each for each in images}
    engine.read_image = kept.__getitem__
    return list(kept)


def stock_pixels(both: Both, name: str, **asked: Any) -> np.ndarray[Any, Any]:
    """The stock pipeline's picture with the parts of the text-to-image pipeline."""
    kind = getattr(diffusers, name)
    parts = {**both.stock.components, **({"safety_checker": None} if "StableDiffusionI" in name else {})}
    options = {"requires_safety_checker": False} if "safety_checker" in parts else {}
    distilled = {"guidance_scale": 3.5} if both.folder.name == "flux" else {}  # as in its text-to-image pipeline
    pipeline = kind(**parts, **options)
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline(
        prompt="a man on a beach",
        num_inference_steps=5,
        generator=torch.Generator("cpu").manual_seed(11),
        **stock_guidance(both.folder.name, 4.0),
        **distilled,
        **asked,
    ).images[0]
    return np.asarray(on_white(picture), np.int16)


@pytest.mark.parametrize("kind", IMAGE_TO_IMAGE)
@pytest.mark.parametrize("strength", [0.6, 0.9])
def test_pixels_are_those_of_the_stock_image_to_image_pipeline(
    random_model: Callable[[str], Both], kind: str, strength: float
) -> None:
    both = random_model(kind)
    (image,) = keep(both.engine, scene())
    asked = {"negative_prompt": "fog", "num_inference_steps": 5, "init_image": image, "strength": strength}
    (ours,) = both.pixels(**asked)
    sized = {} if kind in ("sd", "sd-v", "sdxl") else {"height": SIDE, "width": SIDE}
    stock = stock_pixels(both, IMAGE_TO_IMAGE[kind], image=scene(), strength=strength, negative_prompt="fog", **sized)
    assert np.abs(ours - stock).max() <= 1


@pytest.mark.parametrize("kind", INPAINTING)
def test_the_masked_pixels_are_those_of_the_stock_inpainting_pipeline(
    random_model: Callable[[str], Both], kind: str
) -> None:
    both = random_model(kind)
    image, mask = keep(both.engine, scene(), right_half())
    asked = {"negative_prompt": "fog", "num_inference_steps": 5, "init_image": image, "mask_image": mask}
    (ours,) = both.pixels(**asked, strength=0.6)
    stock = stock_pixels(
        both,
        INPAINTING[kind],
        image=scene(),
        mask_image=right_half(),
        strength=0.6,
        negative_prompt="fog",
        height=SIDE,
        width=SIDE,
    )
    inner = SIDE // 2 + 4  # beside it, the border is soft
    assert np.abs(ours - stock)[:, inner:].max() <= 1
    assert (ours[:, : SIDE // 2] == np.asarray(scene())[:, : SIDE // 2]).all()


@pytest.mark.parametrize("kind", ["sd", "lumina2", "krea2", "klein", "qwen-image-2.1"])
def test_full_strength_is_the_picture_of_the_seed_and_none_is_the_source(
    random_model: Callable[[str], Both], kind: str
) -> None:
    both = random_model(kind)
    (image,) = keep(both.engine, scene(2 * SIDE))
    (full,) = both.pixels(init_image=image, strength=1.0)
    assert (full == both.pixels()[0]).all()
    (none,) = both.pixels(init_image=image, strength=0.0)
    assert (none == np.asarray(scene(2 * SIDE).resize((SIDE, SIDE), Image.Resampling.LANCZOS))).all()
    (half,) = both.pixels(init_image=image, strength=0.5, num_inference_steps=4)
    assert 0 < np.abs(half - none).mean() < np.abs(full - none).mean() + 40


class TestBuiltIn:
    """On the built-in model."""

    @staticmethod
    def request(engine: LocalEngine, **given: Any) -> GenerationRequest:
        values = {"model": "mini", "prompt": "portrait of a man", "seed": 3, "num_inference_steps": 8, **given}
        return GenerationRequest.with_defaults(values, lambda: engine.defaults)

    @pytest.mark.parametrize("method", ["cfg", "lookahead", "apg", "perp_neg", "nag"])
    def test_exclusions_act_by_every_method_and_kept_pixels_stay(self, mini: Any, method: str) -> None:
        engine, _ = mini
        image, mask = keep(engine, scene(128), right_half(128))
        given = {"init_image": image, "mask_image": mask, "strength": 0.8, "method": method}
        without = generate(engine, self.request(engine, **given))
        excluded = generate(engine, self.request(engine, negative_prompt="hat, beard", **given))
        assert excluded.negative_effect is not None
        assert excluded.negative_effect > 0
        assert without.image != excluded.image
        for picture in (without, excluded):
            assert picture.image.crop((0, 0, 64, 128)) == scene(128).crop((0, 0, 64, 128))

    def test_a_mask_at_full_strength_starts_from_the_noise_of_the_seed(self, mini: Any) -> None:
        engine, _ = mini
        drawn = generate(engine, self.request(engine)).image
        image, mask = keep(engine, drawn, right_half(128))
        again = generate(engine, self.request(engine, init_image=image, mask_image=mask)).image
        difference = np.abs(np.asarray(drawn, np.int16) - np.asarray(again, np.int16))
        assert (difference[:, :64] == 0).all()
        assert difference[:, 70:].mean() < 12  # about the same face, as nothing else was asked

    def test_steps_are_counted_from_where_they_begin(self, mini: Any) -> None:
        engine, _ = mini
        (image,) = keep(engine, scene(128))
        request = self.request(engine, init_image=image, strength=0.5, num_inference_steps=10)
        steps: list[Progress] = list(engine.run(request))
        assert [(each.step, each.steps, each.first) for each in steps] == [(k, 10, 5) for k in range(6, 11)]
        none = list(engine.run(request.model_copy(update={"strength": 0.0})))
        assert [each.step for each in none] == [10]

    def test_a_batch_is_the_pictures_one_by_one(self, mini: Any) -> None:
        engine, _ = mini
        (image,) = keep(engine, scene(128))
        request = self.request(engine, init_image=image, strength=0.7)
        *_, last = engine.run(request, count=2)
        second = generate(engine, request.model_copy(update={"seed": 4})).image
        assert np.abs(np.asarray(last.pictures[1].image, np.int16) - np.asarray(second, np.int16)).max() <= 1

    def test_a_region_can_be_kept_of_another_request(self, mini: Any) -> None:
        engine, _ = mini
        (image,) = keep(engine, scene(128))
        other = self.request(engine, init_image=image, strength=0.7)
        box = {"box": (0.0, 0.0, 0.5, 1.0), "request": other}
        request = GenerationRequest.create(**{**other.model_dump(), "negative_prompt": "hat", "kept": box})
        assert generate(engine, request).image.size == (128, 128)
        assert request.source_images == (image,)

    @pytest.mark.parametrize(
        ("given", "line"),
        [
            ({"strength": 0.05}, "--strength: 0.05 of 8 steps is less than one step"),
            ({"mask_image": "wide", "strength": 0.5}, "give a mask of the same proportions"),
            ({"init_image": "f" * 64, "strength": 0.5}, "no picture"),
        ],
    )
    def test_what_does_not_fit_gets_one_line(self, mini: Any, given: dict[str, Any], line: str) -> None:
        engine, _ = mini
        image, wide = keep(engine, scene(128), right_half(128).resize((256, 128)))
        readable = engine.read_image

        def read(found: str) -> Image.Image:
            try:
                return readable(found)
            except KeyError:
                raise InvalidRequestError("no picture") from None

        engine.read_image = read
        asked = {"init_image": image, **given}
        if asked.get("mask_image") == "wide":
            asked["mask_image"] = wide
        with pytest.raises(InvalidRequestError, match=line):
            generate(engine, self.request(engine, **asked))


@pytest.mark.parametrize("given", [{"strength": 0.5}, {"mask_image": "0" * 64}, {"init_image": "hat.png"}])
def test_a_request_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    values = {"model": "mini", "prompt": "-", "seed": 0, "num_inference_steps": 1, "guidance_scale": 1}
    with pytest.raises(InvalidRequestError):
        GenerationRequest.create(**values, width=64, height=64, **given)
