"""The judge of mini's pictures, on rendered pictures."""

import random
from dataclasses import replace
from functools import cache

import pytest
import torch
from PIL.Image import Image

from notthat.agent.judges import JudgeError, JudgePanel
from notthat.agent.judges.base import Finding
from notthat.agent.judges.mini import ATTRIBUTES, OF_THE_WHOLE, AttributeNetwork, MiniJudge
from notthat.generation.mini.recipe.render import render
from notthat.generation.mini.recipe.world import sample

BARE = replace(
    sample(random.Random(4)),
    subject="man",
    hair="short",
    eyewear=None,
    style="photo",
    exposure=None,
    flags=frozenset(),
    layout=4,
)
"""A plain photo of a man."""


@cache
def judge() -> MiniJudge:
    return MiniJudge(torch.device("cpu"))


def find(picture: Image, *terms: str) -> dict[str, Finding]:
    found = JudgePanel(["mini"], lambda name: judge(), timeout=60).judge(picture, terms)
    assert found.failures == ()
    return dict(found.by_term)


@pytest.mark.parametrize("name", ["mustache", "hat", "watermark", "text", "logo", "frame", "dark", "blurry"])
def test_what_is_rendered_is_there_and_what_is_not_is_gone(name: str) -> None:
    scene = replace(BARE, exposure="dark") if name == "dark" else replace(BARE, flags=frozenset([name]))
    there, gone = find(render(scene), name)[name], find(render(BARE), name)[name]

    assert (there.verdict, gone.verdict) == ("there", "gone")
    assert there.judge == "mini"
    assert (there.region is None) == (name in OF_THE_WHOLE)


def test_a_place_is_found_where_it_is() -> None:
    hat = find(render(replace(BARE, flags=frozenset(["hat"]))), "hat")["hat"].region
    assert hat is not None
    assert hat.bottom <= 0.5


def test_the_words_of_mini_are_known_and_no_others() -> None:
    found = find(render(replace(BARE, flags=frozenset(["mustache"]))), "moustache", "Mustaches", "zebra", "bad vibes")

    assert [finding.verdict for finding in found.values()] == ["there", "there", "unknown", "unknown"]
    assert found["zebra"].judge is None


def test_weights_for_another_autoencoder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notthat.agent.judges.mini.autoencoder_sha256", lambda: "0" * 64)
    with pytest.raises(JudgeError, match="the judge mini belongs to another autoencoder"):
        MiniJudge(torch.device("cpu")).is_present(render(BARE), "hat")


def test_the_weights_are_whole_and_for_every_attribute() -> None:
    logits, places = AttributeNetwork.load().eval()(torch.zeros(2, 8, 16, 16))
    assert (logits.shape, places.shape) == ((2, len(ATTRIBUTES)), (2, len(ATTRIBUTES), 8, 8))
