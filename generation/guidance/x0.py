"""Conversion between a model's prediction and the clean latents x0 that it implies."""

from typing import Any

from torch import Tensor

X0Coefficients = tuple[float, float]
"""(a, b) of one step: clean latents = a latents - b prediction."""


def x0_coefficients(scheduler: Any, *, flow: bool) -> list[X0Coefficients]:
    """The coefficients for each timestep of a scheduler whose timesteps are set.

    The noisy latents are alpha x0 + sigma noise. Epsilon and v predictions follow Salimans and Ho 2022, "Progressive
    Distillation for Fast Sampling of Diffusion Models", arXiv:2202.00512. Euler and similar samplers keep alpha = 1
    and let sigma grow; EDM's also scale the prediction: Karras et al. 2022, "Elucidating the Design Space of
    Diffusion-Based Generative Models", arXiv:2206.00364. Rectified flow predicts noise - x0. Computed in advance on the
    CPU, so that the denoising loop never waits for the device.

    Raises:
        TypeError: what the scheduler's model predicts is not known.
    """
    if flow:
        return [(1.0, sigma) for sigma in _sigmas(scheduler)]
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind == "sample":
        return [(0.0, -1.0)] * len(scheduler.timesteps)
    if hasattr(scheduler, "precondition_outputs"):
        return [_preconditioned(sigma, scheduler) for sigma in _sigmas(scheduler)]
    if hasattr(scheduler, "is_scale_input_called"):
        return [_variance_exploding(sigma, kind) for sigma in _sigmas(scheduler)]
    if type(scheduler).__name__ == "IPNDMScheduler":  # whose alphas and betas are the cosines and sines of a v
        return list(zip(scheduler.alphas.tolist(), scheduler.betas.tolist(), strict=True))[: len(scheduler.timesteps)]
    if not hasattr(scheduler, "alphas_cumprod"):
        raise TypeError(f"{type(scheduler).__name__} has no schedule of alphas or sigmas")
    alphas = scheduler.alphas_cumprod.tolist()
    return [_variance_preserving(alphas[int(timestep)], kind) for timestep in scheduler.timesteps.tolist()]


def to_x0(latents: Tensor, prediction: Tensor, line: X0Coefficients) -> Tensor:
    """The clean latents that a prediction implies."""
    return line[0] * latents - line[1] * prediction


def from_x0(latents: Tensor, cleaned: Tensor, line: X0Coefficients) -> Tensor:
    """The prediction that implies these clean latents: the inverse of `to_x0`."""
    return (line[0] * latents - cleaned) / line[1]


def _sigmas(scheduler: Any) -> list[float]:
    sigmas: list[float] = scheduler.sigmas[: len(scheduler.timesteps)].tolist()
    return sigmas


def _preconditioned(sigma: float, scheduler: Any) -> X0Coefficients:
    """The scheduler's own c_skip and -c_out."""
    return scheduler.precondition_outputs(1.0, 0.0, sigma), -scheduler.precondition_outputs(0.0, 1.0, sigma)


def _variance_exploding(sigma: float, kind: str) -> X0Coefficients:
    return (1.0, sigma) if kind == "epsilon" else (1 / (sigma**2 + 1), sigma / (sigma**2 + 1) ** 0.5)


def _variance_preserving(alpha_squared: float, kind: str) -> X0Coefficients:
    alpha, sigma = max(alpha_squared, 1e-12) ** 0.5, (1 - alpha_squared) ** 0.5
    return (1 / alpha, sigma / alpha) if kind == "epsilon" else (alpha, sigma)
