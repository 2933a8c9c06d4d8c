"""Quantises the large parts of a loaded pipeline in place, and installs diffusers' offloading hooks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

from .model_name import Offload

QUANTIZED_DTYPE = torch.bfloat16
"""The dtype of everything that is not quantised in a model with quantised weights, and of its arithmetic."""

_DENOISERS = ("unet", "transformer", "transformer_2")
_SMALL_ENCODERS = "CLIP"
"""Text encoders of these classes stay as they are: they are small."""


def quantize_parts(pipeline: Any, quantize: str) -> None:
    """Quantise the denoisers and the large text encoders."""
    for name, part in pipeline.components.items():
        is_encoder = name.startswith("text_encoder") and not type(part).__name__.startswith(_SMALL_ENCODERS)
        if isinstance(part, torch.nn.Module) and (name in _DENOISERS or is_encoder):
            _QUANTIZERS[quantize](part)


def offload_parts(pipeline: Any, offload: Offload, device: torch.device) -> None:
    """Keep weights in the CPU's memory and move them to the device when they are used."""
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        streams = device.type == "cuda"
        pipeline.enable_group_offload(onload_device=device, offload_type="leaf_level", use_stream=streams)


def _to_fp8(part: Any) -> None:
    """Store weights in fp8 and compute in `QUANTIZED_DTYPE`."""
    hooks: Any = import_module("diffusers.hooks")
    skipped = getattr(part, "_skip_layerwise_casting_patterns", None) or ()
    pattern = (
        *hooks.layerwise_casting.DEFAULT_SKIP_MODULES_PATTERN,
        *skipped,
        *(rf"\.{name}$" for name in _kept_layers(part)),
    )
    hooks.apply_layerwise_casting(
        part,
        torch.float8_e4m3fn,
        QUANTIZED_DTYPE,
        skip_modules_pattern=pattern,
        skip_modules_classes=(torch.nn.Embedding,),
    )


def _to_int8(part: Any) -> None:
    with quiet_imports():
        torchao: Any = import_module("torchao.quantization")
    kept = _kept_layers(part)

    def is_quantized(module: Any, path: str) -> bool:
        return isinstance(module, torch.nn.Linear) and path.rpartition(".")[2] not in kept

    torchao.quantize_(part, torchao.Int8WeightOnlyConfig(), filter_fn=is_quantized)


def _to_nf4(part: Any) -> None:
    """Replace linear layers by bitsandbytes' 4-bit ones, which quantise when they are moved to the GPU."""
    with quiet_imports():
        nn: Any = import_module("bitsandbytes.nn")
    kept = _kept_layers(part)
    for path, module in list(part.named_modules()):
        parent, _, name = path.rpartition(".")
        if type(module) is not torch.nn.Linear or name in kept:
            continue
        bias = module.bias is not None
        layer = nn.Linear4bit(
            module.in_features, module.out_features, bias, compute_dtype=QUANTIZED_DTYPE, quant_type="nf4"
        )
        layer.weight = nn.Params4bit(module.weight.data, requires_grad=False, quant_type="nf4", module=layer)
        layer.bias = module.bias
        setattr(part.get_submodule(parent), name, layer)


_QUANTIZERS = {"fp8": _to_fp8, "int8": _to_int8, "nf4": _to_nf4}


def _kept_layers(part: Any) -> tuple[str, ...]:
    """Layers whose dtype the model's code looks at, or that need more precision."""
    return tuple(getattr(part, "_keep_in_fp32_modules", None) or ())


_NOISY = ("torchao", "bitsandbytes", "torch.utils._pytree")
"""Loggers of the quantisers' imports: they warn of kernels that this machine does not have, and of torch's changes."""


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Suppress the warnings of quantisers that are imported. Errors, and what others log meanwhile, are shown."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
