"""The settings of pictures that other programs made, as each of them writes them."""

import gzip
import json
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from notthat.generation import InvalidRequestError
from notthat.generation.picture_settings import parse_settings
from notthat.generation.picture_text import read_picture_text

INFOTEXT = (
    "a pier, (fog:1.2)\nNegative prompt: boats 🛶\nSteps: 20, Sampler: Euler a, CFG scale: 6.5, Seed: 7, "
    "Size: 512x640, Model: sea, Clip skip: 2, Version: v1.10.1"
)
EXPECTED = {
    "prompt": "a pier",
    "negative_prompt": "boats",
    "num_inference_steps": 20,
    "guidance_scale": 6.5,
    "seed": 7,
    "width": 512,
    "height": 640,
}


def picture(kind="PNG", exif=None, **texts):
    """A file of a picture with these texts."""
    file, chunks = BytesIO(), PngInfo()
    for key, text in texts.items():
        chunks.add_text(key, text)
    options = {"pnginfo": chunks} if kind == "PNG" else {}
    Image.new("RGB", (8, 8)).save(file, kind, **options, **({"exif": exif} if exif else {}))
    file.seek(0)
    return file


def with_comment(comment):
    exif = Image.Exif()
    exif[0x8769] = {0x9286: comment}
    return exif


def read(file):
    found = parse_settings(read_picture_text(file))
    assert found is not None
    return found


def core(found):
    """The values that every program writes."""
    return {name: value for name, value in found.values.items() if name in EXPECTED}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + INFOTEXT.encode("utf-16-be"),
        b"UNICODE\0" + INFOTEXT.encode("utf-16-le"),
        b"ASCII\0\0\0" + INFOTEXT.replace(" 🛶", "").encode(),
        b"\0" * 8 + INFOTEXT.encode(),
    ],
    ids=["big", "little", "ascii", "undefined"],
)
def test_the_web_uis_settings_are_in_exif_too(kind, comment):
    found = read(picture(kind, with_comment(comment)))
    assert {**core(found), "negative_prompt": "boats"} == {**EXPECTED, "prompt": "a pier, (fog:1.2)"}
    assert (found.values["clip_skip"], found.values["model"]) == (2, "sea")
    assert found.values["weighting"] == "restored"
    assert (found.values["method"], found.values["joining_step"]) == ("cfg", 0)
    assert found.left_out == ["Sampler: Euler a"]


def test_the_web_uis_emphasis_without_a_norm_is_the_plain_scale():
    found = read(picture(parameters=f"{INFOTEXT}, Emphasis: No norm"))
    assert "weighting" not in found.values
    assert found.left_out == ["Sampler: Euler a"]
    assert "Emphasis: None" in read(picture(parameters=f"{INFOTEXT}, Emphasis: None")).left_out


def swarmui():
    return {
        "sui_image_params": {
            "prompt": "a pier",
            "negativeprompt": "boats",
            "model": "sea/deep",
            "seed": 7,
            "steps": 20,
            "cfgscale": 6.5,
            "aspectratio": "custom",
            "width": 512,
            "height": 640,
            "sampler": "euler",
            "clipstopatlayer": -2,
            "loras": ["ink", "oil"],
            "loraweights": ["0.8"],
            "swarm_version": "0.9",
        },
        "sui_extra_data": {"date": "2026-01-01"},
    }


def test_swarmui():
    for file in (
        picture(parameters=json.dumps(swarmui())),
        picture("JPEG", with_comment(b"ASCII\0\0\0" + json.dumps(swarmui()).encode())),
    ):
        found = read(file)
        assert core(found) == EXPECTED
        assert (found.values["clip_skip"], found.values["model"]) == (2, "sea/deep")
        assert found.loras == [("ink", 0.8), ("oil", 1.0)]
        assert found.left_out == ["sampler: euler"]


def test_fooocus():
    data = {
        "prompt": "a pier",
        "negative_prompt": "boats",
        "steps": 20,
        "guidance_scale": 6.5,
        "seed": "7",
        "resolution": "(512, 640)",
        "base_model": "sea",
        "loras": [["ink", 0.5, "abc"]],
        "clip_skip": 2,
        "styles": "['Fooocus V2']",
        "refiner_model": "None",
        "version": "Fooocus v2.5",
        "metadata_scheme": "fooocus",
    }
    found = read(picture(parameters=json.dumps(data), fooocus_scheme="fooocus"))
    assert core(found) == EXPECTED
    assert (found.values["clip_skip"], found.values["model"], found.loras) == (2, "sea", [("ink", 0.5)])
    assert found.left_out == ["styles: ['Fooocus V2']"]
    exif = Image.Exif()
    exif[0x9286] = json.dumps(data)
    assert core(read(picture("JPEG", exif))) == EXPECTED
    assert core(read(picture(parameters=INFOTEXT, fooocus_scheme="a1111"))) == {
        **EXPECTED,
        "prompt": "a pier, (fog:1.2)",
        "negative_prompt": "boats 🛶",
    }


