"""Pictures as PNG files, each named after its pixels and its turn's request, so that none is changed unseen.

Two turns may come to the same pixels by different words. They share no file, because a PNG's text says the words.
"""

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import InvalidInputError
from .atomic_files import atomic_write, make_folder, sync_folder
from .error_translation import translate_errors
from .errors import DamagedPictureError, MissingPictureError, StorageError
from .placement import OpenedFolder

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"([0-9a-f]{64})(-[0-9a-f]{16})?")
_COMPRESSION = 3
"""Of zlib's nine: the default of six takes twice as long for files that are a twentieth smaller."""
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises on a file that isn't a whole PNG."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD = struct.Struct(">I4s")
_CRC = struct.Struct(">I")
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""The chunks that decide the pixels; every other one may hold words."""


class ImageStore:
    """A folder of pictures: `ab/abcdef…-0123….png` holds RGB pixels with the SHA-256 `abcdef…`.

    `0123…` is a digest of the turn's request. Homes of an earlier notthat have files without it: turns of different
    words share them, and their text is that of one of these turns. So take a turn's PNG from `png`, with its own text.
    A file appears under its name whole or not at all, as `files` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._opened = OpenedFolder(self.folder)

    def save(self, image: Image.Image, text: Mapping[str, str], request: Mapping[str, Any]) -> str:
        """Keep `image` as RGB, with `text` as the PNG's text chunks, and return its pixels' SHA-256.

        `text` tells of `request`. A sound file of the same pixels and request is kept as it is. When this
        returns, the picture outlasts a power cut. Raises `StorageError` when it can't be written.
        """
        self.check_place()
        rgb = image.convert("RGB")
        sha256 = pixels_sha256(rgb)
        path = self.path(sha256, request)
        with translate_errors(self.folder):
            if self._is_sound(path):
                sync_folder(path.parent)  # whoever wrote it may not have come to that
            else:
                make_folder(path.parent)
                with atomic_write(path) as file:
                    file.write(encode_png(rgb, text))
        self.check_place()  # of a folder that was just made, too
        return sha256

    def path(self, sha256: str, request: Mapping[str, Any]) -> Path:
        """The file of a picture that was drawn from `request`, there or not.

        Raises `InvalidInputError` when `sha256` is no hash.
        """
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        return self._shared(sha256).with_name(f"{sha256}-{digest[:16]}.png")

    def existing(self, sha256: str, request: Mapping[str, Any]) -> Path:
        """The same, or an earlier notthat's file of these pixels where that is all there is."""
        path, shared = self.path(sha256, request), self._shared(sha256)
        return shared if not path.exists() and shared.exists() else path

    def copies(self, sha256: str) -> list[Path]:
        """All files of these pixels, in an order that stays."""
        return sorted(self._shared(sha256).parent.glob(f"{sha256}*.png"))

    def check_place(self) -> None:
        """Raise `StorageError` where the folder was moved or replaced since it was opened, or can't be looked at."""
        self._opened.check()

    def open(self, sha256: str) -> Image.Image:
        """The pixels, read whole and verified, of any of their files.

        Raises `MissingPictureError` or `DamagedPictureError`, which name the picture.
        """
        damage: StorageError | None = None
        for path in self.copies(sha256):
            try:
                return self.verified(path)
            except StorageError as error:
                damage = error
        raise damage or _missing(self._shared(sha256))

    def verified(self, path: Path) -> Image.Image:
        """The pixels of a file, read whole and held against its name. Raises as `open` does, naming the file."""
        content = _content(path)
        try:
            image: Image.Image = Image.open(BytesIO(content), formats=["PNG"])
            image.load()
            intact = pixels_sha256(image) == path.name[:64]
        except DAMAGE as error:
            raise _unreadable(path) from error
        if not intact:
            raise DamagedPictureError(
                f"the picture {path} was changed: its pixels are no longer those it is named after"
            )
        return without_words(image)

    def png(self, path: Path, text: Mapping[str, str]) -> bytes:
        """A file's PNG with these text chunks, whatever text the file has. Raises as `open` does."""
        content = _content(path)
        try:
            return with_text(content, text)
        except ValueError as error:
            raise _unreadable(path) from error

    def pictures(self) -> Iterator[tuple[str, Path]]:
        """Every picture's hash and file, in no order."""
        for path in self.folder.glob("??/*.png"):
            if match := _FILE.fullmatch(path.stem):
                yield match[1], path

    def temporary(self) -> Iterator[Path]:
        """The files that are being written, or that a crash left half written."""
        yield from self.folder.glob("??/*.tmp")

    def _shared(self, sha256: str) -> Path:
        """Where an earlier notthat kept the picture."""
        if not _SHA256.fullmatch(sha256):
            raise InvalidInputError("a picture is named by the 64 hexadecimal digits of its pixels' SHA-256")
        return self.folder / sha256[:2] / f"{sha256}.png"

    def _is_sound(self, path: Path) -> bool:
        try:
            self.verified(path)
        except StorageError:
            return False
        return True


