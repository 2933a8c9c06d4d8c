"""Few-step variants of the families: the same architecture with other weights, recognised by scheduler or name."""

import re
from typing import Any

_BY_NAME = {
    "turbo": {"num_inference_steps": 4, "guidance_scale": 1.0},
    "lightning": {"num_inference_steps": 4, "guidance_scale": 1.0},
    "hyper": {"num_inference_steps": 8, "guidance_scale": 1.0},
    "schnell": {"num_inference_steps": 4, "guidance_scale": 1.0},
}


def few_step_defaults(model: str, scheduler: Any, *, built_in: bool, turbo_steps: int = 4) -> dict[str, Any]:
    """The defaults of a few-step model; empty for other models.

    Latent consistency models are recognised by their scheduler; with `built_in`, guidance is an input of the model.
    The files of the others do not differ from those of their base models, so they are recognised by name.
    `turbo_steps` is what a family's Turbo was distilled to.
    """
    if built_in:
        return {"num_inference_steps": 4, "guidance_scale": 8.5}
    if type(scheduler).__name__ in ("LCMScheduler", "TCDScheduler"):
        return {"num_inference_steps": 4, "guidance_scale": 1.0}
    name = re.split(r"[\\/]", model.rstrip("\\/"))[-1].lower()
    found = next((word for word in _BY_NAME if word in re.split(r"[^a-z]+", name)), None)
    if found is None:
        return {}
    return {**_BY_NAME[found], **({"num_inference_steps": turbo_steps} if found == "turbo" else {})}