def test_invokeai():
    data = {
        "app_version": "5.0",
        "generation_mode": "sdxl_txt2img",
        "positive_prompt": "a pier",
        "negative_prompt": "boats",
        "width": 512,
        "height": 640,
        "seed": 7,
        "cfg_scale": 6.5,
        "steps": 20,
        "cfg_rescale_multiplier": 0.25,
        "scheduler": "euler",
        "clip_skip": 1,
        "model": {"name": "sea", "hash": "x"},
        "loras": [{"model": {"name": "ink"}, "weight": 0.75}],
    }
    found = read(picture(invokeai_metadata=json.dumps(data)))
    assert core(found) == EXPECTED
    assert (found.values["model"], found.values["guidance_rescale"], found.values["clip_skip"]) == ("sea", 0.25, 2)
    assert (found.loras, found.left_out) == ([("ink", 0.75)], ["scheduler: euler"])
    other = {**data, "positive_prompt": "a pier++", "generation_mode": "img2img"}
    left_out = read(picture(invokeai_metadata=json.dumps(other))).left_out
    assert left_out == ["generation_mode: img2img", "scheduler: euler", "weights in InvokeAI's syntax"]


NOVELAI = {
    "steps": 20,
    "sampler": "k_euler",
    "seed": 7,
    "scale": 6.5,
    "uc": "{boats}, [mist]",
    "width": 512,
    "height": 640,
}


def test_novelai():
    file = picture(
        Title="AI generated image",
        Description="{{a}} pier (old)",
        Software="NovelAI",
        Source="Stable Diffusion 1D44365E",
        Comment=json.dumps(NOVELAI),
    )
    found = read(file)
    assert core(found) == {
        **EXPECTED,
        "prompt": r"((a:1.05):1.05) pier \(old\)",
        "negative_prompt": "(boats:1.05), (mist:0.952)",
    }
    assert (found.values["clip_skip"], found.left_out) == (2, ["sampler: k_euler"])
    caption = {"caption": {"base_caption": "a pier", "char_captions": [{"char_caption": "a gull"}]}}
    later = {**NOVELAI, "v4_prompt": caption, "v4_negative_prompt": {"caption": {"base_caption": "boats"}}}
    found = read(picture(Comment=json.dumps(later), Source="Stable Diffusion XL 8BA2AF87"))
    assert core(found) == EXPECTED
    assert "clip_skip" not in found.values
    assert found.left_out == ["sampler: k_euler", "character: a gull"]


def test_novelais_settings_are_found_in_the_alpha_channel():
    texts = {"Description": "a pier", "Software": "NovelAI", "Comment": json.dumps({**NOVELAI, "uc": "boats"})}
    packed = gzip.compress(json.dumps(texts).encode())
    data = b"stealth_pngcomp" + (8 * len(packed)).to_bytes(4, "big") + packed
    pixels = np.full((64, 64, 4), 255, np.uint8)
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    alpha = np.full(64 * 64, 255, np.uint8)
    alpha[: len(bits)] = 254 | bits
    pixels[..., 3] = alpha.reshape(64, 64).T  # column by column
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    assert core(read(file)) == EXPECTED
    pixels[40:, 10, 3] ^= 1
    Image.fromarray(pixels).save(broken := BytesIO(), "PNG")
    assert parse_settings(read_picture_text(broken)) is None


def graph(**changed):
    nodes = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sea.safetensors"}},
        "2": {
            "class_type": "LoraLoader",
            "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8, "model": ["1", 0], "clip": ["1", 1]},
        },
        "3": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["2", 1]}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["3", 0]}},
        "5": {"class_type": "CLIPTextEncode", "inputs": {"text": "boats", "clip": ["3", 0]}},
        "6": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
        "7": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 7,
                "steps": 20,
                "cfg": 6.5,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1,
                "model": ["2", 0],
                "positive": ["4", 0],
                "negative": ["5", 0],
                "latent_image": ["6", 0],
            },
        },
        "8": {"class_type": "PrimitiveString", "inputs": {"value": "a pier"}},
        "9": {
            "class_type": "VAEDecode",
            "inputs": {"samples": ["7", 0], "vae": ["1", 2]},
            "is_changed": [float("nan")],
        },
    }
    return json.dumps({**nodes, **changed})


