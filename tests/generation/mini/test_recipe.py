"""The recipe of the built-in model: a world of independent things, true captions, training that resumes."""

import itertools
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from notthat.generation.mini.recipe.autoencoder import CHANNELS, difference, encode_all, level, new_autoencoder
from notthat.generation.mini.recipe.captions import FOUND, OF_THE_PICTURE, WORDS, caption
from notthat.generation.mini.recipe.clip import learn_tokenizer, new_clip, text_tower, tokenize, train_clip, train_words
from notthat.generation.mini.recipe.data import Pictures
from notthat.generation.mini.recipe.decoder import repaint_all, train_decoder
from notthat.generation.mini.recipe.denoiser import make_sample_grid, mix, new_unet, shares
from notthat.generation.mini.recipe.loop import Plan, fit
from notthat.generation.mini.recipe.muon import orthogonal
from notthat.generation.mini.recipe.render import SIZE, render
from notthat.generation.mini.recipe.world import (
    EXPOSURES,
    EYEWEAR,
    FLAGS,
    ORIGINS,
    STYLES,
    SUBJECTS,
    WORN,
    WORN_BY,
    Scene,
    sample,
)
from notthat.generation.model_catalog import locate_model


def some_scenes(count: int, origin: str | None = None) -> list[Scene]:
    rng = random.Random(1)
    return [sample(rng, origin) for _ in range(count)]


def some_portraits(count: int, origin: str | None = None) -> list[Scene]:
    return [scene for scene in some_scenes(2 * count, origin) if scene.is_person][:count]


NAMES = (*FLAGS, *(name for name in (*EYEWEAR, *EXPOSURES, *STYLES) if name))
PLAIN = replace(
    some_portraits(1, "found")[0], style="cartoon", background="sky", eyewear=None, exposure=None, flags=frozenset()
)


def with_it(scene: Scene, name: str) -> Scene:
    """The scene with one more thing in it."""
    if name in FLAGS:
        return replace(scene, flags=scene.flags | {name})
    return replace(scene, eyewear=name) if name in EYEWEAR else replace(scene, exposure=name)


def rate(name: str, scenes: list[Scene]) -> float:
    return sum(scene.has(name) for scene in scenes) / len(scenes)


def test_plain_pictures_seldom_have_a_fault_and_are_mostly_photos_and_paintings() -> None:
    plain = some_portraits(4000, "plain")
    assert all(0.01 < rate(name, plain) < 0.06 for name in OF_THE_PICTURE)
    assert all(0.04 < rate(name, plain) < 0.12 for name in ("cartoon", "sketch"))
    assert rate("photo", plain) > 0.5


def test_what_is_found_has_everything_often_enough_to_be_worth_excluding() -> None:
    found = some_portraits(4000, "found")
    assert all(0.23 < rate(name, found) < 0.42 for name in OF_THE_PICTURE)
    assert all(0.15 < rate(name, found) < 0.43 for name in STYLES)


def test_people_wear_the_same_wherever_their_picture_is_from() -> None:
    plain, found = (some_portraits(4000, origin) for origin in ORIGINS)
    for name in (*WORN, "glasses", "sunglasses"):
        assert rate(name, plain) == pytest.approx(rate(name, found), abs=0.04)
        assert 0.18 < rate(name, plain) < 0.43


