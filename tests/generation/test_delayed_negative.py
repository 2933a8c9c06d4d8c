"""How late exclusions join: by the kinds of terms that a model's folder names."""

import json

import numpy as np
import pytest

from notthat.generation import Defaults, GenerationRequest, InvalidModelError, LocalEngine
from notthat.generation.delayed_negative import DelayedNegative, negative_start_share

OVERLAYS = DelayedNegative(share=0.5, terms=frozenset({"watermark", "text"}))
STYLES = DelayedNegative(share=0.25, terms=frozenset({"cartoon"}))
DEFAULTS = Defaults(20, 5.0, 128, 96, joining=(OVERLAYS, STYLES))
ASKED = {"model": "m", "prompt": "a man", "seed": 1}


@pytest.mark.parametrize(
    ("negative", "base", "share"),
    [
        ("watermark", "", 0.5),
        ("(Watermark:1.3), text", "", 0.5),
        ("watermark, cartoon", "", 0.25),
        ("watermark, hat", "", 0.1),
        ("hat, watermark", "hat", 0.5),
        ("hat", "hat", 0.1),
        ("", "", 0.1),
    ],
)
def test_the_term_that_has_to_join_first_decides(negative, base, share):
    assert negative_start_share(negative, base, (OVERLAYS, STYLES), 0.1) == share


def test_a_request_joins_as_its_terms_may():
    def step(negative, **asked):
        values = {**ASKED, "negative_prompt": negative, **asked}
        return GenerationRequest.with_defaults(values, lambda: DEFAULTS).joining_step

    assert (step("watermark"), step("cartoon, text"), step("hat"), step("watermark", joining_step=3)) == (10, 5, 0, 3)


def test_the_next_turn_joins_as_its_own_terms_may_unless_a_step_was_asked_for():
    first = GenerationRequest.with_defaults({**ASKED, "negative_prompt": "text"}, lambda: DEFAULTS)
    assert first.next_request(DEFAULTS, negative_prompt="text, hat").joining_step == 0
    assert first.next_request(DEFAULTS, negative_prompt="text, cartoon").joining_step == 5
    asked = first.model_copy(update={"joining_step": 7})
    assert asked.next_request(DEFAULTS, negative_prompt="hat").joining_step == 7


@pytest.fixture
def engine(stable_diffusion):
    folder = stable_diffusion()
    kinds = {"overlays": {"share": 0.5, "terms": ["watermark"]}, "styles": {"share": 0.25, "terms": ["cartoon"]}}
    (folder / "notthat.json").write_text(json.dumps({"num_inference_steps": 8, "joining": kinds}))
    return LocalEngine.load(str(folder), device="cpu")


def drawn(engine, negative):
    asked = {**ASKED, "model": engine.model, "negative_prompt": negative}
    *_, last = engine.run(GenerationRequest.with_defaults(asked, lambda: engine.defaults))
    return np.asarray(last.picture.image), last.first


def test_a_turn_goes_on_from_where_its_kind_joins_whatever_kind_came_before(engine):
    cold = {negative: drawn(engine, negative)[0] for negative in ("watermark", "cartoon", "watermark, cartoon")}
    engine.checkpoints.clear()
    drawn(engine, "")
    for negative, joins in (("watermark", 4), ("cartoon", 2), ("watermark, cartoon", 2)):
        picture, first = drawn(engine, negative)
        assert first == joins
        assert (picture == cold[negative]).all()
    assert drawn(engine, "hat")[1] == 0


@pytest.mark.parametrize("joining", [{"a": 0.5}, {"a": {"share": 1, "terms": []}}, {"a": {"share": 0.5}}, [0.5]])
def test_a_folder_that_says_nonsense_of_its_kinds_is_refused(stable_diffusion, joining):
    folder = stable_diffusion()
    (folder / "notthat.json").write_text(json.dumps({"joining": joining}))
    with pytest.raises(InvalidModelError, match=r"notthat\.json can't be read"):
        LocalEngine.load(str(folder), device="cpu")
