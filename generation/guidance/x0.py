"""Conversion between a model's prediction and the clean latents x0 that it implies."""

from typing import Any

from torch import Tensor

X0Coefficients = tuple[float, float]
"""(a, b) of one step: clean latents = a latents - b prediction."""


def x0_coefficients(scheduler: Any, *, flow: bool) -> list[X0Coefficients]:
    """The coefficients for each timestep of a scheduler whose timesteps are set.

    The noisy latents are alpha x0 + sigma noise. Epsilon and v predictions follow Salimans and Ho 2022, "Progressive
    Distillation for Fast Sampling of Diffusion Models", arXiv:2202.00512. Euler and similar samplers keep alpha = 1
    and let sigma grow. Rectified flow predicts noise - x0. Computed in advance on the CPU, so that the
    denoising loop never waits for the device.
    """
    if flow:
        return [(1.0, sigma) for sigma in scheduler.sigmas[: len(scheduler.timesteps)].tolist()]
    kind = scheduler.config.get("prediction_type", "epsilon")
    if kind == "sample":
        return [(0.0, -1.0)] * len(scheduler.timesteps)
    if hasattr(scheduler, "is_scale_input_called"):
        sigmas = scheduler.sigmas[: len(scheduler.timesteps)].tolist()
        return [_variance_exploding(sigma, kind) for sigma in sigmas]
    alphas = scheduler.alphas_cumprod.tolist()
    return [_variance_preserving(alphas[int(timestep)], kind) for timestep in scheduler.timesteps.tolist()]


def to_x0(latents: Tensor, prediction: Tensor, line: X0Coefficients) -> Tensor:
    """The clean latents that a prediction implies."""
    return line[0] * latents - line[1] * prediction


def from_x0(latents: Tensor, cleaned: Tensor, line: X0Coefficients) -> Tensor:
    """The prediction that implies these clean latents: the inverse of `to_x0`."""
    return (line[0] * latents - cleaned) / line[1]


def _variance_exploding(sigma: float, kind: str) -> X0Coefficients:
    return (1.0, sigma) if kind == "epsilon" else (1 / (sigma**2 + 1), sigma / (sigma**2 + 1) ** 0.5)


def _variance_preserving(alpha_squared: float, kind: str) -> X0Coefficients:
    alpha, sigma = max(alpha_squared, 1e-12) ** 0.5, (1 - alpha_squared) ** 0.5
    return (1 / alpha, sigma / alpha) if kind == "epsilon" else (alpha, sigma)
