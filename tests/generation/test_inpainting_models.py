"""Inpainting checkpoints: denoisers that read a mask and the masked picture, as the stock pipelines draw with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from notthat.generation import LocalEngine, ModelName
from notthat.generation.model_source import find_source
from notthat.generation.split_files import find_configuration

from .conftest import SIDE, Both
from .single_files import save_single_file
from .test_image_to_image import keep, right_half, scene

WHITE = Image.new("L", (SIDE, SIDE), 255)
FLUX = {
    "double_blocks.0.img_attn.norm.key_norm.scale": (1,),
    "guidance_in.in_layer.bias": (1,),
    "guidance_in.in_layer.weight": (1,),
}
UNET = "model.diffusion_model.input_blocks.0.0.weight"


def stock_pixels(both: Both, scale: float, **asked: Any) -> np.ndarray[Any, Any]:
    generator = torch.Generator("cpu").manual_seed(11)
    given: dict[str, Any] = {"image": scene(), "mask_image": right_half(), "height": SIDE, "width": SIDE, **asked}
    if both.folder.name == "flux-fill":  # which has no second pass, and draws its noise after the picture's latents
        given |= {"guidance_scale": 30.0}
        if given["strength"] == 1:
            noise = torch.randn(both.family.noise_shape(both.request()), generator=generator)
            given["latents"] = both.family.pack(noise)
    else:
        given |= {"guidance_scale": scale, "negative_prompt": "fog"}
    picture = both.stock(prompt="a man on a beach", num_inference_steps=5, generator=generator, **given).images[0]
    return np.asarray(picture, np.int16)


@pytest.mark.parametrize("strength", [0.6, 1.0])
@pytest.mark.parametrize(("kind", "scale"), [("sd-inpainting", 4.0), ("sdxl-inpainting", 4.0), ("flux-fill", 1.0)])
def test_pixels_are_those_of_the_stock_pipeline(
    random_model: Callable[[str], Both], kind: str, scale: float, strength: float
) -> None:
    both = random_model(kind)
    image, mask = keep(both.engine, scene(), right_half())
    asked: dict[str, Any] = {"num_inference_steps": 5, "guidance_scale": scale, "negative_prompt": "fog"}
    (ours,) = both.pixels(**asked, init_image=image, mask_image=mask, strength=strength)
    inner = SIDE // 2 + 4  # beside it, the border is soft
    stock = stock_pixels(both, scale, strength=strength)
    assert np.abs(ours - stock)[:, inner:].max() <= 1
    assert (ours[:, : SIDE // 2] == np.asarray(scene())[:, : SIDE // 2]).all()

    everything = {} if strength == 1 else {"init_image": image, "strength": strength}
    (ours,) = both.pixels(**asked, **everything)  # without a mask, all of a gray picture is drawn anew
    assert np.abs(ours - stock_pixels(both, scale, strength=strength, mask_image=WHITE)).max() <= 1


@pytest.mark.parametrize("method", ["cfg", "lookahead", "nag"])
@pytest.mark.parametrize("kind", ["sd-inpainting", "flux-fill"])
def test_exclusions_act_in_batches_and_the_mask_counts(
    random_model: Callable[[str], Both], kind: str, method: str
) -> None:
    both = random_model(kind)
    image, mask, other = keep(both.engine, scene(), right_half(), right_half().rotate(180))
    asked: dict[str, Any] = {"init_image": image, "mask_image": mask, "strength": 1.0, "method": method}
    plain, excluded = both.pixels(**asked), both.pixels(**asked, negative_prompt="hat, fog", count=2)
    assert (plain[0] != excluded[0]).any()
    alone = both.pixels(**asked, negative_prompt="hat, fog", seed=12)
    assert np.abs(excluded[1] - alone[0]).max() <= 1
    assert (both.pixels(**{**asked, "mask_image": other})[0] != plain[0]).any()


@pytest.mark.parametrize(
    ("shapes", "kind", "hub_id"),
    [
        ({UNET: (4, 9, 3, 3)}, "StableDiffusionPipeline", "stable-diffusion-v1-5/stable-diffusion-inpainting"),
        ({**FLUX, "img_in.weight": (1, 384)}, "FluxPipeline", "black-forest-labs/FLUX.1-Fill-dev"),
        ({**FLUX, "img_in.weight": (1, 64)}, "FluxPipeline", "black-forest-labs/FLUX.1-dev"),
    ],
)
def test_a_file_is_recognised_by_its_tensors(tmp_path: Path, shapes: dict[str, Any], kind: str, hub_id: str) -> None:
    file = tmp_path / "inpainting.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, file)
    found = find_source(ModelName(str(file)), file)
    assert found.kind == kind
    assert found.header is not None
    assert find_configuration(kind, found.header) == hub_id


def test_a_single_file_draws_as_its_folder(random_model: Callable[[str], Both], tmp_path: Path) -> None:
    both = random_model("sd-inpainting")
    file = tmp_path / "model.safetensors"
    save_single_file(both.folder, file, both.stock)
    (tmp_path / "model").symlink_to(both.folder)
    engine = LocalEngine.load(str(file), device="cpu")
    image, mask = keep(both.engine, scene(), right_half())
    engine.read_image = both.engine.read_image
    asked: dict[str, Any] = {"init_image": image, "mask_image": mask}
    *_, last = engine.run(both.request(model=str(file), **asked))
    assert last.picture is not None
    assert (np.asarray(last.picture.image) == both.pixels(**asked)[0]).all()
