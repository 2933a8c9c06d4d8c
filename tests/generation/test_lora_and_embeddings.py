"""LoRA files and textual inversions: what they change, for whom, and what is refused."""

import copy
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from notthat.generation import InvalidRequestError
from notthat.generation.provenance import adapters_sha256

from .conftest import LANGUAGE_MODEL_FLOWS

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v"
LAYERS = {
    "sd": LAYER,
    "sdxl": LAYER,
    **dict.fromkeys(
        ["sd3", "flux", "qwen-image", "qwen-image-2.1", "chroma", "klein", "krea2"], "transformer_blocks.0.attn.to_v"
    ),
    "z-image": "layers.0.attention.to_v",
    "lumina2": "layers.0.attn.to_v",
}


def matrices(weight, rank=2):
    generator = torch.Generator().manual_seed(5)
    out, into = weight.shape
    return torch.randn(rank, into, generator=generator), torch.randn(out, rank, generator=generator)


def denoiser(kind):
    return "unet" if kind.startswith("sd") and kind != "sd3" else "transformer"


def kohya(layer, down, up, alpha):
    name = f"lora_unet_{layer.replace('.', '_')}"
    return {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(alpha)}


@pytest.fixture
def lora(random_model, tmp_path):
    """A file for a random model, and the change to its layer that it stands for."""

    def make(kind="sd", style="peft"):
        part = denoiser(kind)
        weight = getattr(random_model(kind).stock, part).get_submodule(LAYERS[kind]).weight
        down, up = matrices(weight)
        name, file = f"{part}.{LAYERS[kind]}", tmp_path / f"{kind}-{style}.safetensors"
        if style == "peft":
            save_file({f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}, file)
        else:
            save_file(kohya(LAYERS[kind], down, up, 1.0), file)
        return str(file), (up @ down) * (1.0 if style == "peft" else 0.5)

    return make


def stock_with(model, kind, change):
    """The stock pipeline's picture with a changed layer."""
    weight = getattr(model.stock, denoiser(kind)).get_submodule(LAYERS[kind]).weight
    before = copy.deepcopy(weight.data)
    weight.data += change
    pixels = model.stock_pixels(negative_prompt="hat")[0]
    weight.data = before
    return pixels


@pytest.mark.parametrize(
    ("kind", "style"),
    [("sd", "kohya"), *((kind, "peft") for kind in ("sd", "sdxl", "sd3", "flux", *LANGUAGE_MODEL_FLOWS))],
)
def test_a_lora_adds_its_product_to_the_weights(random_model, lora, kind, style):
    model = random_model(kind)
    file, change = lora(kind, style)
    bare = model.pixels(negative_prompt="hat")
    ours = model.pixels(negative_prompt="hat", loras=((file, 0.8),))[0]
    assert abs(ours - stock_with(model, kind, 0.8 * change)).max() <= 1
    assert (ours != bare[0]).any()
    assert (model.pixels(negative_prompt="hat") == bare).all()


def test_loras_add_up_and_go_in_any_order(random_model, lora):
    model = random_model("sd")
    (first, _), (second, _) = lora(style="peft"), lora(style="kohya")
    bare, both = model.pixels(), model.pixels(loras=((first, 0.5), (second, 0.5)))
    model.pixels(loras=((second, -1.0),))
    assert (model.pixels(loras=((first, 0.5), (second, 0.5))) == both).all()
    assert (model.pixels() == bare).all()


def refused(model, match, **asked):
    before = model.pixels()
    with pytest.raises(InvalidRequestError, match=match) as error:
        model.pixels(**asked)
    assert "\n" not in str(error.value)
    assert (model.pixels() == before).all()


def test_a_lora_of_another_family_is_refused_and_changes_nothing(random_model, lora):
    refused(random_model("sd"), "another model", loras=((lora("sd")[0], 1.0), (lora("sdxl")[0], 1.0)))
    refused(random_model("flux"), "another model|no LoRA", loras=((lora("sd")[0], 1.0),))


@pytest.mark.parametrize("kind", LANGUAGE_MODEL_FLOWS)
def test_a_lora_of_another_family_is_refused_by_the_flows(random_model, lora, kind):
    model = random_model(kind)
    for other in ("sd", "sdxl", "lumina2" if kind == "z-image" else "z-image"):
        for style in ("peft", "kohya"):
            refused(model, "another model|no LoRA|no supported LoRA", loras=((lora(other, style)[0], 1.0),))


def test_a_lora_that_cannot_be_read_is_refused(random_model, lora, tmp_path):
    model, whole = random_model("sd"), lora()[0]
    broken, other = tmp_path / "broken.safetensors", tmp_path / "other.safetensors"
    with open(whole, "rb") as file:
        broken.write_bytes(file.read()[:50])
    save_file({"weights": torch.zeros(2, 2)}, other)
    refused(model, "can't be read", loras=((str(broken), 1.0),))
    refused(model, "LoRA", loras=((str(other), 1.0),))
    refused(model, "no file", loras=((str(tmp_path / "none.safetensors"), 1.0),))


@pytest.fixture
def inversion(tmp_path):
    def make(name="bad-hands", width=32, **tensors):
        vectors = torch.randn(3, width, generator=torch.Generator().manual_seed(9))
        save_file(tensors or {"emb_params": vectors}, tmp_path / f"{name}.safetensors")
        return str(tmp_path / f"{name}.safetensors")

    return make


