"""Which model a file of weights belongs to, by the names of its tensors."""

from .errors import InvalidModelError
from .weight_files import WeightFile

_FLUX_TEXT = "time_text_embed.text_embedder.linear_1.weight"

KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Flux2Pipeline", ("single_stream_modulation.lin.weight", "guidance_in.in_layer.weight")),
    (
        "Flux2Pipeline",
        ("single_stream_modulation.linear.weight", "time_guidance_embed.guidance_embedder.linear_1.weight"),
    ),
    ("Flux2KleinPipeline", ("single_stream_modulation.lin.weight",)),
    ("Flux2KleinPipeline", ("single_stream_modulation.linear.weight",)),
    ("Flux3ModularPipeline", ("early_stream_modulations.image.lin.weight",)),
    ("ChromaPipeline", ("distilled_guidance_layer.in_proj.bias",)),
    ("FluxPipeline", ("double_blocks.0.img_attn.norm.key_norm.scale",)),
    ("FluxPipeline", ("single_transformer_blocks.0.proj_mlp.weight", _FLUX_TEXT)),
    ("StableDiffusion3Pipeline", ("joint_blocks.0.context_block.adaLN_modulation.1.bias",)),
    ("StableDiffusion3Pipeline", ("pos_embed.proj.weight", "transformer_blocks.0.attn.add_q_proj.weight", _FLUX_TEXT)),
    ("ZImagePipeline", ("cap_embedder.0.weight", "layers.0.adaLN_modulation.0.weight")),
    ("Lumina2Pipeline", ("cap_embedder.0.weight",)),
    ("Lumina2Pipeline", ("time_caption_embed.caption_embedder.0.weight", "context_refiner.0.norm1.weight")),
    ("QwenImage21Pipeline", ("txt_in.text_norm.weight",)),
    ("Krea2Pipeline", ("txtfusion.projector.weight",)),
    ("Krea2Pipeline", ("text_fusion.projector.weight",)),
    ("QwenImagePipeline", ("transformer_blocks.0.attn.add_q_proj.weight", "txt_norm.weight")),
    ("WanPipeline", ("head.modulation",)),
    ("StableDiffusionXLPipeline", ("conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias",)),
    ("refiner", ("conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias",)),
    ("StableDiffusionPipeline", ("input_blocks.0.0.weight",)),
)
"""diffusers' pipeline classes, and tensors that a file of each contains, in its authors' or diffusers' names.

The most specific first, which is diffusers' own order. The prefix `model.diffusion_model.` of ComfyUI's files is left
out.
"""

DENOISER_PREFIX = "model.diffusion_model."
"""What ComfyUI writes before the names of a denoiser's tensors."""

CHECKPOINT_KINDS = frozenset(
    ("StableDiffusionPipeline", "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "FluxPipeline")
)
"""The pipeline classes whose whole checkpoints diffusers takes apart."""

FILE_KINDS = CHECKPOINT_KINDS | {
    "Flux2KleinPipeline",
    "ChromaPipeline",
    "ZImagePipeline",
    "Lumina2Pipeline",
    "Krea2Pipeline",
    "QwenImagePipeline",
}
"""The pipeline classes that load from files; the others need a folder in diffusers' layout."""


def find_kind(file: WeightFile) -> str | None:
    """The pipeline class that a file belongs to; None if its tensors fit none."""
    names = {name.removeprefix(DENOISER_PREFIX) for name in file.tensors}
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
