"""A request says in one line what it can't be."""

from pathlib import Path

import pytest

from notthat.generation import Defaults, GenerationRequest, InvalidRequestError
from notthat.generation.model_catalog import load_defaults

VALUES = {
    "model": "mini",
    "prompt": "a man",
    "seed": 1,
    "num_inference_steps": 20,
    "guidance_scale": 5.0,
    "width": 128,
    "height": 128,
}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("num_inference_steps", 0, "--steps"),
        ("num_inference_steps", 1001, "--steps"),
        ("guidance_scale", float("nan"), "--guidance"),
        ("guidance_scale", float("inf"), "--guidance"),
        ("guidance_scale", -1, "--guidance"),
        ("seed", -1, "--seed"),
        ("seed", 2**63, "--seed"),
        ("width", 100, "--width"),
        ("height", 0, "--height"),
        ("height", 10**6, "--height"),
        ("prompt", "x" * 20_001, "prompt"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: object, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{said}: ") as error:
        GenerationRequest.create(**{**VALUES, name: value})
    assert len(str(error.value)) < 120


def test_what_is_asked_wins_over_the_models_defaults() -> None:
    asked = {"model": "mini", "prompt": "a man", "seed": 1, "guidance_scale": 2.0}
    request = GenerationRequest.with_defaults(asked, lambda: Defaults(20, 5.0, 128, 96))
    assert (request.num_inference_steps, request.guidance_scale, request.height) == (20, 2.0, 96)


def test_a_models_guidance_rescale_is_used_where_none_is_asked_for() -> None:
    defaults = Defaults(20, 5.0, 128, 96, guidance_rescale=0.7)
    asked = {"model": "m", "prompt": "a man", "seed": 1}
    assert GenerationRequest.with_defaults(asked, lambda: defaults).guidance_rescale == 0.7
    assert GenerationRequest.with_defaults({**asked, "guidance_rescale": 0.0}, lambda: defaults).guidance_rescale == 0


@pytest.mark.parametrize(
    ("asked", "method"),
    [({}, "lookahead"), ({"method": "cfg"}, "cfg"), ({"guidance_scale": 1.0}, "nag")],
    ids=["as the model's folder says", "as asked", "where guidance is off"],
)
def test_exclusions_act_as_the_models_folder_says_where_nobody_says_otherwise(asked, method):
    defaults = Defaults(20, 5.0, 64, 64, guided_method="lookahead", unguided_method="nag")
    values = {"model": "m", "prompt": "p", "seed": 1, **asked}
    assert GenerationRequest.with_defaults(values, lambda: defaults).method == method


def test_a_models_joining_share_is_of_the_steps_that_are_asked_for() -> None:
    defaults = Defaults(20, 5.0, 128, 96, joining_share=0.2)
    asked = {"model": "mini", "prompt": "a man", "seed": 1}
    for steps, joining in ((20, 4), (9, 1), (3, 0)):
        request = GenerationRequest.with_defaults({**asked, "num_inference_steps": steps}, lambda: defaults)
        assert request.joining_step == joining
    assert GenerationRequest.with_defaults({**asked, "joining_step": 0}, lambda: defaults).joining_step == 0


def test_a_request_from_before_there_was_a_joining_step_is_the_same_request() -> None:
    request = GenerationRequest.create(**VALUES)
    assert (request.joining_step, request.base_negative_prompt) == (0, "")


def test_what_is_excluded_next_was_seen_with_this_seed() -> None:
    defaults = Defaults(20, 5.0, 64, 64)
    first = GenerationRequest.create(**{**VALUES, "negative_prompt": "text, frame", "method": "lookahead"})
    second = first.next_request(defaults, negative_prompt="text, hat, (frame:1.2)")
    assert second.shown == ("hat", "(frame:1.2)")
    third = second.next_request(defaults, prompt="a man on a beach", negative_prompt="logo, hat")
    assert third.shown == ("logo", "hat")
    assert third.next_request(defaults, seed=third.seed + 1, negative_prompt="logo, hat, text").shown == ()
    assert first.next_request(defaults, negative_prompt="text, hat", method="cfg").shown == ()  # which never looks


def test_the_former_name_of_lookahead_is_the_same_request() -> None:
    former, current = (GenerationRequest.create(**VALUES, method=name) for name in ("dynamic", "lookahead"))
    assert former == current
    assert former.model_dump_json() == current.model_dump_json()
    assert '"method":"lookahead"' in former.model_dump_json()
    assert former.next_request(Defaults(20, 5.0, 64, 64), method="dynamic", negative_prompt="hat").shown == ("hat",)


def test_the_schema_and_the_errors_show_only_the_current_names_of_methods() -> None:
    schema = GenerationRequest.model_json_schema()["$defs"]["GenerationRequest"]
    assert "dynamic" not in str(schema["properties"]["method"])
    with pytest.raises(InvalidRequestError, match=r"--method: input should be 'cfg', 'lookahead', .* not 'magic'"):
        GenerationRequest.create(**VALUES, method="magic")


def test_a_models_folder_may_use_the_former_name_of_lookahead(tmp_path: Path) -> None:
    (tmp_path / "notthat.json").write_text('{"guided_method": "dynamic"}')
    assert load_defaults(tmp_path).guided_method == "lookahead"


def test_a_models_folder_sets_the_method_without_guidance(tmp_path: Path) -> None:
    (tmp_path / "notthat.json").write_text('{"unguided_method": "vsf"}')
    assert load_defaults(tmp_path).request_defaults == {"unguided_method": "vsf"}


def test_what_is_asked_is_checked_before_the_model_loads() -> None:
    def load() -> Defaults:
        raise AssertionError("loaded")

    with pytest.raises(InvalidRequestError):
        GenerationRequest.with_defaults({"model": "mini", "prompt": "a man", "seed": -1}, load)


def test_a_request_survives_json() -> None:
    request = GenerationRequest.create(**VALUES)
    assert GenerationRequest.model_validate_json(request.model_dump_json()) == request