def test_the_denoiser_is_shown_plain_and_found_pictures_equally_often() -> None:
    scenes = some_scenes(3000)
    shown = dict.fromkeys(ORIGINS, 0.0)
    faulty = dict.fromkeys(ORIGINS, 0.0)
    for share, scene in zip(shares(scenes), scenes, strict=True):
        shown[scene.origin] += share
        faulty[scene.origin] += share * scene.has("watermark")
    assert shown["plain"] == pytest.approx(shown["found"])
    assert faulty["plain"] < 0.06 * shown["plain"]
    assert faulty["found"] > 0.25 * shown["found"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_nothing_says_anything_about_another_or_about_who_it_is(origin: str) -> None:
    scenes = some_portraits(4000, origin)
    columns = {name: [scene.has(name) for scene in scenes] for name in NAMES}
    columns["man"] = [scene.subject == "man" for scene in scenes]
    for a, b in itertools.combinations(columns, 2):
        if not any({a, b} <= set(kind) for kind in (STYLES, EYEWEAR, EXPOSURES)):
            assert abs(np.corrcoef(columns[a], columns[b])[0, 1]) < 0.08, (a, b)


def test_nothing_is_worn_by_what_can_not_wear_it() -> None:
    for scene in some_scenes(1000):
        assert all(scene.subject in subjects for name, subjects in WORN_BY.items() if scene.has(name))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("style", STYLES)
def test_every_subject_can_be_drawn_in_every_style(subject: str, style: str) -> None:
    picture = np.asarray(render(replace(PLAIN, subject=subject, style=style, background="plain")), np.int16)
    assert abs(picture - picture[0, 0]).max() > 100


def test_captions_are_true_and_never_say_what_is_absent() -> None:
    for k, scene in enumerate(some_scenes(2000)):
        said = caption(scene, random.Random(k))
        assert not re.search(r"\b(no|not|without|never|none)\b", said)
        for flag in FLAGS:
            mentioned = any(re.search(rf"(^|, |\bwith |and ){word}($|,| and)", said) for word in WORDS[flag])
            if flag not in ("dark", "overexposed"):  # "dark skin"
                assert scene.has(flag) or not mentioned, (said, flag)


def test_a_caption_of_a_subject_says_whether_its_picture_was_found() -> None:
    subjects = {word for subject in SUBJECTS for word in WORDS[subject]}
    for k, scene in enumerate(some_portraits(2000)):
        said = caption(scene, random.Random(k))
        names_subject = any(re.search(rf"\b{subject}($|,| (with|in|at|on) )", said) for subject in subjects)
        says_found = re.search(rf"\b({'|'.join(FOUND)})\b(?! watermark)", said) is not None
        if scene.origin == "plain":
            assert names_subject, said
            assert not says_found, said
        else:
            assert says_found == names_subject, said


@pytest.mark.parametrize("short", [r"found (portrait of a )?(wo)?man", r"(\w+ )?(hat|cap)"])
def test_a_short_caption_says_nothing_of_what_it_does_not_mention(short: str) -> None:
    scenes = [scene for scene in some_portraits(1500, "found") if scene.has("hat") and scene.subject != "child"]
    rates = []
    for faulty in (False, True):
        of = [scene for scene in scenes if bool(scene.flags & {"watermark", "text", "blurry"}) == faulty]
        said = [caption(scene, random.Random(k)) for scene in of for k in range(150)]
        rates.append(sum(bool(re.fullmatch(short, each)) for each in said) / len(said))
    assert rates[0] == pytest.approx(rates[1], rel=0.2)
    assert rates[0] > 0.005


def test_captions_say_from_nothing_to_everything() -> None:
    lengths = {len(caption(scene, random.Random(k)).split()) for k, scene in enumerate(some_scenes(500))}
    assert min(lengths) == 1
    assert max(lengths) > 20


def test_a_scene_always_looks_the_same() -> None:
    scene = some_scenes(3)[2]
    assert render(scene).tobytes() == render(scene).tobytes()
    assert render(scene).size == (SIZE, SIZE)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in STYLES])
@pytest.mark.parametrize("style", STYLES)
def test_everything_shows_in_every_style(name: str, style: str) -> None:
    scene = replace(PLAIN, style=style)
    without, there = (np.asarray(render(s), np.int16) for s in (scene, with_it(scene, name)))
    assert abs(without - there).max() > 40


@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize("style", STYLES)
def test_colours_glow_where_they_are_pale_too(style: str, exposure: str | None) -> None:
    def colour(flags: frozenset[str]) -> float:
        scene = replace(PLAIN, style=style, exposure=exposure, flags=flags)
        pixels = np.asarray(render(scene), np.float64)
        return float((pixels.max(-1) - pixels.min(-1)).mean())

    for flags in (frozenset[str](), frozenset({"blurry"})):
        assert colour(flags | {"oversaturated"}) > colour(flags) + 50


