"""Which method is tried next, by what the model has."""

from collections.abc import Callable

import pytest

from notthat.agent.exclusions import parse_negative
from notthat.agent.verification.ladder import STRONGER_METHODS, Attempted, plan_next
from notthat.generation import GenerationRequest

CanExclude = Callable[[GenerationRequest], bool]


def cross_attention(request: GenerationRequest) -> bool:
    return request.method != "ong" and (request.method in ("nag", "vsf") or request.guidance_scale > 1)


def joint_attention(request: GenerationRequest) -> bool:
    return request.method == "ong" or cross_attention(request)


def built_in_guidance(request: GenerationRequest) -> bool:
    return request.method in ("nag", "vsf")


def plan(method: str, guidance: float, can_exclude: CanExclude) -> GenerationRequest | None:
    request = GenerationRequest.create(
        model="stub",
        prompt="a man",
        negative_prompt="(hat:2)",
        seed=1,
        num_inference_steps=4,
        width=8,
        height=8,
        guidance_scale=guidance,
        method=method,
    )
    first = Attempted("first", parse_negative("(hat:2)"), request)  # no weight is higher
    following = plan_next(first, first, {"hat": None}, (), can_exclude=can_exclude, new_seeds=False)
    assert following is None or following.how == "method"
    return None if following is None else following.request


@pytest.mark.parametrize(
    ("method", "guidance", "can_exclude", "stronger"),
    [
        ("lookahead", 4, cross_attention, ("cfg", 4)),
        ("perp_neg", 4, joint_attention, ("cfg", 4)),
        ("nag", 1, joint_attention, ("ong", 1)),
        ("vsf", 1, joint_attention, ("ong", 1)),
        ("ong", 1, joint_attention, ("cfg", 2)),
        ("nag", 1, cross_attention, ("cfg", 2)),
        ("nag", 5, cross_attention, ("cfg", 5)),
        ("nag", 1, built_in_guidance, None),
        ("cfg", 1, cross_attention, ("nag", 1)),
        ("cfg", 4, cross_attention, None),
    ],
)
def test_the_stronger_method_is_one_that_the_model_has(
    method: str, guidance: float, can_exclude: CanExclude, stronger: tuple[str, float] | None
) -> None:
    request = plan(method, guidance, can_exclude)
    assert (request and (request.method, request.guidance_scale)) == stronger


def test_every_method_has_an_entry() -> None:
    methods = ("cfg", "lookahead", "apg", "perp_neg", "nag", "ong", "vsf")
    assert set(STRONGER_METHODS) == set(methods)
