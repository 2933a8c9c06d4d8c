"""Damaged folders and files: each is refused in one line that says what to do, and changes no model that is loaded."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from notthat.agent import Conversation, Studio
from notthat.errors import InvalidInputError
from notthat.generation import GenerationError, GenerationRequest, InvalidModelError, LocalEngine, generate
from notthat.generation.errors import ShortOfMemoryError
from notthat.generation.failures import explain_failure

UNET, VAE = "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


def cut(file):
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes()[:5000])


def fill(file, data):
    return lambda folder: (folder / file).write_bytes(data)


def remove(name):
    def apply(folder):
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()

    return apply


def change(file, **values):
    def apply(folder):
        data = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**data, **values}))

    return apply


class Command:
    """What a pickle would run."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


def harmful(part, name):
    def apply(folder):
        next(folder.glob(f"{part}/*.safetensors")).unlink()
        (folder / part / name).write_bytes(pickle.dumps(Command()))

    return apply


def without_merges(folder):
    file = folder / "tokenizer/tokenizer.json"
    data = json.loads(file.read_text())
    del data["model"]["merges"]
    file.write_text(json.dumps(data))


def with_more_words(folder):
    file = folder / "tokenizer/tokenizer.json"
    data = json.loads(file.read_text())
    data["model"]["vocab"]["another"] = 999
    file.write_text(json.dumps(data))


