"""What a single-file checkpoint is, by the names and shapes of its tensors."""

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler
from safetensors.torch import save_file

from notthat.generation import InvalidModelError, LocalEngine, ModelName
from notthat.generation.checkpoint_kinds import scheduler_from_keys
from notthat.generation.model_source import find_source
from notthat.generation.split_files import find_configuration
from notthat.generation.weight_files import TensorInfo, WeightFile

UNET = "model.diffusion_model.input_blocks.0.0.weight"
FLUX = "double_blocks.0.img_attn.norm.key_norm.scale"
GUIDED_FLUX = {FLUX: (1,), "guidance_in.in_layer.bias": (1,)}


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        ({FLUX: (1,), "single_stream_modulation.lin.weight": (1,), "guidance_in.in_layer.weight": (1,)}, "Flux.2"),
        ({FLUX: (1,), "early_stream_modulations.image.lin.weight": (1,)}, "Flux.3"),
        ({"txt_in.text_norm.weight": (1,)}, "Qwen-Image 2.1"),
        ({**GUIDED_FLUX, "img_in.weight": (1, 128)}, "Flux Depth"),
        ({UNET: (4, 8, 3, 3)}, "InstructPix2Pix"),
        ({UNET: (4, 7, 3, 3)}, "upscaler"),
        ({UNET: (4, 4, 3, 3), "v_pred": (0,), "edm_vpred.sigma_max": ()}, "CosXL"),
        ({"patchify_proj.weight": (1, 1)}, "LTX video"),
        ({"blocks.0.attn.qkv_x.weight": (1, 1)}, "Mochi video"),
        ({"head.modulation": (1, 1), "patch_embedding.weight": (5120, 16, 1)}, "Wan video"),
        ({"txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": (1,)}, "Hunyuan video"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused_by_its_name(tmp_path, shapes, name):
    file = tmp_path / "checkpoint.safetensors"
    save_file({key: torch.zeros(shape) for key, shape in shapes.items()}, file)
    with pytest.raises(InvalidModelError, match=rf"is an? .*{name}.*not supported") as error:
        LocalEngine.load(str(file), device="cpu")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({FLUX: (1,), "single_stream_modulation.lin.weight": (1,)}, "Flux2KleinPipeline"),
        ({"single_stream_modulation.linear.weight": (1,)}, "Flux2KleinPipeline"),
        ({FLUX: (1,), "distilled_guidance_layer.in_proj.bias": (1,)}, "ChromaPipeline"),
        ({FLUX: (1,)}, "FluxPipeline"),
        ({"cap_embedder.0.weight": (1,), "layers.0.adaLN_modulation.0.weight": (1, 1)}, "ZImagePipeline"),
        ({"cap_embedder.0.weight": (1,), "layers.0.adaLN_modulation.1.weight": (1, 1)}, "Lumina2Pipeline"),
        ({"txtfusion.projector.weight": (1,)}, "Krea2Pipeline"),
        ({"text_fusion.projector.weight": (1,)}, "Krea2Pipeline"),
        ({"transformer_blocks.0.attn.add_q_proj.weight": (1,), "txt_norm.weight": (1,)}, "QwenImagePipeline"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_transformer_is_recognised_by_its_tensors(tmp_path, shapes, kind, prefix):
    file = tmp_path / "transformer.safetensors"
    save_file({prefix + key: torch.zeros(shape) for key, shape in shapes.items()}, file)
    assert find_source(ModelName(str(file)), file).kind == kind


@pytest.mark.parametrize(
    ("name", "tensors", "hub_id"),
    [
        ("z_image_turbo_bf16", ("cap_embedder.0.weight",), "Tongyi-MAI/Z-Image-Turbo"),
        ("z_image_bf16", ("cap_embedder.0.weight",), "Tongyi-MAI/Z-Image"),
        ("krea2_turbo_fp8_scaled", ("txtfusion.projector.weight",), "krea/Krea-2-Turbo"),
        ("flux-2-klein-base-4b", ("double_blocks.0.img_attn.qkv.weight",), "black-forest-labs/FLUX.2-klein-base-4B"),
        ("flux-2-klein-9b", ("double_blocks.5.img_attn.qkv.weight",), "black-forest-labs/FLUX.2-klein-9B"),
    ],
)
def test_the_name_of_a_file_chooses_between_configurations(name, tensors, hub_id):
    kinds = {"z": "ZImagePipeline", "k": "Krea2Pipeline", "f": "Flux2KleinPipeline"}
    file = WeightFile(Path(f"{name}.safetensors"), {tensor: TensorInfo((1,), "BF16") for tensor in tensors})
    assert find_configuration(kinds[name[0]], file) == hub_id


def test_a_checkpoint_with_unknown_sizes_is_refused_in_one_line(tmp_path):
    file = tmp_path / "checkpoint.safetensors"
    name = "joint_blocks.0.context_block.adaLN_modulation.1.bias"
    save_file({name: torch.zeros(9216), "pos_embed": torch.zeros(1, 4, 2)}, file)
    with pytest.raises(InvalidModelError, match="contains no configuration"):
        LocalEngine.load(str(file), device="cpu")


@pytest.mark.parametrize("kind", [EulerDiscreteScheduler, DDIMScheduler, PNDMScheduler])
def test_keys_of_a_checkpoint_say_that_it_predicts_v_with_zero_snr(kind):
    plain = kind(beta_schedule="scaled_linear")
    assert scheduler_from_keys(plain, {}) is plain
    v = scheduler_from_keys(plain, {"v_pred": torch.zeros(0)})
    assert type(v) is kind
    assert (v.config.prediction_type, v.config.timestep_spacing) == ("v_prediction", plain.config.timestep_spacing)
    zero = scheduler_from_keys(plain, {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)})
    assert (zero.config.prediction_type, zero.config.timestep_spacing) == ("v_prediction", "trailing")
    assert zero.alphas_cumprod[-1] < 1e-6
    zero.set_timesteps(4)
    assert int(zero.timesteps[0]) == 999
