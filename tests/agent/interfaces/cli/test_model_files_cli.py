"""A session on the command line with each kind of model file: a folder, a GGUF, separate files, quantised weights."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import comfyui_files
import pytest
import random_flows
import torch

from notthat.agent.interfaces.cli.main import main

diffusers: Any = import_module("diffusers")  # as it is for type checkers: half of it has no types

Run = Callable[..., tuple[int, str, str]]

DEFAULTS = '{"width": 32, "height": 32, "num_inference_steps": 2}'


@pytest.fixture
def notthat(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: its exit code, and all that reached stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["notthat", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, *capfd.readouterr()

    return run


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ComfyUI models folder with a random Z-Image and a random Qwen-Image in every kind of file."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(3)
    vae = diffusers.AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=8,
        sample_size=32,
    )
    for kind, pipeline in (("z-image", random_flows.z_image(vae)), ("qwen-image", random_flows.qwen_image())):
        folder = root / "diffusers" / kind
        random_flows.randomize(pipeline).save_pretrained(folder)
        (folder / "notthat.json").write_text(DEFAULTS)
        transformers, encoders, vaes = (root / name for name in ("diffusion_models", "text_encoders", "vae"))
        files = comfyui_files.save_files(kind, folder, root / kind)
        for part, place in (("transformer", transformers), ("text_encoder", encoders), ("vae", vaes)):
            place.mkdir(exist_ok=True)
            files[part].rename(place / f"{kind}-{part}.safetensors")
        file = transformers / f"{kind}-transformer.safetensors"
        comfyui_files.save_configuration(folder, file)
        (file.with_suffix("") / "notthat.json").write_text(DEFAULTS)
        tensors = comfyui_files.original_transformer(kind, folder)
        comfyui_files.save_gguf(tensors, transformers / f"{kind}-Q8_0.gguf", kind, quantized="layers|blocks")
        comfyui_files.save_configuration(folder, transformers / f"{kind}-Q8_0.gguf")
        (transformers / f"{kind}-Q8_0" / "notthat.json").write_text(DEFAULTS)
    return root


def options(kind: str, stored: str) -> list[str]:
    """The options of a model as a user would write them, with names in `NOTTHAT_MODELS`."""
    beside = ["--text-encoder", f"{kind}-text_encoder", "--vae", f"{kind}-vae"]
    return {
        "folder": ["--model", kind],
        "files": ["--model", f"{kind}-transformer", *beside],
        "gguf": ["--model", f"{kind}-Q8_0", *beside],
        "int8": ["--model", kind, "--quantize", "int8"],
        "fp8": ["--model", f"{kind}-transformer", *beside, "--quantize", "fp8"],
    }[stored]


@pytest.mark.parametrize("stored", ["folder", "files", "gguf", "int8", "fp8"])
@pytest.mark.parametrize("kind", ["z-image", "qwen-image"])
def test_a_session_is_the_same_when_it_is_replayed(
    notthat: Run, monkeypatch: pytest.MonkeyPatch, models: Path, kind: str, stored: str
) -> None:
    monkeypatch.setenv("NOTTHAT_MODELS", str(models))

    def lines(*arguments: str) -> list[dict[str, Any]]:
        code, out, err = notthat(*arguments, "--json")
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]

    (first,) = lines("new", "a man on a beach", *options(kind, stored), "--seed", "5")
    (second,) = lines("say", first["session"], "no hat")
    assert second["negative"] == "hat"
    assert second["sha256"] != first["sha256"]
    assert second["negative_effect"] > 0
    (undone,) = lines("undo", first["session"])
    assert undone["sha256"] == first["sha256"]
    assert lines("replay", first["session"], "--verify")[-1] == {"turns": 2, "identical": 2}


def test_the_files_are_listed_with_what_completes_them(
    notthat: Run, monkeypatch: pytest.MonkeyPatch, models: Path
) -> None:
    monkeypatch.setenv("NOTTHAT_MODELS", str(models))
    code, out, err = notthat("models")
    assert (code, err) == (0, "")
    assert "z-image-Q8_0.gguf  Z-Image: exclusions act by guidance, 0.00 GiB and its text encoder (qwen_3_4b)" in out
    assert "qwen-image  Qwen-Image: exclusions act by guidance, 0.00 GiB\n" in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "z-image-transformer", "--vae", "z-image-vae"], "lacks its Qwen3Model: give --text-encoder FILE"),
        (["--model", "z-image-transformer", "--text-encoder", "qwen-image-text_encoder"], "no text encoder of this"),
        (["--model", "z-image-Q8_0", "--quantize", "int8"], "quantised already: leave out --quantize int8"),
        (["--model", "z-image", "--quantize", "nf4"], "--quantize nf4 needs an NVIDIA GPU"),
        (["--model", "z-image", "--lora", "/no/such/file.safetensors"], "there is no file /no/such/file.safetensors"),
    ],
)
def test_what_does_not_fit_is_one_line(
    notthat: Run, monkeypatch: pytest.MonkeyPatch, models: Path, home: Path, arguments: list[str], reason: str
) -> None:
    monkeypatch.setenv("NOTTHAT_MODELS", str(models))
    code, out, err = notthat("new", "a man", *arguments, "--json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err
    assert notthat("sessions", "--json") == (0, "", "")
