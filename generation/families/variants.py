"""Few-step variants of the families: the same architecture with other weights.

They are recognised by their configuration where it says so, else by their name.
"""

import re
from collections.abc import Mapping
from typing import Any

_NAMES = ("turbo", "lightning", "hyper", "schnell", "lcm", "dmd")
_CONSISTENCY = ("LCMScheduler", "TCDScheduler")
_CONSISTENCY_NAMES = ("lcm", "dmd")
_FLOW_LIGHTNING_STEPS = 8
"""Of a Qwen-Image Lightning whose name tells none: that for 4 steps can take 8, but not the reverse."""
_MOST_STEPS = 16


def few_step_defaults(
    model: str, scheduler: Any, *, built_in: bool, turbo_steps: int = 4, is_distilled: bool = False
) -> dict[str, Any]:
    """The defaults of a few-step model; empty for other models.

    Latent consistency models are recognised by their scheduler; with `built_in`, guidance is an input of the model.
    `is_distilled` is what the family's own configuration says; other signs are in the scheduler's (`is_few_step`). The
    files of the rest do not differ from those of their base models, so they are recognised by name. A number of steps
    in the name, as in `sdxl_lightning_8step`, is taken. `turbo_steps` is what a family's Turbo was distilled to.
    """
    if built_in:
        return {"num_inference_steps": 4, "guidance_scale": 8.5}
    word, steps = _read_name(model)
    kind, config = type(scheduler).__name__, getattr(scheduler, "config", {})
    is_flow = kind.startswith("FlowMatch")
    if is_distilled or word == "turbo":
        usual = turbo_steps
    elif word == "hyper":
        usual = 8
    elif word is not None or is_few_step(kind, config):
        usual = _FLOW_LIGHTNING_STEPS if is_flow and word in (None, "lightning") else 4
    else:
        return {}
    return {"num_inference_steps": steps or usual, "guidance_scale": 1.0}


def is_few_step(kind: str, config: Mapping[str, Any]) -> bool:
    """Whether a scheduler, by its class and configuration, is that of a few-step model.

    - The schedulers of latent and trajectory consistency models.
    - Trailing timesteps with a model that predicts noise: SDXL Turbo, SD Turbo and SDXL Lightning take 999, 749, 499
      and 249 in four steps. Models with zero terminal SNR are trailing too, but predict v.
    - A shift that does not depend on the size, where the size decides it otherwise: Qwen-Image Lightning.
    """
    if kind in _CONSISTENCY:
        return True
    if kind.startswith("FlowMatch"):
        least, most = config.get("base_shift"), config.get("max_shift")
        return bool(config.get("use_dynamic_shifting")) and least is not None and least == most
    predicts_noise = config.get("prediction_type", "epsilon") == "epsilon"
    has_zero_snr = bool(config.get("rescale_betas_zero_snr"))
    return config.get("timestep_spacing") == "trailing" and predicts_noise and not has_zero_snr


def few_step_scheduler(scheduler: Any, model: str) -> Any:
    """The scheduler of a file of a few-step model, which comes with the configuration of its base model.

    Latent consistency models and DMD2 get an `LCMScheduler`, the others trailing timesteps.
    """
    word, _ = _read_name(model)
    if word is None or "timestep_spacing" not in scheduler.config:
        return scheduler
    if word in _CONSISTENCY_NAMES:
        from diffusers import LCMScheduler

        return LCMScheduler.from_config(scheduler.config)
    return type(scheduler).from_config(scheduler.config, timestep_spacing="trailing")


def _read_name(model: str) -> tuple[str | None, int | None]:
    """The kind of few-step model that a name tells, and its number of steps."""
    name = re.split(r"[\\/]", model.rstrip("\\/"))[-1].lower()
    word = next((word for word in _NAMES if word in re.split(r"[^a-z]+", name)), None)
    steps = re.search(r"(\d+)[-_ ]?steps?(?![a-z])", name)
    return word, int(steps[1]) if word and steps and 1 <= int(steps[1]) <= _MOST_STEPS else None
