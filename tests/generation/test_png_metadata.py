"""How a picture was made, read back from what its file says."""

from pathlib import Path, PurePath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from notthat.generation import GenerationRequest, InvalidRequestError
from notthat.generation.picture_text import read_picture_text
from notthat.generation.png_metadata import (
    build_png_text,
    format_infotext,
    parse_infotext,
    parse_own_key,
)
from notthat.generation.prompt_syntax import escape_prompt

a_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
a_part = st.sampled_from(
    [
        "Negative prompt: fog",
        "\nNegative prompt:",
        "Steps: 20, Seed: 1, CFG scale: 7",
        "\nSteps: 20, ",
        "\nTemplate: a {red|blue} door",
        "\nNegative Template: x",
        "\n",
        '"',
        "\\",
        ", ",
        " ",
        '["fog"]',
        "(storm:1.2)",
    ]
)
words = st.lists(a_text | a_part, max_size=4).map("".join)
a_request = st.builds(
    GenerationRequest,
    model=st.sampled_from(["models/some model, v2", "mini", 'models/a "b" ']),
    prompt=words,
    negative_prompt=words,
    syntax=st.sampled_from(["weighted", "plain"]),
    seed=st.integers(0, 2**63 - 1),
    num_inference_steps=st.integers(1, 1000),
    guidance_scale=st.floats(0, 100),
    clip_skip=st.none() | st.integers(1, 12),
    method=st.sampled_from(["cfg", "lookahead", "apg", "perp_neg", "nag", "ong", "vsf"]),
    shown=st.lists(words, max_size=3).map(tuple),
    guidance_rescale=st.floats(0, 1),
    width=st.integers(1, 1024).map(lambda k: 8 * k),
    height=st.integers(1, 1024).map(lambda k: 8 * k),
)
from_a_picture = st.tuples(a_request, st.floats(0, 1)).map(
    lambda pair: pair[0].model_copy(update={"init_image": "ab" * 32, "strength": pair[1]})
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first text reads all of Unicode
@given(request=a_request | from_a_picture)
def test_what_is_written_is_read_back(request: GenerationRequest) -> None:
    values, left_out = parse_infotext(format_infotext(request))
    assert left_out == []
    as_read = escape_prompt if request.syntax == "plain" else str
    assert values == {
        "prompt": as_read(request.prompt),
        "negative_prompt": as_read(request.negative_prompt),
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "method": request.method,
        **({"shown": request.shown} if request.shown else {}),
        "guidance_rescale": request.guidance_rescale,
        **({"clip_skip": request.clip_skip} if request.clip_skip else {}),
        **({"strength": request.strength} if request.init_image else {}),
        "seed": request.seed,
        "model": PurePath(request.model).name,
        "width": request.width,
        "height": request.height,
    }
    assert GenerationRequest(**parse_own_key(build_png_text(request)["notthat"])) == request


def test_an_unambiguous_prompt_is_written_as_the_web_ui_does_and_no_more() -> None:
    request = a_plain_request(prompt="a pier,\nSteps: 20, at dawn", negative_prompt="fog")
    lines = format_infotext(request).split("\n")
    assert lines[:3] == ["a pier,", "Steps: 20, at dawn", "Negative prompt: fog"]
    assert lines[3].startswith("Steps: 4, CFG scale: 7.5, ")
    assert "Exact prompt" not in lines[3]


def test_a_prompt_with_the_line_of_a_negative_prompt_is_kept_apart_from_it() -> None:
    request = a_plain_request(prompt="a sign:\nNegative prompt: fog", negative_prompt="hat")
    text = format_infotext(request)
    assert text.count("\n") == 3
    assert '"a sign:\\nNegative prompt: fog"' in text
    values, _ = parse_infotext(text)
    assert (values["prompt"], values["negative_prompt"]) == (request.prompt, "hat")


def a_plain_request(**changed: str) -> GenerationRequest:
    values = {"seed": 1, "num_inference_steps": 4, "guidance_scale": 7.5, "width": 64, "height": 64, "model": "mini"}
    return GenerationRequest.create(**{**values, **changed})


def test_a_template_after_the_settings_is_no_prompt() -> None:
    values, left_out = parse_infotext(
        "a red door\nNegative prompt: fog\nSteps: 28, Sampler: Euler, CFG scale: 6.5, Seed: 5\n"
        "Template: a {red|blue} door,\n Lens: 50mm\nNegative Template: fog"
    )
    assert (values["prompt"], values["negative_prompt"]) == ("a red door", "fog")
    assert (values["num_inference_steps"], values["seed"]) == (28, 5)
    assert left_out == ["Sampler: Euler", "Template: a {red|blue} door,  Lens: 50mm Negative Template: fog"]


def test_whole_numbers_may_be_written_with_a_point() -> None:
    values, left_out = parse_infotext("a pier\nSteps: 20.0, Seed: 5.0, CFG scale: 7, Size: 512.0x640")
    assert {name: values[name] for name in ("num_inference_steps", "seed", "width", "height")} == {
        "num_inference_steps": 20,
        "seed": 5,
        "width": 512,
        "height": 640,
    }
    assert left_out == []
    for wrong in ("5.5", "1e999", "nan"):
        with pytest.raises(InvalidRequestError, match="“Seed” is no number"):
            parse_infotext(f"a pier\nSteps: 20, Seed: {wrong}, CFG scale: 7")


def test_a_size_that_can_not_be_read_is_told() -> None:
    assert parse_infotext("a pier\nSteps: 20, Seed: 5, Size: large")[1] == ["Size: large"]


def test_a_text_of_the_web_ui_is_read_and_what_can_not_be_followed_is_told() -> None:
    values, left_out = parse_infotext(
        "a lighthouse, (storm:1.2)\nby the sea, Lens: 50mm\nNegative prompt: blurry,\n [fog]\n"
        "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 123, Size: 640x512, "
        'Model hash: 6ce0161689, Model: pruned-v1, Clip skip: 2, Lora hashes: "a: b, c: \\"d\\""'
    )
    assert values == {
        "prompt": "a lighthouse, (storm:1.2)\nby the sea, Lens: 50mm",
        "negative_prompt": "blurry,\n[fog]",
        "num_inference_steps": 28,
        "guidance_scale": 6.5,
        "seed": 123,
        "width": 640,
        "height": 512,
        "clip_skip": 2,
        "model": "pruned-v1",
    }
    assert left_out == [
        "Sampler: DPM++ 2M",
        "Schedule type: Karras",
        'Lora hashes: a: b, c: "d"',
    ]


def test_a_strength_is_that_of_a_picture_unless_it_is_that_of_a_second_pass() -> None:
    text = "a pier\nSteps: 20, Seed: 5, CFG scale: 7, Denoising strength: 0.6"
    assert parse_infotext(text)[0]["strength"] == 0.6
    values, left_out = parse_infotext(f"{text}, Hires upscale: 2")
    assert "strength" not in values
    assert left_out == ["Hires upscale: 2", "Denoising strength: 0.6"]


def test_a_text_without_settings_is_a_prompt() -> None:
    assert parse_infotext("a pier, Lens: 50mm") == ({"prompt": "a pier, Lens: 50mm", "negative_prompt": ""}, [])


def test_a_setting_that_makes_no_sense_is_told() -> None:
    with pytest.raises(InvalidRequestError, match="“Steps” is no number: many"):
        parse_infotext("a pier\nSteps: many, Seed: 1, CFG scale: 5")
    with pytest.raises(InvalidRequestError, match=r"--method: .*not 'magic'"):
        GenerationRequest.create(**parse_infotext("a pier\nSteps: 5, Seed: 1, Guidance method: magic")[0], model="mini")
    with pytest.raises(InvalidRequestError, match="no request"):
        parse_own_key('{"prompt": 1}')


def test_only_a_picture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    chunks = PngInfo()
    chunks.add_text("parameters", "ein Pier über dem Meer 🎨")
    Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)
    assert read_picture_text(path) == {"parameters": "ein Pier über dem Meer 🎨"}
    Image.new("RGB", (8, 8)).save(path, "GIF")
    for wrong, reason in ((path, "can't be read as a PNG"), (tmp_path / "nowhere.png", "there is no file")):
        with pytest.raises(InvalidRequestError, match=reason):
            read_picture_text(wrong)
