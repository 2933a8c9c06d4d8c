"""A request that draws only a box of a picture: outside of it is the picture of another request."""

import numpy as np
import pytest

from notthat.generation import GenerationRequest, generate
from notthat.generation.errors import InvalidRequestError
from notthat.generation.request import KeptOutside

WHOLE = (0.0, 0.0, 1.0, 1.0)


def draw(engine, request):
    return np.asarray(generate(engine, request).image, np.int16)


def boxed(base, box, **changed):
    return GenerationRequest.create(**{**base.model_dump(), **changed, "kept": KeptOutside(box=box, request=base)})


@pytest.mark.parametrize("kind", ["sd", "flux"])
def test_inside_is_the_request_and_outside_the_other_one(random_model, kind):
    both = random_model(kind)
    base = both.request(negative_prompt="", guidance_scale=4.0)
    changed = {"negative_prompt": "a hat, (blue:2)", "guidance_scale": 9.0}
    before, after = (
        draw(both.engine, base),
        draw(both.engine, GenerationRequest.create(**{**base.model_dump(), **changed})),
    )
    part = draw(both.engine, boxed(base, (0.0, 0.0, 1.0, 0.5), **changed))
    half = part.shape[0] // 2

    assert abs(after - before).mean() > 1
    assert np.array_equal(draw(both.engine, boxed(base, WHOLE, **changed)), after)
    assert np.array_equal(draw(both.engine, boxed(base, (0.0, 0.0, 0.5, 1.0))), before)
    assert not np.array_equal(part, before)
    assert not np.array_equal(part, after)
    assert abs(part - before)[half:].mean() < abs(after - before)[half:].mean()
    assert np.array_equal(draw(both.engine, boxed(base, (0.0, 0.0, 1.0, 0.5), **changed)), part)


def test_with_the_lookahead_too(mini):
    engine, _ = mini
    values = {"model": "mini", "prompt": "portrait of a man", "seed": 3, "num_inference_steps": 6}
    base = GenerationRequest.with_defaults({**values, "negative_prompt": "hat"}, lambda: engine.defaults)
    part = boxed(base, (0.0, 0.0, 1.0, 0.25), negative_prompt="(hat:2)", method="cfg")
    before, after = draw(engine, base), draw(engine, part)

    assert abs(after - before)[64:].mean() < 2
    assert abs(after - before)[:24].mean() > abs(after - before)[64:].mean()


def test_the_next_turn_draws_the_whole_picture(mini):
    engine, _ = mini
    values = {"model": "mini", "prompt": "portrait of a man", "seed": 3}
    base = GenerationRequest.with_defaults(values, lambda: engine.defaults)
    following = boxed(base, WHOLE, negative_prompt="hat").next_request(engine.defaults, negative_prompt="hat, fog")
    assert following.kept is None


@pytest.mark.parametrize(
    "changed", [{"seed": 8}, {"num_inference_steps": 9}, {"width": 64}, {"kept": "nested"}, {"box": (0.5, 0, 0.5, 1)}]
)
def test_a_region_of_another_kind_of_picture_is_refused(changed):
    values = {"model": "stub", "prompt": "a", "seed": 7, "num_inference_steps": 4, "guidance_scale": 5.0}
    base = GenerationRequest.create(**values, width=32, height=32)
    box = changed.pop("box", WHOLE)
    other = base.model_copy(update=changed)
    if changed.get("kept"):
        other = boxed(base, WHOLE)
    with pytest.raises(InvalidRequestError, match="kept: "):
        GenerationRequest.create(**{**base.model_dump(), "kept": {"box": box, "request": other.model_dump()}})


def test_a_request_without_a_region_is_stored_as_before():
    values = {"model": "stub", "prompt": "a", "seed": 7, "num_inference_steps": 4, "guidance_scale": 5.0}
    assert "kept" not in GenerationRequest.create(**values, width=32, height=32).model_dump(mode="json")