def test_a_textual_inversion_is_said_by_its_files_name(random_model, inversion):
    model, file = random_model("sd"), inversion()
    asked = {"syntax": "weighted"}
    plain = model.pixels(negative_prompt="Bad-Hands, blur", **asked)
    own = model.pixels(negative_prompt="Bad-Hands, blur", embeddings=(file,), **asked)
    assert (own != plain).any()
    assert (model.pixels(negative_prompt="Bad-Hands, blur", **asked) == plain).all()
    unsaid = model.pixels(negative_prompt="blur", embeddings=(file,), **asked)
    assert (unsaid == model.pixels(negative_prompt="blur", **asked)).all()
    weighted = model.pixels(negative_prompt="(Bad-Hands:1.4), blur", embeddings=(file,), **asked)
    assert (weighted != own).any()


def test_sdxl_takes_a_vector_for_each_of_its_encoders(random_model, inversion):
    vectors = {"clip_l": torch.randn(2, 32), "clip_g": torch.randn(2, 32)}
    model, file = random_model("sdxl"), inversion("both", **vectors)
    assert (model.pixels(negative_prompt="both", embeddings=(file,)) != model.pixels(negative_prompt="both")).any()


@pytest.mark.parametrize("kind", ["sdxl", "sd3", "flux"])
def test_an_inversion_of_another_family_is_refused(random_model, inversion, kind):
    refused(random_model(kind), "another family", embeddings=(inversion(),))


def test_an_inversion_that_cannot_be_used_is_refused(random_model, inversion, tmp_path):
    model, broken = random_model("sd"), tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors at all")
    refused(model, "can't be read", embeddings=(str(broken),))
    refused(model, "no such file", embeddings=(str(tmp_path / "none.safetensors"),))
    refused(model, "width 16", embeddings=(inversion("narrow", width=16),))
    refused(model, "no textual inversion", embeddings=(inversion("two", a=torch.ones(2, 2), b=torch.ones(2, 2)),))


def changed_layer(model, kind, file):
    """What a file of weight 1 adds to the layer."""
    weight = getattr(model.stock, denoiser(kind)).get_submodule(LAYERS[kind]).weight
    model.pixels(loras=((file, 1.0),))
    ours = model.family.denoiser.get_submodule(LAYERS[kind]).weight - weight
    model.pixels()
    return ours


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({"unet.lora_alpha": 8, "unet.r": 2}, 4.0),
        ({"unet.lora_alpha": 8, "unet.r": 2, "unet.use_rslora": True}, 8 / 2**0.5),
        ({"unet.lora_alpha": 8, "unet.r": 2, "unet.alpha_pattern": {"attn2.to_v": 1}}, 0.5),
    ],
)
def test_the_scale_in_a_files_metadata_counts(random_model, tmp_path, settings, scale):
    model, file = random_model("sd"), str(tmp_path / "scaled.safetensors")
    down, up = matrices(model.stock.unet.get_submodule(LAYER).weight)
    tensors = {f"unet.{LAYER}.lora_A.weight": down, f"unet.{LAYER}.lora_B.weight": up}
    save_file(tensors, file, metadata={"lora_adapter_metadata": json.dumps(settings)})
    assert torch.allclose(changed_layer(model, "sd", file), scale * (up @ down), atol=1e-4)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_metadata_that_cannot_be_read_is_refused(random_model, tmp_path, text):
    file = str(tmp_path / "broken.safetensors")
    model = random_model("sd")
    down, up = matrices(model.stock.unet.get_submodule(LAYER).weight)
    tensors = {f"unet.{LAYER}.lora_A.weight": down, f"unet.{LAYER}.lora_B.weight": up}
    save_file(tensors, file, metadata={"lora_adapter_metadata": text})
    refused(model, "the metadata of .* can't be read", loras=((file, 1.0),))


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        ("dora_scale", "DoRA"),
        ("hada_t1", "LoHa with a Tucker decomposition"),
        ("lokr_t2", "LoKr with a Tucker decomposition"),
        ("oft_blocks", "OFT"),
        ("lora_mid.weight", "LoCon with a Tucker decomposition"),
    ],
)
def test_another_kind_of_adapter_is_refused_by_name(random_model, tmp_path, tensor, kind):
    model, file = random_model("sd"), str(tmp_path / "other.safetensors")
    tensors = kohya(LAYER, *matrices(model.stock.unet.get_submodule(LAYER).weight), 1.0)
    save_file({**tensors, f"lora_unet_{LAYER.replace('.', '_')}.{tensor}": torch.ones(2)}, file)
    refused(model, f"is a {kind}, which is not supported", loras=((file, 1.0),))


def test_a_file_that_was_replaced_is_loaded_anew(random_model, lora, inversion):
    model, (file, _), (other, _) = random_model("sd"), lora(style="peft"), lora(style="kohya")
    asked = {"negative_prompt": "bad-hands", "base_negative_prompt": "frame", "joining_step": 2}
    first = model.pixels(loras=((file, 1.0),), **asked)
    expected = model.pixels(loras=((other, 1.0),), **asked)
    shutil.copyfile(other, file)
    assert (model.pixels(loras=((file, 1.0),), **asked) == expected).all()
    assert (expected != first).any()
    embedding = inversion()
    before = model.pixels(negative_prompt="bad-hands", embeddings=(embedding,))
    save_file({"emb_params": torch.ones(2, 32)}, embedding)
    assert (model.pixels(negative_prompt="bad-hands", embeddings=(embedding,)) != before).any()


def test_adapters_are_in_the_provenance_by_their_hashes(random_model, lora, inversion):
    (file, _), embedding = lora(), inversion()
    request = random_model("sd").request(loras=((file, 1.0), ("/nowhere.safetensors", 1.0)), embeddings=(embedding,))
    assert adapters_sha256(request) == {
        file: hashlib.sha256(Path(file).read_bytes()).hexdigest(),
        "/nowhere.safetensors": None,
        embedding: hashlib.sha256(Path(embedding).read_bytes()).hexdigest(),
    }
