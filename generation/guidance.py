"""Guidance: how the predictions with and without the prompt become one.

Each method is a function of three predictions of shape (batch, channels, height, width): `cond` for
the prompt, `neg` for the negative prompt, `null` for the empty one.
"""

from torch import Tensor


def cfg(cond: Tensor, neg: Tensor, null: Tensor | None, *, scale: float) -> Tensor:
    """Classifier-free guidance with the negative prompt in the empty one's place: neg + scale (cond - neg).

    Ho and Salimans 2022, "Classifier-Free Diffusion Guidance", arXiv:2207.12598. `scale` is the paper's
    1 + w: at 1 the negative has no effect. `null` is not used.
    """
    return neg + scale * (cond - neg)