def without_a_shard(folder):
    tensors = load_file(folder / UNET)
    (folder / UNET).unlink()
    first, second = (f"diffusion_pytorch_model-0000{k}-of-00002.safetensors" for k in (1, 2))
    save_file(tensors, folder / "unet" / first, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {**dict.fromkeys(tensors, first), "conv_in.bias": second}}
    (folder / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


DAMAGES = {
    "half of the unet": (cut(UNET), "incomplete or no weight file"),
    "half of the text encoder": (cut(TEXT), "incomplete or no weight file"),
    "an empty file": (fill(UNET, b""), "incomplete or no weight file"),
    "a web page": (fill(TEXT, b"<html>Not found</html>"), "incomplete or no weight file"),
    "a large header": (fill(VAE, b"\xff" * 64), "incomplete or no weight file"),
    "no json in the header": (fill(VAE, (64).to_bytes(8, "little") + b"x" * 64), "incomplete or no weight file"),
    "a pointer of git": (fill(UNET, b"version https://git-lfs.github.com/spec/v1\n"), "incomplete or no weight file"),
    "a pickle that runs a command": (harmful("unet", "diffusion_pytorch_model.bin"), "give .safetensors files"),
    "another one": (harmful("text_encoder", "pytorch_model.bin"), "give .safetensors files"),
    "no shard": (without_a_shard, "lacks the file .*00002-of-00002.* download"),
    "no config": (remove("unet/config.json"), "unet has no config.json: download"),
    "no config of the text encoder": (remove("text_encoder/config.json"), "text_encoder has no config.json: download"),
    "no vae": (remove("vae"), "lacks its vae: download"),
    "no scheduler": (remove("scheduler"), "lacks its scheduler: download"),
    "no tokenizer": (remove("tokenizer"), "lacks its tokenizer: download"),
    "no words": (remove("tokenizer/tokenizer.json"), "tokenizer has no tokenizer.json: download"),
    "no merges": (without_merges, "has no merges"),
    "more words": (with_more_words, "the text_encoder has 514 words, and its tokenizer 1000"),
    "half a config": (fill("unet/config.json", b'{"in_channels":'), "config.json can't be read as JSON: download"),
    "a list": (fill("text_encoder/config.json", b"[]"), "config.json can't be read as JSON: download"),
    "no unicode": (fill("tokenizer/tokenizer.json", b"\xff\xfe{"), "tokenizer.json can't be read as JSON: download"),
    "a scheduler in words": (fill("scheduler/scheduler_config.json", b"DDIM"), "can't be read as JSON: download"),
    "a wrong prediction": (
        change("scheduler/scheduler_config.json", prediction_type="x"),
        "can't use its scheduler, DDIMScheduler",
    ),
    "a class that nobody knows": (change("model_index.json", unet=["diffusers", "Other"]), "no attribute Other"),
    "no text encoder in the index": (change("model_index.json", text_encoder=[None, None]), "lacks its text_encoder"),
    "a wider unet": (
        change("unet/config.json", block_out_channels=[64, 128]),
        "“.*” has the shape .* of another model",
    ),
    "a wider vae": (change("vae/config.json", latent_channels=8), "“.*” has the shape .* of another model"),
    "a wider text encoder": (change("text_encoder/config.json", hidden_size=64), "don't fit its config.json"),
    "a size of nothing": (change("unet/config.json", sample_size=None), "missing or wrong value"),
    "a pix2pix model": (change("unet/config.json", in_channels=8), "is an InstructPix2Pix model, .* not supported"),
    "an upscaler": (change("unet/config.json", in_channels=7), "is an upscaler, .* not supported"),
    "an image-to-image pipeline": (
        change("model_index.json", _class_name="StableDiffusionImg2ImgPipeline"),
        "is a StableDiffusionImg2ImgPipeline, which is not supported",
    ),
    "a video pipeline": (
        change("model_index.json", _class_name="HunyuanVideoPipeline"),
        "is a HunyuanVideoPipeline, which is not supported",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_line(model_folder, tmp_path, monkeypatch, capfd, damage):
    monkeypatch.chdir(tmp_path)
    apply, reason = DAMAGES[damage]
    folder = shutil.copytree(model_folder, tmp_path / "model")
    apply(folder)
    with pytest.raises(InvalidModelError, match=reason) as error:
        LocalEngine.load(str(folder), device="cpu")
    assert "\n" not in str(error.value)
    assert not Path("ran").exists()
    assert capfd.readouterr().err == ""


def test_a_folder_of_a_flux_that_takes_a_picture_is_refused_by_its_name(random_model, tmp_path):
    folder = shutil.copytree(random_model("flux").folder, tmp_path / "flux")
    change("transformer/config.json", in_channels=128, out_channels=64)(folder)
    with pytest.raises(InvalidModelError, match=r"is a Flux Depth or Canny.* not supported"):
        LocalEngine.load(str(folder), device="cpu")


def test_parts_that_do_not_fit_each_other_are_told_while_drawing(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    tensors = load_file(folder / UNET)
    for name in tensors:
        if name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")):
            tensors[name] = torch.randn(len(tensors[name]), 48)
    save_file(tensors, folder / UNET, metadata={"format": "pt"})
    change("unet/config.json", cross_attention_dim=48)(folder)
    engine = LocalEngine.load(str(folder), device="cpu")
    with pytest.raises(InvalidModelError, match="its parts don't fit each other") as error:
        generate(engine, a_request(engine))
    assert "\n" not in str(error.value)


def a_request(engine, **changed):
    values = {"model": engine.model, "prompt": "a man", "negative_prompt": "hat", "seed": 1, "num_inference_steps": 2}
    return GenerationRequest.create(**{"guidance_scale": 4.0, "width": 32, "height": 32, **values, **changed})


def test_a_text_encoder_that_overflows_is_named(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    tensors = load_file(folder / TEXT)
    next(tensor for name, tensor in tensors.items() if "final_layer_norm.weight" in name).fill_(float("nan"))
    save_file(tensors, folder / TEXT, metadata={"format": "pt"})
    engine = LocalEngine.load(str(folder), device="cpu")
    with pytest.raises(GenerationError, match="the text encoder's numbers ran out of range"):
        generate(engine, a_request(engine))


def test_a_picture_that_fails_leaves_the_engine_as_it_was(model_folder, tmp_path, monkeypatch):
    engine = LocalEngine.load(str(model_folder), device="cpu")
    before = np.asarray(generate(engine, a_request(engine)).image)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 64)
    for wrong in ({"loras": ((str(broken), 1.0),)}, {"embeddings": (str(broken),)}, {"num_inference_steps": 1000}):
        with pytest.raises(InvalidInputError):
            generate(engine, a_request(engine, **wrong))
    family = engine._family
    for raised, error in (
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 1 bytes"), ShortOfMemoryError),
        (MemoryError(), ShortOfMemoryError),
        (torch.OutOfMemoryError("CUDA out of memory"), ShortOfMemoryError),
        (AssertionError(), GenerationError),
        (KeyError("x"), GenerationError),
    ):

        def fail(*arguments, raised=raised, **named):
            raise raised

        with monkeypatch.context() as patch:
            patch.setattr(family.unet, "forward", fail)
            with pytest.raises(error) as told:
                generate(engine, a_request(engine))
        assert "\n" not in str(told.value)
    assert (np.asarray(generate(engine, a_request(engine)).image) == before).all()


def test_a_damaged_model_leaves_the_others_of_a_studio_as_they_were(home, model_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    cut(UNET)(folder)
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    with Studio.open(device="cpu") as studio:
        first = Conversation.start("a man", studio, seed=1, steps=2).head
        with pytest.raises(InvalidModelError, match="incomplete or no weight file"):
            Conversation.start("a man", studio, seed=1, steps=2, model=str(folder))
        assert Conversation.start("a man", studio, seed=1, steps=2).head.sha256 == first.sha256
        assert len(list(studio.store.sessions())) == 2


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (AssertionError(), "a configuration has a missing or wrong value (AssertionError)"),
        (RuntimeError("CUDA error: no kernel image\nmore"), "CUDA error: no kernel image"),
        (IndexError("index out of range in self"), "its text encoder lacks words of its tokenizer: one of them is of"),
    ],
)
def test_an_error_of_a_library_is_one_line(error, line):
    assert explain_failure(error).startswith(line)
