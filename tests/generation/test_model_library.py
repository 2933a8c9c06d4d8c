"""Folders of models: what is in them, and by which names it is found."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from notthat.generation import InvalidModelError, ModelName, find_model, list_library

HALF = np.float16


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    """A ComfyUI models folder. The files have the tensors that tell their kind, and no others."""
    models = tmp_path / "ComfyUI" / "models"
    for folder in ("checkpoints/XL", "diffusion_models", "text_encoders", "vae", "loras"):
        (models / folder).mkdir(parents=True)
    sdxl = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"
    vae = {"first_stage_model.decoder.conv_in.weight": np.zeros((8, 4, 3, 3), HALF)}
    save_file({sdxl: np.zeros(1280, HALF), **vae}, models / "checkpoints" / "XL" / "juggernaut.safetensors")
    save_file({sdxl: np.zeros(1280, HALF), **vae}, models / "checkpoints" / "xl-lightning.safetensors")
    flux = {"double_blocks.0.img_attn.norm.key_norm.scale": np.zeros(128, np.float32)}
    save_file(flux, models / "diffusion_models" / "flux1-dev.safetensors")
    chroma = {**flux, "distilled_guidance_layer.in_proj.bias": np.zeros(4, HALF)}
    save_file(chroma, models / "diffusion_models" / "chroma.safetensors")
    save_file({"shared.weight": np.zeros((4, 4), HALF)}, models / "text_encoders" / "t5xxl.safetensors")
    save_file({"decoder.conv_in.weight": np.zeros((8, 16, 3, 3), HALF)}, models / "vae" / "ae.safetensors")
    (models / "checkpoints" / "cut.safetensors").write_bytes(b"12345678 not a header")
    (models / "loras" / "style.safetensors").write_bytes(b"")
    return models


def test_a_library_is_listed_by_headers_alone(comfyui: Path) -> None:
    listed = {model.name: model for model in list_library([comfyui])}
    assert list(listed) == [
        "mini",
        "XL/juggernaut.safetensors",
        "cut.safetensors",
        "xl-lightning.safetensors",
        "chroma.safetensors",
        "flux1-dev.safetensors",
    ]
    sdxl = listed["XL/juggernaut.safetensors"]
    assert (sdxl.family, sdxl.exclusions, sdxl.is_complete) == ("Stable Diffusion XL", "guidance", True)
    assert sdxl.memory == 2 * (1280 + 8 * 4 * 9)
    assert listed["xl-lightning.safetensors"].exclusions == "attention"
    flux = listed["flux1-dev.safetensors"]
    assert (flux.family, flux.exclusions, flux.is_complete, flux.memory) == ("Flux", "attention", False, 256)
    assert flux.needs == ("clip_l", "t5xxl", "ae")
    chroma_file = listed["chroma.safetensors"]
    assert (chroma_file.family, chroma_file.exclusions, chroma_file.needs) == ("Chroma", "guidance", ("t5xxl", "ae"))
    assert listed["cut.safetensors"].kind == "unreadable"
    assert "incomplete or no weight file" in (listed["cut.safetensors"].problem or "")


@pytest.mark.parametrize(
    ("name", "tensors", "family", "exclusions"),
    [
        ("z_image_turbo_bf16", ["cap_embedder.0.weight", "layers.0.adaLN_modulation.0.weight"], "Z-Image", "attention"),
        ("z_image_bf16", ["cap_embedder.0.weight", "layers.0.adaLN_modulation.0.weight"], "Z-Image", "guidance"),
        (
            "qwen_image_fp8_e4m3fn",
            ["transformer_blocks.0.attn.add_q_proj.weight", "txt_norm.weight"],
            "Qwen-Image",
            "guidance",
        ),
        ("flux-2-klein-4b-fp8", ["single_stream_modulation.lin.weight"], "Flux.2 klein", "attention"),
        ("flux-2-klein-base-4b-fp8", ["single_stream_modulation.lin.weight"], "Flux.2 klein", "guidance"),
        ("krea2_turbo_fp8_scaled", ["txtfusion.projector.weight"], "Krea 2", "attention"),
        ("lumina_2_model_bf16", ["cap_embedder.0.weight"], "Lumina 2", "guidance"),
        (
            "flux2-dev",
            ["single_stream_modulation.lin.weight", "guidance_in.in_layer.weight"],
            "Flux2Pipeline",
            "not supported",
        ),
    ],
)
def test_flows_are_listed_by_their_tensors_and_names(
    tmp_path: Path, name: str, tensors: list[str], family: str, exclusions: str
) -> None:
    (tmp_path / "diffusion_models").mkdir()
    file = tmp_path / "diffusion_models" / f"{name}.safetensors"
    save_file({f"model.diffusion_model.{each}": np.zeros((4, 4), HALF) for each in tensors}, file)
    _, model = list_library([tmp_path])
    assert (model.family, model.exclusions, model.is_complete) == (family, exclusions, False)
    assert model.memory == 2 * 16 * len(tensors)


def test_the_configuration_beside_a_file_is_no_model_of_its_own(comfyui: Path) -> None:
    folder = comfyui / "diffusion_models" / "flux1-dev"
    folder.mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    assert find_model("flux1-dev", [comfyui]) == f"{folder}.safetensors"
    assert [model.name for model in list_library([comfyui]) if "flux" in model.name] == ["flux1-dev.safetensors"]


def test_a_folder_says_whether_it_is_distilled(tmp_path: Path) -> None:
    for name, is_distilled in (("a", True), ("b", False)):
        (tmp_path / name).mkdir()
        index = {"_class_name": "Flux2KleinPipeline", "is_distilled": is_distilled}
        (tmp_path / name / "model_index.json").write_text(json.dumps(index))
    assert [model.exclusions for model in list_library([tmp_path])] == ["guidance", "attention", "guidance"]


def test_automatic1111s_folders_and_plain_ones_are_read(tmp_path: Path, model_folder: Path) -> None:
    flux = {"double_blocks.0.img_attn.norm.key_norm.scale": np.zeros(128, np.float32)}
    (tmp_path / "Stable-diffusion").mkdir()
    save_file(flux, tmp_path / "Stable-diffusion" / "a.safetensors")
    save_file(flux, tmp_path / "b.safetensors")
    (tmp_path / "pipeline").symlink_to(model_folder)
    listed = {model.name: model for model in list_library([tmp_path])}
    assert list(listed) == ["mini", str(tmp_path / "pipeline"), str(tmp_path / "b.safetensors"), "a.safetensors"]
    assert (listed[str(tmp_path / "pipeline")].family, listed[str(tmp_path / "pipeline")].is_complete) == (
        "Stable Diffusion 1 or 2",
        True,
    )
    assert (listed[str(tmp_path / "pipeline")].memory or 0) > 100_000


@pytest.mark.parametrize("name", ["XL/juggernaut.safetensors", "XL/juggernaut", "juggernaut.safetensors", "juggernaut"])
def test_a_model_is_found_by_its_name(comfyui: Path, name: str) -> None:
    assert find_model(name, [comfyui]) == str(comfyui / "checkpoints" / "XL" / "juggernaut.safetensors")


def test_other_names_stay_as_they_are(comfyui: Path, tmp_path: Path) -> None:
    for name in ("mini", "owner/name", "t5xxl", str(comfyui / "vae" / "ae.safetensors")):
        assert find_model(name, [comfyui]) == name
    assert find_model("juggernaut", [tmp_path / "nothing"]) == "juggernaut"


def test_text_encoders_and_autoencoders_are_found_in_their_folders(comfyui: Path) -> None:
    name = ModelName.parse(find_model("flux1-dev?text_encoder=t5xxl&vae=ae&quantize=fp8", [comfyui]))
    assert name.text_encoders == (str(comfyui / "text_encoders" / "t5xxl.safetensors"),)
    assert (name.vae, name.quantize) == (str(comfyui / "vae" / "ae.safetensors"), "fp8")


def test_a_name_of_two_files_is_refused(comfyui: Path) -> None:
    twin = comfyui / "diffusion_models" / "juggernaut.safetensors"
    twin.write_bytes((comfyui / "diffusion_models" / "chroma.safetensors").read_bytes())
    with pytest.raises(InvalidModelError, match="“juggernaut” fits several files"):
        find_model("juggernaut", [comfyui])


def test_a_name_is_read_as_it_is_written() -> None:
    for text in (
        "mini",
        "a b.gguf?vae=/x%26y/z.safetensors&quantize=int8&offload=model",
        "m?text_encoder=a&text_encoder=b",
    ):
        assert str(ModelName.parse(text)) == text
    assert ModelName.parse("m?vae=/x%26y").vae == "/x&y"


@pytest.mark.parametrize("text", ["m?", "m?vae", "m?speed=9", "m?quantize=int3", "m?offload="])
def test_options_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidModelError):
        ModelName.parse(text)


def test_listing_needs_no_torch(comfyui: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from notthat.generation import list_library
assert len(list_library([Path({str(comfyui)!r})])) == 6
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