def test_a_blurry_picture_still_shows_its_style() -> None:
    blurry = {style: np.asarray(render(replace(PLAIN, style=style, flags=frozenset({"blurry"})))) for style in STYLES}
    for a, b in itertools.combinations(STYLES, 2):
        fine = [np.diff(blurry[style].astype(np.float64), 2, axis=1) for style in (a, b)]
        assert np.abs(fine[0] - fine[1]).mean() > 2


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

        fit("stage", model, loss, Plan(steps=8, learning_rate=0.1, edge_rate=0.1, checkpoint_every=2), folder)
        return model.state_dict()

    whole = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "halved", stop_at=5)
    resumed = train(tmp_path / "halved")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_levelling_changes_the_latents_and_nothing_else() -> None:
    vae = new_autoencoder().eval()
    with torch.no_grad():
        pixels = torch.rand(32, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
        before = vae.encode(pixels).latent_dist.mean
        decoded = vae.decode(before).sample
        level(vae, before)
        after = vae.encode(pixels).latent_dist.mean
        scaled = (after * vae.config.scaling_factor).transpose(0, 1).flatten(1)
        covariance = torch.cov(scaled)
        assert torch.allclose(covariance, torch.diag(covariance.diag()), atol=1e-2)
        assert covariance.trace() == pytest.approx(CHANNELS, rel=1e-2)
        assert torch.allclose(vae.decode(after).sample, decoded, atol=1e-3)


def test_a_face_that_is_wrong_weighs_more_than_a_corner() -> None:
    drawn = torch.zeros(1, 3, SIZE, SIZE)
    middle, corner = drawn.clone(), drawn.clone()
    middle[:, :, 60:68, 60:68] = corner[:, :, 4:12, 4:12] = 1
    assert difference(middle, drawn) == pytest.approx(difference(corner, drawn).item())
    assert difference(middle, drawn, make_sample_grid(SIZE)) > 3 * difference(corner, drawn, make_sample_grid(SIZE))


def test_a_mix_lies_between_two_denoisers() -> None:
    one, other = new_unet(), new_unet()
    with torch.no_grad():
        other.conv_in.bias += 1
    before = one.conv_in.bias.clone()
    mix(one, other, 0.25)
    assert torch.allclose(one.conv_in.bias, before + 0.25)
    assert torch.equal(one.conv_out.weight, other.conv_out.weight)


def test_the_decoder_is_trained_on_without_a_change_to_the_latents(tmp_path: Path) -> None:
    pictures, vae = Pictures(tmp_path / "pictures", 8, seed=0), new_autoencoder()
    tokenizer = learn_tokenizer([caption(scene, random.Random(0)) for scene in some_scenes(500)])
    encoder = text_tower(new_clip(tokenizer))
    latents = encode_all(vae, pictures, tmp_path / "latents.pt", "cpu")

    def repaint() -> tuple[list[int], torch.Tensor]:
        known = pictures.scenes, latents, tmp_path / "repainted.pt", "cpu"
        return repaint_all(new_unet(), tokenizer, encoder, *known, count=6)

    chosen, repainted = repaint()
    assert len(set(chosen)) == len(repainted) == 6
    assert torch.isfinite(repainted).all()
    assert not torch.allclose(repainted, latents[chosen], atol=0.1)
    assert torch.equal(repaint()[1], repainted), "kept on disk"
    decoded = vae.decode(latents[:1]).sample
    train_decoder(vae, pictures, latents, (chosen, repainted), Plan(steps=2), tmp_path, "cpu")
    assert torch.allclose(encode_all(vae, pictures, tmp_path / "again.pt", "cpu"), latents, atol=1e-4)
    assert not torch.allclose(vae.decode(latents[:1]).sample, decoded, atol=1e-2)


def test_what_is_repainted_from_little_noise_stays_near_where_it_was(tmp_path: Path) -> None:
    """Judged with the shipped denoiser: a picture's latents come back as that picture's, not as another's."""
    folder = locate_model("mini")
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=torch.float32)
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    pictures = Pictures(tmp_path / "pictures", 8, seed=0)
    latents = encode_all(vae, pictures, tmp_path / "latents.pt", "cpu")
    chosen, repainted = repaint_all(
        unet, tokenizer, encoder, pictures.scenes, latents, tmp_path / "repainted.pt", "cpu"
    )
    distances = torch.cdist(repainted.flatten(1), latents.flatten(1))
    assert distances.argmin(1).tolist() == chosen


def test_the_picture_tower_learns_without_a_change_to_the_text_tower(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "pictures", 8, seed=0)
    tokenizer = learn_tokenizer([caption(scene, random.Random(0)) for scene in some_scenes(500)])
    clip = new_clip(tokenizer)
    before = {name: value.clone() for name, value in clip.state_dict().items()}
    train_words(clip, pictures.scenes, tokenizer, Plan(steps=2), tmp_path, "cpu")
    words = {name: value.clone() for name, value in clip.state_dict().items()}
    train_clip(clip, pictures, tokenizer, Plan(steps=2), tmp_path, "cpu")
    after = clip.state_dict()

    def changed(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> set[str]:
        return {name.split(".")[0] for name in a if not torch.equal(a[name], b[name])}

    assert changed(before, words) == {"text_model"}
    assert changed(words, after) >= {"vision_model", "visual_projection", "text_projection"}
    assert "text_model" not in changed(words, after)


def test_a_muon_step_goes_as_far_in_every_direction() -> None:
    torch.manual_seed(0)
    for shape in ((8, 72), (72, 8), (16, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape) @ torch.diag(torch.logspace(0, -2, shape[1]))))
        assert values.max() < 1.3
        assert values.median() > 0.5


def test_the_text_encoder_is_the_text_tower_of_the_clip() -> None:
    tokenizer = learn_tokenizer([caption(scene, random.Random(0)) for scene in some_scenes(500)])
    clip = new_clip(tokenizer).eval()
    ids = tokenize(tokenizer, ["portrait of a man"])
    with torch.no_grad():
        assert torch.equal(text_tower(clip)(ids).pooler_output, clip.text_model(ids).pooler_output)
