"""How a picture was made, read back from what its file says."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from notthat.generation import GenerationRequest, InvalidRequestError
from notthat.generation.infotext import from_infotext, from_own_key, infotext, png_text, read_png_text
from notthat.generation.prompt_syntax import terms

a_line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30).map(str.strip)
a_request = st.builds(
    GenerationRequest,
    model=st.just("models/some model, v2"),
    prompt=a_line.filter(lambda line: not line.startswith("Negative prompt:")),
    negative_prompt=a_line,
    seed=st.integers(0, 2**63 - 1),
    num_inference_steps=st.integers(1, 1000),
    guidance_scale=st.integers(0, 100).map(float),
    method=st.sampled_from(["cfg", "dynamic", "apg", "perp_neg", "nag"]),
    shown=a_line.map(lambda line: tuple(terms(line))),
    guidance_rescale=st.integers(0, 10).map(lambda k: k / 10),
    width=st.integers(1, 1024).map(lambda k: 8 * k),
    height=st.integers(1, 1024).map(lambda k: 8 * k),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first text reads all of Unicode
@given(request=a_request)
def test_what_is_written_is_read_back(request: GenerationRequest) -> None:
    values, left_out = from_infotext(infotext(request))
    assert left_out == []
    assert values == {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "method": request.method,
        **({"shown": request.shown} if request.shown else {}),
        "guidance_rescale": request.guidance_rescale,
        "seed": request.seed,
        "model": "some model, v2",
        "width": request.width,
        "height": request.height,
    }
    assert GenerationRequest(**from_own_key(png_text(request)["notthat"])) == request


def test_a_text_of_the_web_ui_is_read_and_what_can_not_be_followed_is_told() -> None:
    values, left_out = from_infotext(
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
        "model": "pruned-v1",
    }
    assert left_out == [
        "Sampler: DPM++ 2M",
        "Schedule type: Karras",
        "Clip skip: 2",
        'Lora hashes: a: b, c: "d"',
    ]


def test_a_text_without_settings_is_a_prompt() -> None:
    assert from_infotext("a pier, Lens: 50mm") == ({"prompt": "a pier, Lens: 50mm", "negative_prompt": ""}, [])


def test_a_setting_that_makes_no_sense_is_told() -> None:
    with pytest.raises(InvalidRequestError, match="“Steps” is no number: many"):
        from_infotext("a pier\nSteps: many, Seed: 1, CFG scale: 5")
    with pytest.raises(InvalidRequestError, match=r"--method: .*not 'magic'"):
        GenerationRequest.checked(**from_infotext("a pier\nSteps: 5, Seed: 1, Guidance method: magic")[0], model="mini")
    with pytest.raises(InvalidRequestError, match="no request"):
        from_own_key('{"prompt": 1}')


def test_only_a_png_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    chunks = PngInfo()
    chunks.add_text("parameters", "ein Pier über dem Meer 🎨")
    Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)
    assert read_png_text(path) == {"parameters": "ein Pier über dem Meer 🎨"}
    Image.new("RGB", (8, 8)).save(path, "JPEG")
    for wrong, reason in ((path, "can't be read as a PNG"), (tmp_path / "nowhere.png", "there is no file")):
        with pytest.raises(InvalidRequestError, match=reason):
            read_png_text(wrong)
