"""Models with missing weights are refused by the name of one."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from notthat.generation import InvalidModelError, LocalEngine

from .conftest import loaded


def save_without_a_weight(folder: Path, part: str) -> str:
    """Remove a weight from a part of a model, and return its name."""
    file = next(folder.glob(f"{part}/*.safetensors"))
    tensors = load_file(file)
    name = sorted(tensors)[len(tensors) // 2]
    del tensors[name]
    save_file(tensors, file, metadata={"format": "pt"})
    return name


@pytest.mark.parametrize("part", ["text_encoder", "unet", "vae"])
def test_a_folder_with_a_missing_weight_is_refused_by_the_weights_name(stable_diffusion, part):
    folder = stable_diffusion()
    name = save_without_a_weight(folder, part)
    with pytest.raises(InvalidModelError) as error:
        LocalEngine.load(str(folder), device="cpu")
    assert name in str(error.value)
    assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_t5_with_a_missing_weight_is_refused_by_the_weights_name(random_model, tmp_path):
    random_model("flux").stock.save_pretrained(tmp_path / "flux")
    name = save_without_a_weight(tmp_path / "flux", "text_encoder_2")
    with pytest.raises(InvalidModelError, match=name):
        loaded(str(tmp_path / "flux"))
