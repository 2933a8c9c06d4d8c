"""Models in the files that people have: separate files, GGUF, fp8 with scales, fp16 variants, no T5."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from notthat.generation import GenerationRequest, InvalidModelError, LocalEngine, generate

from .conftest import SIDE, Both
from .split_model import model_name, original_transformer, save_gguf, save_split, to_scaled_fp8


def pixels(engine: LocalEngine, **changed: Any) -> np.ndarray[Any, Any]:
    values = {"prompt": "a man on a beach", "negative_prompt": "hat", "seed": 11, "num_inference_steps": 3}
    sized = {"guidance_scale": 4.0, "width": SIDE, "height": SIDE, "model": engine.model, "method": "cfg"}
    request = GenerationRequest.create(**{**sized, **values, **changed})
    return np.asarray(generate(engine, request).image, np.int16)


@pytest.fixture
def sd3(random_model: Callable[[str], Both]) -> Both:
    return random_model("sd3")


@pytest.fixture
def files(sd3: Both, tmp_path: Path) -> dict[str, Path]:
    return save_split(sd3.folder, tmp_path / "split")


def load(name: str) -> LocalEngine:
    return LocalEngine.load(name, device="cpu")


def test_separate_files_draw_what_their_folder_draws(sd3: Both, files: dict[str, Path]) -> None:
    assert (pixels(load(model_name(files))) == pixels(sd3.engine)).all()


def test_separate_files_in_diffusers_names_draw_the_same(sd3: Both, tmp_path: Path) -> None:
    tensors = load_file(next(sd3.folder.glob("transformer/*.safetensors")))
    files = save_split(sd3.folder, tmp_path / "split", tensors)
    assert (pixels(load(model_name(files))) == pixels(sd3.engine)).all()


def test_parts_with_weights_in_the_folder_beside_need_no_option(sd3: Both, files: dict[str, Path]) -> None:
    shutil.copytree(sd3.folder / "vae", files["transformer"].with_suffix("") / "vae", dirs_exist_ok=True)
    assert (pixels(load(model_name(files, without=("vae",)))) == pixels(sd3.engine)).all()


def test_separate_files_without_a_t5_are_the_model_without_its_t5(sd3: Both, files: dict[str, Path]) -> None:
    engine = load(model_name(files, without=("text_encoder_3",)))
    assert engine.tokenize("a hat").chunks == 1
    assert (pixels(engine) != pixels(sd3.engine)).any()


def test_a_flux_transformer_is_completed_by_its_files(random_model: Callable[[str], Both], tmp_path: Path) -> None:
    flux = random_model("flux")
    file = tmp_path / "flux.safetensors"
    shutil.copyfile(next(flux.folder.glob("transformer/*.safetensors")), file)
    shutil.copytree(flux.folder, tmp_path / "flux", ignore=shutil.ignore_patterns("*.safetensors"))
    clip = {
        f"text_model.{name.removeprefix('text_model.')}": tensor  # as ComfyUI's clip_l has it
        for name, tensor in load_file(next(flux.folder.glob("text_encoder/*.safetensors"))).items()
    }
    save_file(clip, tmp_path / "clip_l.safetensors")
    t5 = next(flux.folder.glob("text_encoder_2/*.safetensors"))
    parts = {"text_encoder_2": t5, "text_encoder": tmp_path / "clip_l.safetensors"}
    name = model_name({"transformer": file, "vae": next(flux.folder.glob("vae/*.safetensors")), **parts})
    assert (pixels(load(name)) == pixels(flux.engine)).all()


@pytest.mark.parametrize("recorded", [False, True])
def test_scaled_fp8_is_multiplied_out(sd3: Both, tmp_path: Path, recorded: bool) -> None:
    scaled = to_scaled_fp8(original_transformer(sd3.folder), recorded=recorded)
    engine = load(model_name(save_split(sd3.folder, tmp_path / "fp8", scaled)))
    assert engine.provenance()["dtype"] == "bfloat16"
    plain = {
        name: (t.float() * scaled[s]).bfloat16() if (s := _scale(name, recorded)) in scaled else t
        for name, t in scaled.items()
        if not name.endswith(("scale_weight", "weight_scale", "comfy_quant", "fp8"))
    }
    expected = load(f"{model_name(save_split(sd3.folder, tmp_path / 'plain', plain))}&quantize=none")
    assert abs(pixels(engine) - pixels(expected)).mean() < 3  # bfloat16 against single precision


def _scale(name: str, recorded: bool) -> str:
    return f"{name.removesuffix('.weight')}.{'weight_scale' if recorded else 'scale_weight'}"


def test_a_whole_checkpoint_in_scaled_fp8_loads(sd3: Both, files: dict[str, Path], tmp_path: Path) -> None:
    tensors = {f"model.diffusion_model.{n}": t for n, t in to_scaled_fp8(original_transformer(sd3.folder)).items()}
    tensors |= {f"first_stage_model.{n}": t for n, t in _original_vae(sd3.folder).items()}
    whole = tmp_path / "sd3.safetensors"
    save_file(tensors, whole)
    shutil.copytree(files["transformer"].with_suffix(""), tmp_path / "sd3")
    name = model_name({**files, "transformer": whole}, without=("vae",))
    assert abs(pixels(load(name)) - pixels(sd3.engine)).mean() < 20


def test_a_whole_checkpoint_without_text_encoders_asks_for_them(
    sd3: Both, files: dict[str, Path], tmp_path: Path
) -> None:
    tensors = {f"model.diffusion_model.{n}": t for n, t in original_transformer(sd3.folder).items()}
    tensors |= {f"first_stage_model.{n}": t for n, t in _original_vae(sd3.folder).items()}
    whole = tmp_path / "sd3.safetensors"
    save_file(tensors, whole)
    shutil.copytree(files["transformer"].with_suffix(""), tmp_path / "sd3")
    with pytest.raises(InvalidModelError, match="lacks its CLIPTextModelWithProjection: give it with --text-encoder"):
        load(str(whole))
    name = model_name({**files, "transformer": whole}, without=("vae",))
    assert (pixels(load(name)) == pixels(sd3.engine)).all()


def _original_vae(folder: Path) -> dict[str, torch.Tensor]:
    from .single_files import vae_tensors

    return vae_tensors(folder, blocks=2)


def test_a_gguf_computes_in_bfloat16_and_stays_quantised(sd3: Both, files: dict[str, Path]) -> None:
    file = files["transformer"].with_suffix(".gguf")
    save_gguf(original_transformer(sd3.folder), file)
    engine = load(model_name({**files, "transformer": file}))
    made_with = engine.provenance()
    assert (made_with["quantize"], made_with["dtype"]) == ("gguf", "bfloat16")
    picture = pixels(engine)
    assert abs(picture - pixels(sd3.engine)).mean() < 20
    assert (pixels(engine, negative_prompt="") != picture).any()
    with pytest.raises(InvalidModelError, match="quantised already: leave out --quantize fp8"):
        load(model_name({**files, "transformer": file}, quantize="fp8"))


def test_broken_and_foreign_files_are_one_line_each(sd3: Both, files: dict[str, Path], tmp_path: Path) -> None:
    loaded, before = sd3.engine, pixels(sd3.engine)
    language_model, truncated = tmp_path / "words.gguf", tmp_path / "cut.gguf"
    save_gguf(
        {"token_embd.weight": torch.zeros(4, 32), "blk.0.attn_q.weight": torch.zeros(32, 32)}, language_model, "llama"
    )
    save_gguf(original_transformer(sd3.folder), truncated)
    truncated.write_bytes(truncated.read_bytes()[:-4000])
    narrow = tmp_path / "narrow.safetensors"
    save_file({"text_model.embeddings.token_embedding.weight": torch.zeros(4, 8)}, narrow)
    other_vae = tmp_path / "vae.safetensors"
    save_file({"decoder.conv_in.weight": torch.zeros(8, 16, 3, 3)}, other_vae)
    nvfp4 = tmp_path / "nvfp4.safetensors"
    save_file({**original_transformer(sd3.folder), "x.weight_scale_2": torch.zeros(1)}, nvfp4)
    for name, reason in (
        (str(language_model), r"a text model \(llama\), which can't draw"),
        (str(truncated), "incomplete or no weight file"),
        (model_name({**files, "text_encoder": narrow}), "no text encoder of this model"),
        (model_name({**files, "vae": other_vae}), "16 latent channels, this model 4"),
        (model_name({**files, "vae": files["text_encoder"]}), "has no autoencoder"),
        (model_name(files, without=("vae",)), "lacks its AutoencoderKL: give --vae FILE"),
        (model_name(files, without=("text_encoder_2",)), "give --text-encoder FILE"),
        (str(nvfp4), "quantised as nvfp4, which is not supported"),
        (f"{files['transformer']}?vae=/no/such/file", "is no .safetensors file"),
        (f"{files['transformer']}?quantise=int8", "no option “quantise”"),
        (f"{sd3.folder}?vae={files['vae']}", "complete a single file"),
    ):
        with pytest.raises(InvalidModelError, match=reason) as error:
            load(name)
        assert "\n" not in str(error.value)
    assert (pixels(loaded) == before).all()


def test_a_transformer_of_another_size_than_its_configuration_is_refused(sd3: Both, tmp_path: Path) -> None:
    tensors = original_transformer(sd3.folder)
    tensors["x_embedder.proj.weight"] = torch.zeros(64, 4, 2, 2)
    with pytest.raises(InvalidModelError, match="can't be loaded") as error:
        load(model_name(save_split(sd3.folder, tmp_path / "split", tensors)))
    assert "\n" not in str(error.value)


def test_an_incomplete_text_encoder_is_refused_by_a_key(sd3: Both, files: dict[str, Path]) -> None:
    tensors = load_file(files["text_encoder_3"])
    lost = next(name for name in tensors if "wo" in name)
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, files["text_encoder_3"])
    with pytest.raises(InvalidModelError, match=lost):
        load(model_name(files))


def test_a_folder_with_only_fp16_files_loads(sd3: Both, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(sd3.folder, folder)
    for file in list(folder.glob("*/*.safetensors")):
        file.rename(file.with_suffix(f".fp16{file.suffix}"))
    assert (pixels(load(str(folder))) == pixels(sd3.engine)).all()


@pytest.mark.parametrize("told", [True, False])
def test_stable_diffusion_3_loads_without_its_t5(sd3: Both, tmp_path: Path, told: bool) -> None:
    folder = tmp_path / "no_t5"
    shutil.copytree(sd3.folder, folder, ignore=shutil.ignore_patterns("text_encoder_3", "tokenizer_3"))
    if told:
        index = folder / "model_index.json"
        lines = index.read_text().replace('"transformers",\n    "T5EncoderModel"', "null, null")
        index.write_text(lines.replace('"transformers",\n    "T5Tokenizer"', "null, null"))
    engine = load(str(folder))
    stock = type(sd3.stock)(**{**sd3.stock.components, "text_encoder_3": None, "tokenizer_3": None})
    stock.set_progress_bar_config(disable=True)
    drawn = stock(
        "a man on a beach", negative_prompt="hat", num_inference_steps=3, guidance_scale=4.0, width=SIDE, height=SIDE,
        generator=torch.Generator("cpu").manual_seed(11),
    ).images[0]  # fmt: skip
    ours = pixels(engine, syntax="plain")
    assert abs(ours - np.asarray(drawn, np.int16)).max() <= 1
