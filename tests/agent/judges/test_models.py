"""Judges that are published models: the real classes with small random weights, through the real loading code."""

import json
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny_judges import save_owlv2, save_sam3, save_siglip
from transformers import AutoImageProcessor, AutoTokenizer, Owlv2ForObjectDetection, SiglipModel

from notthat.agent.judges import Judge, JudgeError, Presence
from notthat.agent.judges.loading import load_judge
from notthat.agent.judges.network import NetworkJudge
from notthat.agent.judges.pictures import Preprocessing

PICTURE = Image.radial_gradient("L").convert("RGB").resize((64, 48))


def open_judge(folder: Path | str) -> Judge:
    def no_client() -> None:
        raise AssertionError("no language model was asked for")

    return load_judge(str(folder), create_client=no_client, device="cpu")  # type: ignore[arg-type]


def found(judge: Judge, term: str, picture: Image.Image = PICTURE) -> Presence:
    presence = judge.is_present(picture, term)
    assert presence is not None
    return presence


@pytest.mark.parametrize("video", [False, True], ids=["a detector", "a video model, as published"])
@pytest.mark.parametrize(("logit", "verdict"), [(4.0, "there"), (-4.0, "gone"), (-0.5, "unknown")])
def test_sam3_says_what_its_presence_head_says(tmp_path: Path, logit: float, verdict: str, *, video: bool) -> None:
    judge = open_judge(save_sam3(tmp_path / "sam3", logit, video=video))
    presence = found(judge, "mustache")

    assert presence.probability == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-4)
    assert judge.thresholds.verdict(presence.probability) == verdict
    assert presence.region is not None
    assert 0 <= presence.region.left <= presence.region.right <= 1


def test_owlv2_gives_the_best_score_of_the_network(tmp_path: Path) -> None:
    folder = save_owlv2(tmp_path / "owlv2")
    presence = found(open_judge(folder), "hat")

    network, tokenizer = Owlv2ForObjectDetection.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    text = tokenizer("a photo of hat", return_tensors="pt", padding="max_length", max_length=16)
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    pixels = Preprocessing(48, 48, mean, std, pad=True)(PICTURE)
    with torch.inference_mode():
        scores = network(pixel_values=pixels, **text).logits[0, :, 0].sigmoid()
    assert presence.probability == pytest.approx(float(scores.max()), abs=1e-5)
    assert presence.region is not None


@pytest.mark.parametrize("flexible", [False, True], ids=["one size", "any shape"])
def test_siglip_compares_two_descriptions(tmp_path: Path, *, flexible: bool) -> None:
    judge = open_judge(save_siglip(tmp_path / "siglip", flexible=flexible))
    cartoon, comic, blurry = (found(judge, term).probability for term in ("cartoon", "comic", "blurry"))

    assert 0 < cartoon < 1
    assert cartoon == comic  # the same pair of descriptions
    assert cartoon != blurry


def test_siglip_is_the_networks_own_comparison(tmp_path: Path) -> None:
    folder = save_siglip(tmp_path / "siglip")
    presence = found(open_judge(folder), "cartoon")

    network, tokenizer = SiglipModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    text = tokenizer(["a cartoon", "a photo"], return_tensors="pt", padding="max_length", max_length=16)
    pixels = AutoImageProcessor.from_pretrained(folder)(images=PICTURE, return_tensors="pt").pixel_values
    with torch.inference_mode():
        logits = network(input_ids=text.input_ids, pixel_values=pixels).logits_per_image[0]
    assert presence.probability == pytest.approx(float(logits.softmax(-1)[0]), abs=1e-5)


def test_each_kind_of_model_tells_its_own_kind_of_term(tmp_path: Path) -> None:
    detector, comparer = (
        open_judge(save_sam3(tmp_path / "sam3", 4.0)),
        open_judge(save_siglip(tmp_path / "siglip")),
    )

    assert [detector.is_present(PICTURE, term) for term in ("cartoon", "blurry", "bad vibes", "red")] == [None] * 4
    assert [comparer.is_present(PICTURE, term) for term in ("mustache", "bad vibes")] == [None] * 2


def test_a_judge_that_was_unloaded_loads_again(tmp_path: Path) -> None:
    judge = open_judge(save_owlv2(tmp_path / "owlv2"))
    before = found(judge, "hat")
    judge.unload()
    assert found(judge, "hat") == before


def test_two_terms_and_two_pictures_are_not_mixed_up(tmp_path: Path) -> None:
    judge, fresh = open_judge(save_owlv2(tmp_path / "owlv2")), open_judge(tmp_path / "owlv2")
    red, blue = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    first = [found(judge, "hat", red), found(judge, "cat", red), found(judge, "hat", blue)]

    assert len(set(first)) == 3
    assert [found(fresh, "hat", blue), found(fresh, "cat", red), found(fresh, "hat", red)] == first[::-1]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "it has no config.json"),
        ("{", "its config.json can't be read"),
        (json.dumps({"model_type": "bert"}), "its type is bert, and sam3, "),
    ],
)
def test_a_folder_that_is_no_judge(tmp_path: Path, config: str | None, reason: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(JudgeError, match=reason):
        open_judge(tmp_path)


@pytest.mark.parametrize("name", ["", "nobody", "../nobody/nothing", "owner/name"])
def test_a_name_of_nothing(name: str) -> None:
    with pytest.raises(JudgeError, match=r"there is no judge|is not complete on this machine"):
        open_judge(name)


def test_a_folder_without_weights_fails_with_one_line(tmp_path: Path) -> None:
    folder = save_owlv2(tmp_path / "owlv2")
    (folder / "model.safetensors").unlink()
    with pytest.raises(JudgeError, match=f"the judge {folder} failed: .+") as raised:
        open_judge(folder).is_present(PICTURE, "hat")
    assert "\n" not in str(raised.value)


def test_a_device_without_memory_is_said_and_the_network_dropped(tmp_path: Path) -> None:
    judge = open_judge(save_owlv2(tmp_path / "owlv2"))
    assert isinstance(judge, NetworkJudge)
    found(judge, "hat")

    def overflow(*arguments: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    judge._network.register_forward_hook(overflow)
    with pytest.raises(JudgeError, match="needs more memory than the device has free"):
        judge.is_present(PICTURE, "cat")
    assert judge._network is None
    found(judge, "cat")
