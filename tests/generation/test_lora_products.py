"""LoHa and LoKr files: what they add to a model's layers, and what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from notthat.generation import InvalidRequestError, LocalEngine

from .conftest import Both

SD = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v"
TENSORS = torch.Generator()


def matrix(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=TENSORS) / 2


def loha(out: int, into: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The factors of a LoHa of rank 2 with alpha 1, and what they add."""
    a, b, c, d = matrix(out, 2), matrix(2, into), matrix(out, 2), matrix(2, into)
    factors = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "alpha": torch.tensor(1.0)}
    return factors, 0.5 * (a @ b) * (c @ d)


def lokr(out: int, into: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """The factors of a LoKr whose second one is a product of rank 2, with alpha 1, and what they add."""
    first, left, right = matrix(4, 8), matrix(out // 4, 2), matrix(2, into // 8)
    factors = {"lokr_w1": first, "lokr_w2_a": left, "lokr_w2_b": right, "alpha": torch.tensor(1.0)}
    return factors, 0.5 * torch.kron(first, left @ right)


def whole_lokr(out: int, into: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """A LoKr of whole factors, whose alpha says nothing."""
    first, second = matrix(2, 4), matrix(out // 2, into // 4)
    return {"lokr_w1": first, "lokr_w2": second, "alpha": torch.tensor(9.0)}, torch.kron(first, second)


def added(model: Both, file: Path, part: str, layer: str, strength: float = 1.0) -> torch.Tensor:
    """What a file adds to a layer, which is as before when it is gone."""
    weights = model.family.modules[part].get_submodule(layer).weight
    before = weights.clone()
    model.pixels(loras=((str(file), strength),))
    change = weights - before
    model.pixels()
    assert (weights == before).all()
    return change


@pytest.mark.parametrize("make", [loha, lokr, whole_lokr])
@pytest.mark.parametrize(
    ("kind", "name", "part", "layer"),
    [
        ("sd", f"lora_unet_{SD.replace('.', '_')}", "unet", SD),
        (
            "sd",
            "lora_te_text_model_encoder_layers_1_self_attn_q_proj",
            "text_encoder",
            "encoder.layers.1.self_attn.q_proj",
        ),
        ("z-image", "diffusion_model.layers.0.attention.to_v", "transformer", "layers.0.attention.to_v"),
        ("qwen-image", "transformer.transformer_blocks.0.attn.to_v", "transformer", "transformer_blocks.0.attn.to_v"),
    ],
)
def test_the_product_is_added_to_the_weights(random_model, tmp_path, make, kind, name, part, layer):
    model, file = random_model(kind), tmp_path / "a.safetensors"
    modules = model.family.modules[part]
    layer = next(path for path, _ in modules.named_modules() if path.removeprefix("text_model.") == layer)
    out, into = modules.get_submodule(layer).weight.shape
    TENSORS.manual_seed(5)
    factors, change = make(out, into)
    save_file({f"{name}.{factor}": tensor for factor, tensor in factors.items()}, file)
    assert torch.allclose(added(model, file, part, layer, 0.5), 0.5 * change, atol=1e-5)


def test_a_fused_layer_is_split(random_model, tmp_path):
    model, file = random_model("flux"), tmp_path / "a.safetensors"
    TENSORS.manual_seed(5)
    factors, change = loha(3 * 32, 32)
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    save_file({f"{name}.{factor}": tensor for factor, tensor in factors.items()}, file)
    for k, projection in enumerate(("to_q", "to_k", "to_v")):
        layer = f"transformer_blocks.0.attn.{projection}"
        expected = change[32 * k : 32 * (k + 1)]
        assert torch.allclose(added(model, file, "transformer", layer), expected, atol=1e-5)


def test_a_convolution_is_changed_by_its_kernel(random_model, tmp_path):
    model, file = random_model("sd"), tmp_path / "a.safetensors"
    layer = "down_blocks.0.resnets.0.conv1"
    out, into, *kernel = model.stock.unet.get_submodule(layer).weight.shape
    TENSORS.manual_seed(5)
    first, second = matrix(4, 8), matrix(out // 4, into // 8, *kernel)
    name = f"lora_unet_{layer.replace('.', '_')}"
    save_file({f"{name}.lokr_w1": first, f"{name}.lokr_w2": second}, file)
    expected = torch.kron(first[:, :, None, None], second)
    assert torch.allclose(added(model, file, "unet", layer), expected, atol=1e-5)


def test_files_that_cannot_be_used_are_one_line_each(random_model, tmp_path):
    model, file = random_model("sd"), tmp_path / "a.safetensors"
    name = f"lora_unet_{SD.replace('.', '_')}"
    TENSORS.manual_seed(5)
    factors, _ = loha(*model.stock.unet.get_submodule(SD).weight.shape)
    narrow, _ = loha(16, 16)
    before = model.pixels()
    quantised = LocalEngine.load(f"{model.folder}?quantize=fp8", device="cpu")
    for engine, tensors, reason in (
        (model.engine, {each: t for each, t in factors.items() if each != "hada_w2_b"}, "is incomplete"),
        (model.engine, {**factors, "hada_w1_b": torch.ones(3, 4)}, "is incomplete"),
        (model.engine, narrow, "made for another model"),
        (model.engine, {**factors, "hada_t1": torch.ones(2)}, "LoHa with a Tucker decomposition, which is not"),
        (model.engine, {**factors, "dora_scale": torch.ones(2)}, "is a DoRA, which is not supported"),
        (quantised, factors, "is a LoHa or LoKr, and this model's weights are quantised"),
    ):
        save_file({f"{name}.{factor}": tensor for factor, tensor in tensors.items()}, file)
        with pytest.raises(InvalidRequestError, match=reason) as error:
            list(engine.run(model.request(loras=((str(file), 1.0),))))
        assert "\n" not in str(error.value)
    assert (model.pixels() == before).all()
