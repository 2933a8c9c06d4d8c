"""What a single-file checkpoint is, by the names and shapes of its tensors."""

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler
from safetensors.torch import save_file

from notthat.generation import InvalidModelError, LocalEngine
from notthat.generation.checkpoint_kinds import scheduler_from_keys

UNET = "model.diffusion_model.input_blocks.0.0.weight"
FLUX = "double_blocks.0.img_attn.norm.key_norm.scale"
GUIDED_FLUX = {FLUX: (1,), "guidance_in.in_layer.bias": (1,)}


@pytest.mark.parametrize(
    ("shapes", "name"),
    [
        ({FLUX: (1,), "single_stream_modulation.lin.weight": (1,)}, "Flux.2"),
        ({FLUX: (1,), "distilled_guidance_layer.in_proj.bias": (1,)}, "Chroma"),
        ({**GUIDED_FLUX, "img_in.weight": (1, 384)}, "Flux Fill"),
        ({**GUIDED_FLUX, "img_in.weight": (1, 128)}, "Flux Depth"),
        ({UNET: (4, 9, 3, 3)}, "inpainting"),
        ({UNET: (4, 8, 3, 3)}, "InstructPix2Pix"),
        ({UNET: (4, 7, 3, 3)}, "upscaler"),
        ({UNET: (4, 4, 3, 3), "v_pred": (0,), "edm_vpred.sigma_max": ()}, "CosXL"),
        ({"patchify_proj.weight": (1, 1)}, "LTX video"),
        ({"blocks.0.attn.qkv_x.weight": (1, 1)}, "Mochi video"),
        ({"head.modulation": (1, 1), "patch_embedding.weight": (5120, 16, 1)}, "Wan video"),
        ({"txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": (1,)}, "Hunyuan video"),
        ({"layers.0.adaLN_modulation.0.weight": (1, 1)}, "Z-Image"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused_by_its_name(tmp_path, shapes, name):
    file = tmp_path / "checkpoint.safetensors"
    save_file({key: torch.zeros(shape) for key, shape in shapes.items()}, file)
    with pytest.raises(InvalidModelError, match=rf"is an? .*{name}.*not supported") as error:
        LocalEngine.load(str(file), device="cpu")
    assert "\n" not in str(error.value)


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
