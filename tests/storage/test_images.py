"""Pictures on disk: whole or not at all, and never changed unseen."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from notthat.errors import InvalidInputError
from notthat.storage import DamagedPictureError, ImageStore, MissingPictureError

MakePicture = Callable[..., Image.Image]


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def noise(seed: int, size: tuple[int, int]) -> Image.Image:
    pixels = hashlib.shake_128(str(seed).encode()).digest(3 * size[0] * size[1])
    return Image.frombytes("RGB", size, pixels)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    text=st.dictionaries(st.sampled_from(["parameters", "notthat", "Comment"]), st.text(max_size=50)),
)
def test_a_picture_comes_back_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: tuple[int, int], text: dict[str, str]
) -> None:
    images = ImageStore(tmp_path_factory.mktemp("images"))
    saved = noise(seed, size)
    sha256 = images.save(saved, text)

    assert sha256 == hashlib.sha256(saved.tobytes()).hexdigest()
    opened = images.open(sha256)
    assert (opened.mode, opened.size, opened.tobytes()) == ("RGB", size, saved.tobytes())
    assert opened.text == text  # type: ignore[attr-defined]
    assert list(images.pictures()) == [(sha256, images.path(sha256))]
    assert not list(images.temporary())


def test_a_file_is_found_by_its_hash(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {})

    assert images.path(sha256) == images.folder / sha256[:2] / f"{sha256}.png"
    assert images.path(sha256).is_file()


@pytest.mark.parametrize("mode", ["RGBA", "L", "P"])
def test_other_modes_are_kept_as_rgb(images: ImageStore, mode: str) -> None:
    picture = noise(1, (4, 4)).convert(mode)
    sha256 = images.save(picture, {})

    assert images.open(sha256).tobytes() == picture.convert("RGB").tobytes()


def test_a_sound_file_of_the_same_pixels_is_kept(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {"parameters": "first"})
    before = images.path(sha256).stat()

    assert images.save(noise(1, (4, 4)), {"parameters": "second"}) == sha256
    after = images.path(sha256).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_file_of_the_same_pixels_is_replaced(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {})
    images.path(sha256).write_bytes(b"damaged")

    images.save(noise(1, (4, 4)), {})
    assert images.open(sha256).tobytes() == noise(1, (4, 4)).tobytes()


def test_a_missing_picture_is_named(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {})
    images.path(sha256).unlink()

    with pytest.raises(MissingPictureError, match=sha256):
        images.open(sha256)


def test_a_picture_under_another_s_name_is_refused(images: ImageStore) -> None:
    one, other = images.save(noise(1, (4, 4)), {}), images.save(noise(2, (4, 4)), {})
    images.path(other).replace(images.path(one))

    with pytest.raises(DamagedPictureError, match=one):
        images.open(one)


def test_no_byte_can_change_a_pixel_unseen(images: ImageStore) -> None:
    saved = noise(1, (5, 5))
    sha256 = images.save(saved, {"parameters": "text"})
    path = images.path(sha256)
    whole = path.read_bytes()

    refused = 0
    for position in range(len(whole)):
        for changed in (
            whole[:position],
            whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :],
        ):
            path.write_bytes(changed)
            try:
                assert images.open(sha256).tobytes() == saved.tobytes()
            except DamagedPictureError:
                refused += 1
    assert refused > len(whole)


@pytest.mark.parametrize("name", ["", "ab", "../../../etc/passwd", "A" * 64, "a" * 63 + "\n", "a" * 65])
def test_only_a_hash_names_a_picture(images: ImageStore, name: str) -> None:
    with pytest.raises(InvalidInputError):
        images.path(name)


def test_a_failed_write_leaves_no_file(images: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    images.folder.mkdir()
    (images.folder / hashlib.sha256(noise(1, (4, 4)).tobytes()).hexdigest()[:2]).mkdir()
    with pytest.raises(KeyboardInterrupt):
        images.save(noise(1, (4, 4)), {})
    assert not [path for path in images.folder.rglob("*") if path.is_file()]
