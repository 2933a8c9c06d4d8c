"""Picture files: written atomically, and verified when read."""

import hashlib
import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from notthat.errors import InvalidInputError
from notthat.storage import DamagedPictureError, ImageStore, MissingPictureError
from notthat.storage.images import with_text

MakePicture = Callable[..., Image.Image]

REQUEST = {"prompt": "a harbour", "steps": 20}
OTHER = {"prompt": "a harbour, not a port", "steps": 20}


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
    sha256 = images.save(saved, text, REQUEST)

    assert sha256 == hashlib.sha256(saved.tobytes()).hexdigest()
    opened = images.open(sha256)
    assert (opened.mode, opened.size, opened.tobytes()) == ("RGB", size, saved.tobytes())
    path = images.path(sha256, REQUEST)
    with Image.open(path) as file:
        assert file.text == text  # type: ignore[attr-defined]
    assert list(images.pictures()) == [(sha256, path)]
    assert not list(images.temporary())


def test_a_file_is_named_after_its_pixels_and_its_request(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {}, REQUEST)

    path = images.path(sha256, REQUEST)
    assert path.parent == images.folder / sha256[:2]
    assert re.fullmatch(rf"{sha256}-[0-9a-f]{{16}}\.png", path.name)
    assert path.is_file()


@pytest.mark.parametrize("mode", ["RGBA", "L", "P"])
def test_other_modes_are_kept_as_rgb(images: ImageStore, mode: str) -> None:
    picture = noise(1, (4, 4)).convert(mode)
    sha256 = images.save(picture, {}, REQUEST)

    assert images.open(sha256).tobytes() == picture.convert("RGB").tobytes()


def test_a_sound_file_of_the_same_pixels_and_request_is_kept(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {"parameters": "first"}, REQUEST)
    before = images.path(sha256, REQUEST).stat()

    assert images.save(noise(1, (4, 4)), {"parameters": "second"}, REQUEST) == sha256
    after = images.path(sha256, REQUEST).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_file_of_the_same_pixels_is_replaced(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {}, REQUEST)
    images.path(sha256, REQUEST).write_bytes(b"damaged")

    images.save(noise(1, (4, 4)), {}, REQUEST)
    assert images.open(sha256).tobytes() == noise(1, (4, 4)).tobytes()


def test_a_missing_picture_is_named(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {}, REQUEST)
    images.path(sha256, REQUEST).unlink()

    with pytest.raises(MissingPictureError, match=sha256):
        images.open(sha256)


def test_a_picture_under_another_s_name_is_refused(images: ImageStore) -> None:
    one, other = images.save(noise(1, (4, 4)), {}, REQUEST), images.save(noise(2, (4, 4)), {}, REQUEST)
    images.path(other, REQUEST).replace(images.path(one, REQUEST))

    with pytest.raises(DamagedPictureError, match=one):
        images.open(one)


def test_no_byte_can_change_a_pixel_unseen(images: ImageStore) -> None:
    saved = noise(1, (5, 5))
    sha256 = images.save(saved, {"parameters": "text"}, REQUEST)
    path = images.path(sha256, REQUEST)
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
        images.path(name, REQUEST)


