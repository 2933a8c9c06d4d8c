"""While a picture is made: previews, cancelling, threads, and memory that runs out."""

import threading

import numpy as np
import pytest
import torch

from notthat.generation import GenerationError, GenerationRequest
from notthat.generation.local_engine import generate_batches

from .conftest import loaded


@pytest.mark.parametrize("kind", ["sd", "sd-v", "sdxl", "sd3", "flux"])
def test_a_preview_has_a_pixel_for_each_latent(random_model, kind):
    model = random_model(kind)
    running = model.engine.run(model.request(width=48))
    previews = [progress.preview() for progress in running if progress.preview]
    assert [each.size for each in previews] == [(24, 16)] * 2
    assert previews[0].mode == "RGB"


def test_previews_come_to_resemble_the_picture(mini):
    engine, _ = mini
    asked = {"model": "mini", "prompt": "portrait of a man", "seed": 3, "num_inference_steps": 6}
    request = GenerationRequest.with_defaults(asked, lambda: engine.defaults)
    previews, picture = [], None
    for progress in engine.run(request):
        picture = progress.picture
        if progress.preview:
            previews.append(np.asarray(progress.preview(), float))
    small = np.asarray(picture.image.resize(previews[0].shape[1::-1]), float)
    first, last = (abs(each - small).mean() for each in (previews[0], previews[-1]))
    assert last < 25
    assert last < first


def test_an_unasked_preview_changes_nothing(random_model):
    model = random_model("sd")
    *_, last = [
        progress for progress in model.engine.run(model.request()) if not progress.preview or progress.preview()
    ]
    assert (np.asarray(last.picture.image) == model.pixels()[0]).all()


def test_pictures_of_a_batch_are_those_of_their_seeds(random_model):
    model = random_model("sd")
    together = model.pixels(3, seed=5)
    alone = np.concatenate([model.pixels(seed=5 + k) for k in range(3)])
    assert abs(together - alone).max() <= 1


def test_eight_sessions_in_threads_get_the_pixels_that_they_get_alone(random_model):
    model = random_model("sd")

    def turns(k):
        asked = {"seed": k, "syntax": "weighted", "joining_step": 1}
        return [model.pixels(negative_prompt=negative, **asked) for negative in ("", f"hat {k}")]

    alone = [turns(k) for k in range(8)]
    model.engine.checkpoints.clear()
    together = {}
    threads = [threading.Thread(target=lambda k=k: together.update({k: turns(k)})) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((a == b).all() for k in range(8) for a, b in zip(alone[k], together[k], strict=True))


class Shortage:
    """A device that has no memory for the first `times` calls of a part."""

    def __init__(self, call, times):
        self.call, self.times = call, times

    def __call__(self, *args, **kwargs):
        if self.times:
            self.times -= 1
            raise torch.OutOfMemoryError("no memory")
        return self.call(*args, **kwargs)


@pytest.fixture
def fresh(random_model):
    """A model that all share, and the same in an engine of the test's own, with its parts."""
    model = random_model("sd")
    return model, *loaded(str(model.folder))


def moves(part, monkeypatch):
    """Where a part of a model is moved from now on."""
    moved, move = [], part.to
    monkeypatch.setattr(part, "to", lambda *where: moved.append(where) or move(*where))
    return moved


def image_of(engine, request):
    *_, last = engine.run(request)
    return np.asarray(last.picture.image, np.int16)


@pytest.mark.parametrize("times", [1, 2])
def test_a_picture_too_large_to_decode_is_decoded_in_tiles_or_alone(fresh, monkeypatch, times):
    model, engine, family = fresh
    vae = family.vae
    monkeypatch.setattr(vae, "decode", Shortage(vae.decode, times))
    moved = moves(family.denoiser, monkeypatch)
    request = model.request(negative_prompt="hat")
    assert abs(image_of(engine, request) - model.pixels(negative_prompt="hat")[0]).max() <= 1
    assert vae.use_tiling
    assert moved == ([] if times == 1 else [("cpu",), (engine.device,)])
    image_of(engine, request)


def test_a_step_that_finds_no_memory_is_taken_again_with_the_rest_out_of_the_way(fresh, monkeypatch):
    model, engine, family = fresh
    unet = family.unet
    monkeypatch.setattr(unet, "forward", Shortage(unet.forward, 1))
    moved = moves(family.vae, monkeypatch)
    assert (image_of(engine, model.request()) == model.pixels()[0]).all()
    assert moved == [("cpu",), (engine.device,), ("cpu",)]  # out of the way, back to decode, and out again


def test_where_nothing_helps_it_is_said_and_the_next_turn_works(fresh, monkeypatch):
    model, engine, family = fresh
    unet = family.unet
    whole = unet.forward
    monkeypatch.setattr(unet, "forward", Shortage(whole, 99))
    with pytest.raises(GenerationError, match="not enough memory for 32 x 32"):
        image_of(engine, model.request())
    monkeypatch.setattr(unet, "forward", whole)
    assert (image_of(engine, model.request()) == model.pixels()[0]).all()


def test_a_count_is_drawn_in_batches_a_seed_each(random_model, monkeypatch):
    model = random_model("sd")
    monkeypatch.setattr(model.engine, "batch_size", lambda request: 3)
    request = model.request(negative_prompt="hat", seed=5)
    heard = list(generate_batches(model.engine, request, 5))
    assert [len(each.pictures) for each in heard] == [0, 0, 3, 0, 0, 2]
    together = [np.asarray(picture.image, np.int16) for each in heard for picture in each.pictures]
    alone = [model.pixels(negative_prompt="hat", seed=5 + k)[0] for k in range(5)]
    assert abs(np.stack(together) - np.stack(alone)).max() <= 1


def test_large_pictures_are_not_drawn_at_once_on_a_processor(random_model):
    model = random_model("sd")
    sizes = {side: model.engine.batch_size(model.request(width=side, height=side)) for side in (128, 256, 512, 1024)}
    assert sizes == {128: 8, 256: 4, 512: 1, 1024: 1}


def test_a_batch_that_finds_no_memory_is_made_as_two(fresh, monkeypatch):
    model, engine, family = fresh
    unet = family.unet
    monkeypatch.setattr(engine, "batch_size", lambda request: 4)
    monkeypatch.setattr(unet, "forward", Shortage(unet.forward, 1))
    moved = moves(family.vae, monkeypatch)
    pictures = [picture for each in generate_batches(engine, model.request(), 4) for picture in each.pictures]
    assert len(pictures) == 4
    assert moved == []
    monkeypatch.setattr(unet, "forward", Shortage(unet.forward, 99))
    with pytest.raises(GenerationError, match="not enough memory"):
        list(generate_batches(engine, model.request(), 4))


def test_a_batch_too_large_to_decode_is_decoded_one_by_one(fresh, monkeypatch):
    model, engine, family = fresh
    vae = family.vae
    monkeypatch.setattr(vae, "decode", Shortage(vae.decode, 1))
    *_, last = engine.run(model.request(seed=5), count=3)
    together = np.stack([np.asarray(each.image, np.int16) for each in last.pictures])
    assert abs(together - model.pixels(3, seed=5)).max() <= 1
    assert vae.use_slicing
    assert not getattr(vae, "use_tiling", False)