def pixels_sha256(image: Image.Image) -> str:
    """What a picture is named by: the SHA-256 of its RGB pixels, in hexadecimal."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()


def encode_png(image: Image.Image, text: Mapping[str, str]) -> bytes:
    """The picture as the bytes of a PNG with these text chunks."""
    file = BytesIO()
    image.save(file, format="PNG", compress_level=_COMPRESSION)
    return with_text(file.getvalue(), text)


def with_text(content: bytes, text: Mapping[str, str]) -> bytes:
    """The PNG with these text chunks and no other: what decides its pixels is kept byte for byte.

    Raises `ValueError` where `content` is not a whole PNG, or a checksum in it is wrong.
    """
    header, *pixels = _pixel_chunks(content)
    info = PngInfo()
    for key, value in text.items():
        info.add_text(key, value)  # which makes an iTXt chunk, in UTF-8, where Latin-1 doesn't suffice
    words = [_chunk(kind, body) for kind, body, *_ in info.chunks]
    return b"".join([_SIGNATURE, header, *words, *pixels])


def _pixel_chunks(content: bytes) -> list[bytes]:
    if not content.startswith(_SIGNATURE):
        raise ValueError("it is no PNG")
    kept: list[bytes] = []
    kind, position = b"", len(_SIGNATURE)
    while kind != b"IEND":
        if position + _CHUNK_HEAD.size > len(content):
            raise ValueError("it ends too early")
        length, kind = _CHUNK_HEAD.unpack_from(content, position)
        begin, position = position, position + _CHUNK_HEAD.size + length + _CRC.size
        chunk = content[begin:position]
        if chunk != _chunk(kind, chunk[_CHUNK_HEAD.size : -_CRC.size]):
            raise ValueError("a checksum is wrong")
        if kind in _PIXEL_CHUNKS:
            kept.append(chunk)
    if not kept[0].startswith(b"IHDR", 4):
        raise ValueError("its header is missing")
    return kept


def _chunk(kind: bytes, body: bytes) -> bytes:
    return _CHUNK_HEAD.pack(len(body), kind) + body + _CRC.pack(zlib.crc32(body, zlib.crc32(kind)))


def without_words(image: Image.Image) -> Image.Image:
    """The picture's RGB pixels alone, without what its file said besides."""
    rgb = image.convert("RGB")  # a copy
    rgb.info.clear()
    return rgb


def _content(path: Path) -> bytes:
    with translate_errors(path):
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise _missing(path) from error


def _missing(path: Path) -> MissingPictureError:
    return MissingPictureError(f"the picture {path} is gone: restore it, or draw it again from its turn's seed")


def _unreadable(path: Path) -> DamagedPictureError:
    return DamagedPictureError(f"the picture {path} can't be read: restore it, or draw it again from its turn's seed")
