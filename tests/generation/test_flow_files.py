"""The flows of language models in the files that people have: separate files, GGUF, fp8 with scales."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfyui_files
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLFlux2, AutoencoderKLQwenImage
from safetensors.torch import load_file, save_file

from notthat.generation import GenerationRequest, InvalidModelError, LocalEngine, generate
from notthat.generation.split_files import Layout
from notthat.generation.vae_files import load_vae
from notthat.generation.weight_files import read_header

from .conftest import LANGUAGE_MODEL_FLOWS, SIDE, Both
from .single_files import vae_tensors
from .split_model import to_scaled_fp8

SINGLE_FILE_FLOWS = [kind for kind in LANGUAGE_MODEL_FLOWS if kind != "qwen-image-2.1"]


def pixels(engine: LocalEngine, **changed: Any) -> np.ndarray[Any, Any]:
    values = {"prompt": "a man on a beach", "negative_prompt": "hat", "seed": 11, "num_inference_steps": 2}
    sized = {"guidance_scale": 4.0, "width": SIDE, "height": SIDE, "model": engine.model, "method": "cfg"}
    request = GenerationRequest.create(**{**sized, **values, **changed})
    return np.asarray(generate(engine, request).image, np.int16)


def load(name: str) -> LocalEngine:
    return LocalEngine.load(name, device="cpu")


@pytest.mark.parametrize("kind", SINGLE_FILE_FLOWS)
def test_separate_files_draw_what_their_folder_draws(
    random_model: Callable[[str], Both], tmp_path: Path, kind: str
) -> None:
    whole = random_model(kind)
    files = comfyui_files.save_files(kind, whole.folder, tmp_path)
    assert (pixels(load(comfyui_files.model_name(files))) == pixels(whole.engine)).all()


@pytest.mark.parametrize("kind", SINGLE_FILE_FLOWS)
def test_a_gguf_and_scaled_fp8_of_the_same_weights_draw_nearly_the_same(
    random_model: Callable[[str], Both], tmp_path: Path, kind: str
) -> None:
    folder = random_model(kind).folder
    scaled = to_scaled_fp8(comfyui_files.original_transformer(kind, folder))
    files = comfyui_files.save_files(kind, folder, tmp_path, transformer=scaled)
    fp8 = load(f"{comfyui_files.model_name(files)}&quantize=none")
    assert fp8.provenance()["dtype"] == "bfloat16"
    plain = {
        name: t.float() * scaled.get(f"{name.removesuffix('.weight')}.scale_weight", torch.ones(()))
        for name, t in scaled.items()
        if not name.endswith(("scale_weight", "scaled_fp8"))
    }
    file = tmp_path / "transformer.gguf"
    comfyui_files.save_gguf(plain, file, kind, quantized="layers|blocks|lin")
    quantised = load(comfyui_files.model_name({**files, "transformer": file}))
    made_with = quantised.provenance()
    assert (made_with["quantize"], made_with["dtype"]) == ("gguf", "bfloat16")
    picture = pixels(quantised)
    assert abs(picture - pixels(fp8)).mean() < 4
    assert (picture != pixels(quantised, negative_prompt="")).any()


@pytest.mark.parametrize(
    ("kind", "architecture"), [("z-image", "qwen3"), ("lumina2", "gemma2"), ("chroma", "t5encoder")]
)
def test_a_gguf_of_a_text_encoder_completes_a_transformer(
    random_model: Callable[[str], Both], tmp_path: Path, kind: str, architecture: str
) -> None:
    whole = random_model(kind)
    files = comfyui_files.save_files(kind, whole.folder, tmp_path)
    encoder = tmp_path / "encoder.gguf"
    comfyui_files.save_text_encoder_gguf(whole.folder, encoder, architecture)
    engine = load(comfyui_files.model_name({**files, "text_encoder": encoder}))
    assert (pixels(engine) == pixels(whole.engine)).all()


@pytest.mark.parametrize("kind", ["z-image", "qwen-image", "lumina2"])
def test_a_whole_checkpoint_is_taken_apart(random_model: Callable[[str], Both], tmp_path: Path, kind: str) -> None:
    whole = random_model(kind)
    files = comfyui_files.save_files(kind, whole.folder, tmp_path)
    prefixes = {"transformer": "model.diffusion_model.", "text_encoder": "text_encoders.te.transformer.", "vae": "vae."}
    tensors = {
        prefixes[part] + name: tensor for part, file in files.items() for name, tensor in load_file(file).items()
    }
    checkpoint = tmp_path / "all.safetensors"
    save_file(tensors, checkpoint)
    comfyui_files.save_configuration(whole.folder, checkpoint)
    assert (pixels(load(str(checkpoint))) == pixels(whole.engine)).all()
    bare = {name: t for name, t in tensors.items() if not name.startswith("text_encoders.")}
    save_file(bare, checkpoint)
    with pytest.raises(InvalidModelError, match="give --text-encoder FILE"):
        load(str(checkpoint))
    name = f"{checkpoint}?text_encoder={files['text_encoder']}"
    assert (pixels(load(name)) == pixels(whole.engine)).all()


def test_text_encoders_in_scaled_and_in_plain_fp8_are_widened(
    random_model: Callable[[str], Both], tmp_path: Path
) -> None:
    whole = random_model("z-image")
    files = comfyui_files.save_files("z-image", whole.folder, tmp_path)
    tensors = load_file(files["text_encoder"])
    before = pixels(whole.engine)
    for name, stored in (
        ("scaled", to_scaled_fp8(tensors)),
        ("plain", {each: t.to(torch.float8_e4m3fn) if t.ndim == 2 else t for each, t in tensors.items()}),
    ):
        encoder = tmp_path / f"{name}.safetensors"
        save_file(stored, encoder)
        picture = pixels(load(comfyui_files.model_name({**files, "text_encoder": encoder})))
        assert (picture != before).any()
        assert abs(picture - before).mean() < 30


def test_qwen_images_autoencoder_is_read_in_the_names_of_wan(tmp_path: Path) -> None:
    vae = AutoencoderKLQwenImage(base_dim=8, z_dim=4, latents_mean=[0.0] * 4, latents_std=[1.0] * 4)
    vae.save_pretrained(tmp_path / "vae")
    tensors = comfyui_files.wan_vae(vae.state_dict())
    assert {"decoder.middle.0.residual.0.gamma", "encoder.downsamples.0.residual.2.weight"} <= tensors.keys()
    save_file(tensors, tmp_path / "qwen_image_vae.safetensors")
    loaded = load_vae(_layout(tmp_path, vae), read_header(tmp_path / "qwen_image_vae.safetensors"), torch.float32)
    assert _are_equal(loaded, vae)


@pytest.mark.parametrize("nested", ["encoder.", ""])
def test_flux2s_autoencoder_is_read_in_the_names_of_its_authors(tmp_path: Path, nested: str) -> None:
    sizes = {"block_out_channels": (16, 32), "latent_channels": 4, "norm_num_groups": 8}
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    vae = AutoencoderKLFlux2(**sizes, **blocks)
    vae.bn.running_mean.normal_()
    vae.save_pretrained(tmp_path / "vae")
    tensors = vae_tensors(tmp_path, blocks=2)
    if nested:
        tensors = {
            f"encoder.{name}"
            if name.startswith("quant_")
            else f"decoder.{name}"
            if name.startswith("post_")
            else name: t
            for name, t in tensors.items()
        }
    assert {"decoder.up.0.block.0.conv1.weight", f"{nested}quant_conv.weight", "bn.running_mean"} <= tensors.keys()
    save_file(tensors, tmp_path / "flux2-vae.safetensors")
    loaded = load_vae(_layout(tmp_path, vae), read_header(tmp_path / "flux2-vae.safetensors"), torch.float32)
    assert _are_equal(loaded, vae)
    lost = sorted(tensors)[-1]
    save_file({name: t for name, t in tensors.items() if name != lost}, tmp_path / "flux2-vae.safetensors")
    with pytest.raises(InvalidModelError, match=r"flux2-vae\.safetensors is incomplete: it lacks"):
        load_vae(_layout(tmp_path, vae), read_header(tmp_path / "flux2-vae.safetensors"), torch.float32)


def _layout(folder: Path, vae: torch.nn.Module) -> Layout:
    return Layout("Pipeline", folder, {"vae": ("diffusers", type(vae).__name__)})


def _are_equal(loaded: torch.nn.Module, expected: torch.nn.Module) -> bool:
    ours, theirs = loaded.state_dict(), expected.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_foreign_and_broken_files_of_flows_are_one_line_each(
    random_model: Callable[[str], Both], tmp_path: Path
) -> None:
    z_image, qwen, lumina = random_model("z-image"), random_model("qwen-image"), random_model("lumina2")
    before = pixels(z_image.engine)
    files = comfyui_files.save_files("z-image", z_image.folder, tmp_path / "z")
    others = comfyui_files.save_files("qwen-image", qwen.folder, tmp_path / "q")
    gemma = comfyui_files.save_files("lumina2", lumina.folder, tmp_path / "l")["text_encoder"]
    vision, cut, mixed = tmp_path / "vl.gguf", tmp_path / "cut.gguf", tmp_path / "mixed" / "transformer.safetensors"
    comfyui_files.save_gguf({"token_embd.weight": torch.zeros(4, 32)}, vision, "qwen3vl")
    comfyui_files.save_gguf(comfyui_files.original_transformer("z-image", z_image.folder), cut, "lumina2")
    cut.write_bytes(cut.read_bytes()[:-4000])
    mixed.parent.mkdir()
    mixed.write_bytes(files["transformer"].read_bytes())
    comfyui_files.save_configuration(qwen.folder, mixed)
    lost = tmp_path / "lost.safetensors"
    tensors = comfyui_files.language_model(z_image.folder)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, lost)
    for changed, reason in (
        ({"text_encoder": others["text_encoder"]}, "no text encoder of this model .*has Qwen3Model of width 32"),
        ({"text_encoder": gemma}, "no text encoder of this model"),
        ({"text_encoder": files["vae"]}, "no text encoder of this model"),
        ({"text_encoder": vision}, r"a GGUF of a qwen3vl, which can't be read .*give its .safetensors"),
        ({"text_encoder": cut}, "incomplete or no weight file"),
        ({"text_encoder": lost}, "is incomplete: it lacks layers.1.mlp.up_proj.weight"),
        ({"vae": others["vae"]}, "is for other models: this one .*has an AutoencoderKL"),
        ({"vae": vision}, "is no .safetensors file"),
        ({"transformer": cut}, "incomplete or no weight file"),
        ({"transformer": vision}, r"is a text model \(qwen3vl\), which can't draw"),
        (
            {"transformer": mixed},
            "file of a ZImagePipeline, but the folder transformer beside it is a QwenImagePipeline",
        ),
    ):
        with pytest.raises(InvalidModelError, match=reason) as error:
            load(comfyui_files.model_name({**files, **changed}))
        assert "\n" not in str(error.value)
    with pytest.raises(InvalidModelError, match=r"is no text encoder of this model .*has Qwen2_5_VL"):
        load(comfyui_files.model_name({**others, "text_encoder": files["text_encoder"]}))
    assert (pixels(z_image.engine) == before).all()