def test_a_failed_write_leaves_no_file(images: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    images.folder.mkdir()
    (images.folder / hashlib.sha256(noise(1, (4, 4)).tobytes()).hexdigest()[:2]).mkdir()
    with pytest.raises(KeyboardInterrupt):
        images.save(noise(1, (4, 4)), {}, REQUEST)
    assert not [path for path in images.folder.rglob("*") if path.is_file()]


def test_the_same_pixels_of_another_request_have_a_file_of_their_own(images: ImageStore) -> None:
    mine = images.save(noise(1, (4, 4)), {"parameters": "mine"}, REQUEST)
    before = images.path(mine, REQUEST).read_bytes()

    assert images.save(noise(1, (4, 4)), {"parameters": "theirs"}, OTHER) == mine
    assert images.path(mine, REQUEST).read_bytes() == before
    assert b"theirs" in images.path(mine, OTHER).read_bytes()
    assert images.copies(mine) == sorted([images.path(mine, REQUEST), images.path(mine, OTHER)])


def test_pixels_are_read_from_any_sound_file(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {}, REQUEST)
    images.save(noise(1, (4, 4)), {}, OTHER)
    for damaged, whole in ((REQUEST, OTHER), (OTHER, REQUEST)):
        content = images.path(sha256, damaged).read_bytes()
        images.path(sha256, damaged).write_bytes(content[:-20])
        assert images.open(sha256).tobytes() == noise(1, (4, 4)).tobytes()
        images.path(sha256, damaged).write_bytes(content)
        assert images.verified(images.path(sha256, whole)).tobytes() == noise(1, (4, 4)).tobytes()


def test_a_picture_that_is_opened_tells_no_words(images: ImageStore) -> None:
    sha256 = images.save(noise(1, (4, 4)), {"parameters": "mine"}, REQUEST)

    assert images.open(sha256).info == {}


def earlier_file(images: ImageStore, picture: Image.Image, text: str) -> Path:
    """A file as older versions wrote it, with the text of the turn that came first."""
    sha256 = hashlib.sha256(picture.tobytes()).hexdigest()
    path = images.folder / sha256[:2] / f"{sha256}.png"
    path.parent.mkdir(parents=True)
    info = PngInfo()
    info.add_text("parameters", text)
    picture.save(path, pnginfo=info)
    return path


def test_a_file_of_an_earlier_notthat_is_found_until_there_is_one_of_the_request(images: ImageStore) -> None:
    path = earlier_file(images, noise(1, (4, 4)), "whose?")
    sha256 = path.stem
    assert images.existing(sha256, REQUEST) == images.existing(sha256, OTHER) == path
    assert list(images.pictures()) == [(sha256, path)]
    assert images.open(sha256).tobytes() == noise(1, (4, 4)).tobytes()

    images.save(noise(1, (4, 4)), {"parameters": "mine"}, REQUEST)
    assert images.existing(sha256, REQUEST) == images.path(sha256, REQUEST)
    assert images.existing(sha256, OTHER) == path


def test_a_png_is_read_with_the_text_that_is_asked_for(images: ImageStore) -> None:
    path = earlier_file(images, noise(1, (4, 4)), "whose?")
    content = images.png(path, {"parameters": "mine"})

    assert b"whose?" not in content
    assert content == images.png(path, {"parameters": "mine"})
    with Image.open(io.BytesIO(content)) as image:
        assert image.text == {"parameters": "mine"}  # type: ignore[attr-defined]
        assert image.tobytes() == noise(1, (4, 4)).tobytes()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedPictureError, match="can't be read"):
        images.png(path, {})
    path.unlink()
    with pytest.raises(MissingPictureError, match="is gone"):
        images.png(path, {})


texts = st.dictionaries(st.sampled_from(["parameters", "notthat"]), st.text(st.characters(codec="utf-8"), max_size=50))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


WORDY = [
    chunk(b"tEXt", b"Comment\0secret"),
    chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"secret")),
    chunk(b"iTXt", b"Comment\0\0\0\0\0secret"),
    chunk(b"eXIf", b"II*\0secret"),
    chunk(b"prVt", b"secret"),
]
"""Chunks that hold words, those of programs that we don't know among them."""


@given(
    before=st.lists(st.sampled_from(WORDY), max_size=4),
    after=st.lists(st.sampled_from(WORDY), max_size=4),
    old=texts,
    new=texts,
)
def test_a_text_takes_the_place_of_all_words_and_touches_no_pixel(
    before: list[bytes], after: list[bytes], old: dict[str, str], new: dict[str, str]
) -> None:
    file = io.BytesIO()
    noise(1, (5, 3)).save(file, "PNG")
    plain = file.getvalue()
    told = with_text(plain, old)
    wordy = told[:33] + b"".join(before) + told[33:-12] + b"".join(after) + told[-12:] + b"secret"

    assert with_text(wordy, new) == with_text(plain, new)
    assert with_text(wordy, {}) == plain
    with Image.open(io.BytesIO(with_text(wordy, new))) as image:
        assert image.tobytes() == noise(1, (5, 3)).tobytes()
        image.load()
        assert image.text == new  # type: ignore[attr-defined]


def test_a_text_is_not_written_to_what_is_no_whole_png() -> None:
    file = io.BytesIO()
    noise(1, (5, 3)).save(file, "PNG")
    whole = file.getvalue()

    for end in range(len(whole)):
        with pytest.raises(ValueError, match=r"it is no PNG|it ends too early|a checksum is wrong"):
            with_text(whole[:end], {})
    for position in range(8, len(whole)):
        with pytest.raises(ValueError, match=r"it ends too early|a checksum is wrong"):
            with_text(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :], {})
    with pytest.raises(ValueError, match="its header is missing"):
        with_text(whole[:8] + whole[33:], {})
