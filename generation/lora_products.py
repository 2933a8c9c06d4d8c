"""LoHa and LoKr: files whose change of a layer is another product than that of two matrices.

LoHa: (w1_a w1_b) * (w2_a w2_b), element by element. Hyeon-Woo et al. 2021, "FedPara", arXiv:2108.06098.
LoKr: the Kronecker product of w1 and w2, each whole or as a product of two matrices. Yeh et al. 2023, "Navigating
Text-To-Image Customization: From LyCORIS Fine-Tuning to Model Evaluation", arXiv:2309.14859.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_FACTOR = re.compile(r"(?P<layer>.+)\.(?P<factor>hada_w[12]_[ab]|lokr_w[12](?:_[ab])?)")

Tensors = dict[str, Tensor]


def split_products(tensors: Mapping[str, Tensor]) -> tuple[Tensors, Tensors, list[Tensor]]:
    """The tensors of plain LoRAs; stand-ins for those of LoHas and LoKrs; and the products that these stand for.

    diffusers knows where a LoRA's layers belong, and how a fused layer is split, but not so for all of these files. A
    stand-in is a LoRA of rank 1: `down` is filled with the index of its product, and `up` numbers the product's rows.

    Raises:
        KeyError, RuntimeError: a factor is missing, or factors do not fit each other.
    """
    factors: dict[str, Tensors] = {}
    plain: Tensors = {}
    for name, tensor in tensors.items():
        if match := _FACTOR.fullmatch(name):
            factors.setdefault(match["layer"], {})[match["factor"]] = tensor.float()
        else:
            plain[name] = tensor
    stand_ins: Tensors = {}
    products: list[Tensor] = []
    for layer, parts in factors.items():
        alpha = plain.pop(f"{layer}.alpha", None)
        product = _product(parts, None if alpha is None else float(alpha))
        down, up = ("lora_A", "lora_B") if "." in layer else ("lora_down", "lora_up")
        stand_ins[f"{layer}.{down}.weight"] = torch.full((1, product.shape[1]), float(len(products)))
        stand_ins[f"{layer}.{up}.weight"] = torch.arange(len(product), dtype=torch.float32)[:, None]
        if "." not in layer:
            stand_ins[f"{layer}.alpha"] = torch.tensor(1.0)
        products.append(product)
    return plain, stand_ins, products


def find_product(down: Tensor, up: Tensor, products: list[Tensor]) -> Tensor:
    """The rows of a product that a converted stand-in stands for."""
    return products[int(down.flatten()[0])][up.flatten().long()]


def _product(parts: Tensors, alpha: float | None) -> Tensor:
    """What a layer's factors add to its weights, of shape (outputs, all else)."""
    if "hada_w1_a" in parts:
        rank: int | None = len(parts["hada_w1_b"])
        product = (parts["hada_w1_a"] @ parts["hada_w1_b"]) * (parts["hada_w2_a"] @ parts["hada_w2_b"])
    else:
        (first, first_rank), (second, second_rank) = (_kronecker_factor(parts, name) for name in ("w1", "w2"))
        rank = second_rank or first_rank
        product = torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - 2)), second).flatten(1)
    return product if alpha is None or rank is None else product * (alpha / rank)


def _kronecker_factor(parts: Tensors, name: str) -> tuple[Tensor, int | None]:
    """A factor, and its rank if it is a product of two matrices."""
    if whole := f"lokr_{name}" if f"lokr_{name}" in parts else None:
        return parts[whole], None
    left, right = parts[f"lokr_{name}_a"], parts[f"lokr_{name}_b"]
    return left @ right, len(right)
