"""The recipe of the built-in model: a world of independent things, true captions, training that resumes."""

import itertools
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from notthat.generation.mini.recipe.autoencoder import new_autoencoder, whiten
from notthat.generation.mini.recipe.captions import WORDS, caption
from notthat.generation.mini.recipe.loop import Plan, fit
from notthat.generation.mini.recipe.render import SIZE, render
from notthat.generation.mini.recipe.text import learn_tokenizer
from notthat.generation.mini.recipe.world import FLAGS, STYLES, Scene, sample


def some_scenes(count: int) -> list[Scene]:
    rng = random.Random(1)
    return [sample(rng) for _ in range(count)]


PLAIN = replace(some_scenes(1)[0], style="cartoon", background="sky", eyewear=None, flags=frozenset())


def test_every_flag_is_rare_enough_and_common_enough_to_be_worth_excluding() -> None:
    scenes = some_scenes(4000)
    for flag in FLAGS:
        assert 0.13 < sum(scene.has(flag) for scene in scenes) / len(scenes) < 0.43


def test_no_flag_says_anything_about_another_or_about_who_it_is() -> None:
    scenes = some_scenes(4000)
    columns = {flag: [scene.has(flag) for scene in scenes] for flag in FLAGS}
    columns |= {style: [scene.style == style for scene in scenes] for style in STYLES if style != "photo"}
    columns["man"] = [scene.subject == "man" for scene in scenes]
    for a, b in itertools.combinations(columns, 2):
        if not {a, b} <= set(STYLES):
            assert abs(np.corrcoef(columns[a], columns[b])[0, 1]) < 0.08, (a, b)


def test_captions_are_true_and_never_say_what_is_absent() -> None:
    for k, scene in enumerate(some_scenes(2000)):
        said = caption(scene, random.Random(k))
        assert not re.search(r"\b(no|not|without|never|none)\b", said)
        for flag in FLAGS:
            mentioned = any(re.search(rf"(^|, |\bwith |and ){word}($|,| and)", said) for word in WORDS[flag])
            if flag not in ("dark", "overexposed"):  # "dark skin", "dark glasses"
                assert scene.has(flag) or not mentioned, (said, flag)


def test_captions_say_from_nothing_to_everything() -> None:
    lengths = {len(caption(scene, random.Random(k)).split()) for k, scene in enumerate(some_scenes(500))}
    assert min(lengths) == 1
    assert max(lengths) > 20


def test_a_scene_always_looks_the_same() -> None:
    scene = some_scenes(3)[2]
    assert render(scene).tobytes() == render(scene).tobytes()
    assert render(scene).size == (SIZE, SIZE)


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("style", STYLES)
def test_every_flag_shows_in_every_style(flag: str, style: str) -> None:
    without = np.asarray(render(replace(PLAIN, style=style)), np.int16)
    with_it = np.asarray(render(replace(PLAIN, style=style, flags=frozenset({flag}))), np.int16)
    assert abs(without - with_it).max() > 40


def test_the_words_of_the_captions_are_single_tokens() -> None:
    tokenizer = learn_tokenizer([caption(scene, random.Random(k)) for k, scene in enumerate(some_scenes(3000))])
    for word in ("portrait", "mustache", "watermark", "cartoon", "sunglasses"):
        assert tokenizer.tokenize(word) == [f"{word}</w>"]
    assert tokenizer.model_max_length == 77


def test_interrupted_training_ends_where_uninterrupted_training_does(tmp_path: Path) -> None:
    def train(folder: Path, stop_at: int | None = None) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        folder.mkdir(exist_ok=True)

        def loss(rng: random.Random, done: float) -> torch.Tensor:
            if stop_at is not None and done * 8 >= stop_at:
                raise KeyboardInterrupt
            return (model(torch.randn(4, 3)) - rng.random()).square().mean()

        fit("stage", model, loss, Plan(steps=8, learning_rate=0.1, checkpoint_every=2), folder)
        return model.state_dict()

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "halved", stop_at=5)
    resumed = train(tmp_path / "halved")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_whitening_changes_the_latents_and_nothing_else() -> None:
    vae = new_autoencoder().eval()
    with torch.no_grad():
        pixels = torch.rand(32, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
        before = vae.encode(pixels).latent_dist.mean
        decoded = vae.decode(before).sample
        whiten(vae, before)
        after = vae.encode(pixels).latent_dist.mean
        scaled = (after * vae.config.scaling_factor).transpose(0, 1).flatten(1)
        assert torch.allclose(torch.cov(scaled), torch.eye(4), atol=1e-2)
        assert torch.allclose(vae.decode(after).sample, decoded, atol=1e-3)