def test_comfyui():
    found = read(picture(prompt=graph(), workflow="{}"))
    assert core(found) == EXPECTED
    assert (found.values["clip_skip"], found.values["model"]) == (2, "sea.safetensors")
    assert found.loras == [("ink.safetensors", 0.8)]
    assert found.left_out == ["sampler_name: euler", "scheduler: normal"]
    exif = Image.Exif()
    exif[0x0110] = f"prompt:{graph()}"
    assert core(read(picture("WEBP", exif))) == EXPECTED


def test_comfyuis_nodes_that_are_not_read_are_told():
    patch = {"class_type": "FreeU", "inputs": {"model": ["2", 0], "b1": 1.1}}
    sampler = json.loads(graph())["7"]
    sampler["inputs"]["model"] = ["20", 0]
    assert read(picture(prompt=graph(**{"20": patch, "7": sampler}))).left_out[-1] == "node: FreeU"


def test_comfyuis_newer_samplers():
    nodes = {
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "a pier", "clip": ["3", 0]}},
        "7": {
            "class_type": "SamplerCustomAdvanced",
            "inputs": {"noise": ["20", 0], "guider": ["21", 0], "sigmas": ["22", 0], "latent_image": ["6", 0]},
        },
        "20": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
        "21": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["23", 0]}},
        "22": {"class_type": "BasicScheduler", "inputs": {"steps": 20, "denoise": 1, "scheduler": "simple"}},
        "23": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["4", 0]}},
    }
    found = read(picture(prompt=graph(**nodes)))
    assert core(found) == {**EXPECTED, "negative_prompt": "", "guidance_scale": 1.0}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"10": json.loads(graph())["7"]}, "has 2 samplers"),
        ({"7": {"class_type": "Other", "inputs": {}}}, "has 0 samplers"),
        ({"4": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["5", 0]}}}, "by other nodes"),
        ({"8": {"class_type": "Loop", "inputs": {"value": ["8", 0]}}}, "by other nodes"),
    ],
)
def test_a_graph_that_is_not_simple_is_refused_in_one_line(changed, reason):
    with pytest.raises(InvalidRequestError, match=reason) as error:
        read(picture(prompt=graph(**changed)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"parameters": "a pier"},
        {"parameters": "{}"},
        {"parameters": " "},
        {"Comment": "made by hand"},
        {"prompt": "a pier"},
        {"invokeai_metadata": "[]"},
        {"Software": "NovelAI", "Comment": "{}"},
    ],
)
def test_a_picture_without_settings_has_none(texts):
    assert parse_settings(read_picture_text(picture(**texts))) is None


@pytest.mark.parametrize(
    "texts",
    [
        {"parameters": json.dumps({"sui_image_params": {"prompt": "a", "steps": "many"}})},
        {"parameters": json.dumps({"base_model": "sea", "guidance_scale": float("nan")})},
        {"invokeai_metadata": json.dumps({"seed": {}})},
        {"Comment": json.dumps({**NOVELAI, "seed": 1.5})},
    ],
)
def test_a_setting_that_is_no_number_is_refused_by_its_name(texts):
    with pytest.raises(InvalidRequestError, match=r"the picture's “.*” is no number"):
        parse_settings(texts)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from("abc"), each, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(
    ["prompt", "seed", "steps", "loras", "model", "scale", "uc", "v4_prompt", "base_model", "sui_image_params"]
)


def refusal(work):
    """What the work is refused with; empty if it is not."""
    try:
        work()
    except InvalidRequestError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(st.sampled_from(["parameters", "invokeai_metadata", "Comment", "prompt"]), st.dictionaries(keys, json_values))
def test_any_json_is_read_or_refused_in_one_line(key, data):
    assert "\n" not in refusal(lambda: parse_settings({key: json.dumps(data)}))


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["JPEG", "WEBP", "PNG"]))
def test_any_exif_is_read_or_refused_in_one_line(data, kind):
    file = picture(kind, b"Exif\0\0MM\0*\0\0\0\x08" + data)
    assert "\n" not in refusal(lambda: parse_settings(read_picture_text(file)))
