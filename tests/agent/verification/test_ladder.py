"""Which method is tried next, by what the model has."""

from collections.abc import Callable

import pytest

from notthat.agent.exclusions import parse_negative
from notthat.agent.verification.ladder import STRONGER_METHODS, Attempted, plan_next
from notthat.agent.verification.record import How
from notthat.generation import GenerationRequest

CanExclude = Callable[[GenerationRequest], bool]


def cross_attention(request: GenerationRequest) -> bool:
    return request.method != "ong" and (request.method in ("nag", "vsf") or request.guidance_scale > 1)


def joint_attention(request: GenerationRequest) -> bool:
    return request.method == "ong" or cross_attention(request)


def built_in_guidance(request: GenerationRequest) -> bool:
    return request.method in ("nag", "vsf")


def begin(method: str, guidance: float, negative: str) -> Attempted:
    request = GenerationRequest.create(
        model="stub",
        prompt="a man",
        negative_prompt=negative,
        seed=1,
        num_inference_steps=4,
        width=8,
        height=8,
        guidance_scale=guidance,
        method=method,
    )
    return Attempted("first", parse_negative(negative), request)


@pytest.mark.parametrize(
    ("method", "guidance", "can_exclude", "stronger"),
    [
        ("lookahead", 4, cross_attention, ("cfg", 4)),
        ("perp_neg", 4, joint_attention, ("cfg", 4)),
        ("nag", 1, joint_attention, ("ong", 1)),
        ("vsf", 1, joint_attention, ("ong", 1)),
        ("ong", 1, joint_attention, None),
        ("ong", 4, joint_attention, ("cfg", 4)),
        ("nag", 1, cross_attention, None),
        ("vsf", 1, cross_attention, ("nag", 1)),
        ("nag", 5, cross_attention, ("cfg", 5)),
        ("nag", 1, built_in_guidance, None),
        ("cfg", 1, cross_attention, ("nag", 1)),
        ("cfg", 4, cross_attention, None),
    ],
)
def test_the_stronger_method_is_one_that_the_model_has(
    method: str, guidance: float, can_exclude: CanExclude, stronger: tuple[str, float] | None
) -> None:
    first = begin(method, guidance, "(hat:2)")  # no weight is higher
    following = plan_next(first, first, {"hat": None}, (), can_exclude=can_exclude, new_seeds=False)
    request = following and following.request
    assert (request and (request.method, request.guidance_scale)) == stronger


def test_without_a_stronger_method_the_weight_is_raised_twice() -> None:
    drawn, tried = [first := begin("nag", 1, "hat")], list[How]()
    while following := plan_next(first, drawn[-1], {"hat": None}, tried, can_exclude=cross_attention, new_seeds=False):
        drawn.append(following)
        tried.append(following.how)
    assert [each.request.negative_prompt for each in drawn] == ["hat", "(hat:1.5)", "(hat:2)"]


def test_every_method_has_an_entry() -> None:
    methods = ("cfg", "lookahead", "apg", "perp_neg", "nag", "ong", "vsf")
    assert set(STRONGER_METHODS) == set(methods)
