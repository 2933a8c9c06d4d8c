"""Which model a file of weights belongs to, by the names of its tensors."""

from .errors import InvalidModelError
from .weight_files import WeightFile

_FLUX_TEXT = "time_text_embed.text_embedder.linear_1.weight"

KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Flux2Pipeline", ("single_stream_modulation.lin.weight",)),
    ("ChromaPipeline", ("distilled_guidance_layer.in_proj.bias",)),
    ("FluxPipeline", ("double_blocks.0.img_attn.norm.key_norm.scale",)),
    ("FluxPipeline", ("single_transformer_blocks.0.proj_mlp.weight", _FLUX_TEXT)),
    ("StableDiffusion3Pipeline", ("joint_blocks.0.context_block.adaLN_modulation.1.bias",)),
    ("StableDiffusion3Pipeline", ("pos_embed.proj.weight", "transformer_blocks.0.attn.add_q_proj.weight", _FLUX_TEXT)),
    ("ZImagePipeline", ("cap_embedder.0.weight", "layers.0.adaLN_modulation.0.weight")),
    ("Lumina2Pipeline", ("cap_embedder.0.weight",)),
    ("Krea2Pipeline", ("txtfusion.projector.weight",)),
    ("QwenImagePipeline", ("transformer_blocks.0.attn.add_q_proj.weight", "txt_norm.weight")),
    ("WanPipeline", ("head.modulation",)),
    ("StableDiffusionXLPipeline", ("conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias",)),
    ("refiner", ("conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias",)),
    ("StableDiffusionPipeline", ("input_blocks.0.0.weight",)),
)
"""diffusers' pipeline classes, and tensors that a file of each contains; the most specific first.

The prefix `model.diffusion_model.` of whole checkpoints is left out.
"""

_PREFIX = "model.diffusion_model."


FILE_KINDS = frozenset(
    ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "FluxPipeline")
)
"""The pipeline classes that load from files; the others need a folder in diffusers' layout."""


def find_kind(file: WeightFile) -> str | None:
    """The pipeline class that a file belongs to; None if its tensors fit none."""
    names = {name.removeprefix(_PREFIX) for name in file.tensors}
    return next((kind for kind, needed in KINDS if names.issuperset(needed)), None)


def checkpoint_kind(model: str, file: WeightFile) -> str:
    """The pipeline class of a file that is to draw.

    Raises:
        InvalidModelError: the file is a text model, or fits no model.
    """
    if file.is_text_model:
        raise InvalidModelError(
            f"{model} is a text model ({file.architecture}), which can't draw: "
            "give the .gguf of a diffusion transformer"
        )
    kind = find_kind(file)
    if kind is None:
        raise InvalidModelError(f"{model} is no complete checkpoint of a supported model: its tensors fit none of them")
    return kind
