"""Runs from a picture: checkpoints, previews and cancelling work as they do from noise."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from notthat.generation import GenerationRequest, LocalEngine, Progress
from notthat.generation.input_image import fit_size

from .test_image_to_image import keep, right_half, scene


@pytest.fixture
def engine(mini: tuple[LocalEngine, Any]) -> Iterator[LocalEngine]:
    """The built-in model, without checkpoints."""
    mini[0].checkpoints.clear()
    yield mini[0]
    mini[0].checkpoints.clear()


def request(engine: LocalEngine, **given: Any) -> GenerationRequest:
    values = {"model": "mini", "prompt": "portrait of a man", "seed": 3, "num_inference_steps": 8, "method": "cfg"}
    return GenerationRequest.with_defaults({**values, **given}, lambda: engine.defaults)


def pixels(steps: list[Progress]) -> bytes:
    picture = steps[-1].picture
    assert picture is not None
    return picture.image.tobytes()


def test_a_checkpoint_is_that_of_its_picture_strength_and_mask_alone(engine: LocalEngine) -> None:
    image, mask, other = keep(engine, scene(128), right_half(128), scene(128).rotate(90))
    given: dict[str, Any] = {"init_image": image, "strength": 0.8, "mask_image": mask, "joining_step": 4}
    list(engine.run(request(engine, negative_prompt="hat", **given)))
    beard = request(engine, negative_prompt="beard", **given)
    continued = list(engine.run(beard))
    assert [each.first for each in continued] == [4] * 4
    for changed in ({"init_image": other}, {"strength": 0.7}, {"mask_image": other}):
        assert next(engine.run(beard.model_copy(update=changed))).first < 4
    engine.checkpoints.clear()
    anew = list(engine.run(beard))
    assert anew[0].first < 4
    assert pixels(anew) == pixels(continued)


def test_previews_come_and_cancelling_leaves_nothing(engine: LocalEngine) -> None:
    (image,) = keep(engine, scene(128))
    asked = request(engine, init_image=image, strength=0.5)
    before = pixels(list(engine.run(asked)))
    running = engine.run(asked)
    first = next(running)
    assert first.preview is not None
    small = scene(128).resize(first.preview().size)
    shown = np.asarray(first.preview(), np.int16)
    assert np.abs(shown - np.asarray(small, np.int16)).mean() < 60  # about the picture
    running.close()
    assert pixels(list(engine.run(asked))) == before


def test_the_size_of_a_picture_can_be_changed(engine: LocalEngine) -> None:
    (image,) = keep(engine, scene(300))
    width, height = fit_size((300, 300), (engine.defaults.width, engine.defaults.height), engine.multiple)
    asked = request(engine, init_image=image, strength=0.0, width=width, height=height)
    expected = scene(300).resize((128, 128), Image.Resampling.LANCZOS)
    assert pixels(list(engine.run(asked))) == expected.tobytes()
    assert engine.warnings(request(engine, init_image=image, strength=0.0, negative_prompt="hat")) == [
        "At a strength of 0 the picture stays as it is, so exclusions have no effect."
    ]
    assert engine.effects(request(engine, init_image=image, strength=0.0, negative_prompt="hat")) == {}
