"""Pictures as PNG files that are named after the hash of their pixels and a digest of their turn's request.

Turns with equal pixels but different requests have separate files, because the PNG's text contains the request.
"""

import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import InvalidInputError
from .errors import DamagedPictureError, MissingPictureError, StorageError
from .picture_files import FolderFiles, PictureFile, PictureFiles

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"([0-9a-f]{64})(-[0-9a-f]{16})?")
_COMPRESSION = 3
"""Of zlib's levels 0 to 9. The default of 6 takes twice as long, and files are only 5% smaller."""
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises for a damaged PNG."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD = struct.Struct(">I4s")
_CRC = struct.Struct(">I")
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
"""Chunks that determine the pixels. Other chunks may contain text."""


class ImageStore:
    """Pictures in a folder or an object store: `ab/abcdef…-0123….png` holds RGB pixels with the SHA-256 `abcdef…`.

    `0123…` is a digest of the turn's request. Files of older versions have no digest and are shared by turns with
    different requests; their text belongs to one of these turns. Use `png` to read a turn's PNG with its own text.
    Files are written atomically. Object stores have no files of older versions.
    """

    def __init__(self, files: Path | PictureFiles) -> None:
        """Use a folder, or other files."""
        self.files = FolderFiles(files) if isinstance(files, Path) else files
        self.place = self.files.place
        """The folder's path or the store's URL, for messages."""

    @classmethod
    def at(cls, url: str | None, home: Path) -> "ImageStore":
        """The pictures at `url`, `s3://bucket/prefix`; by default those in the folder `images` of `home`.

        Raises:
            InvalidInputError: if `url` is invalid, or the extra for it is not installed.
        """
        if url is None:
            return cls(home / "images")
        from .object_store import ObjectStoreFiles

        return cls(ObjectStoreFiles(url))

    @property
    def folder(self) -> Path:
        """The folder. Only for stores that are one."""
        assert isinstance(self.files, FolderFiles)
        return self.files.folder

    def save(
        self, image: Image.Image, text: Mapping[str, str], request: Mapping[str, Any], *, rewrite: bool = False
    ) -> str:
        """Store `image` as RGB with `text` as the PNG's text chunks, and return the SHA-256 of its pixels.

        `text` describes `request`. An intact file of the same pixels and request is kept. The file is durable before
        this returns.

        Raises:
            StorageError: if the file cannot be written.
        """
        self.check_place()
        rgb = image.convert("RGB")
        sha256 = pixels_sha256(rgb)
        path = self.path(sha256, request)
        if not rewrite and self._is_sound(path):
            self.files.ensure_durable(path)  # the process that wrote it may have ended before this
        else:
            self.files.write(path, encode_png(rgb, text))
        self.check_place()  # also if the folder was just created
        return sha256

    def save_source(self, image: Image.Image) -> str:
        """Store a picture that turns start from, as RGB without text, and return the SHA-256 of its pixels.

        Saving it again makes its file as good as new, so that `prune` does not delete it before a turn names it.

        Raises:
            StorageError: if the file cannot be written.
        """
        self.check_place()
        rgb = image.convert("RGB")
        sha256 = pixels_sha256(rgb)
        file = self.source_path(sha256)
        if self._is_sound(file):
            self.files.refresh(file)
        else:
            self.files.write(file, encode_png(rgb, {}))
        self.check_place()
        return sha256

    def source_path(self, sha256: str) -> PictureFile:
        """The file of a picture that turns start from, whether or not it exists.

        Raises:
            InvalidInputError: if `sha256` is not a hash.
        """
        return self._shared(sha256)

    def path(self, sha256: str, request: Mapping[str, Any]) -> PictureFile:
        """The file of a picture drawn from `request`, whether or not it exists.

        Raises:
            InvalidInputError: if `sha256` is not a hash.
        """
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        return self.files.file(f"{_check_hash(sha256)}-{digest[:16]}")

    def existing(self, sha256: str, request: Mapping[str, Any]) -> PictureFile:
        """Like `path`, but the file of an older version if only that exists."""
        path, shared = self.path(sha256, request), self._shared(sha256)
        if not isinstance(self.files, FolderFiles):
            return path
        return shared if not path.exists() and shared.exists() else path

    def exists(self, file: PictureFile) -> bool:
        """Raises `StorageError` if the place cannot be used."""
        return self.files.exists(file)

    def copies(self, sha256: str) -> Sequence[PictureFile]:
        """All files with these pixels, sorted."""
        return self.files.starting_with(_check_hash(sha256))

    def check_place(self) -> None:
        """Raise `StorageError` if the folder was moved or replaced since it was opened, or is inaccessible."""
        self.files.check()

    def check_ready(self) -> None:
        """Raise `StorageError` if pictures cannot be read now."""
        self.files.check_ready()

    def open(self, sha256: str) -> Image.Image:
        """The verified pixels of any file with this hash.

        Raises:
            MissingPictureError: if there is no file.
            DamagedPictureError: if all files are damaged.
        """
        last_error: StorageError | None = None
        for path in self.copies(sha256):
            try:
                return self.verified(path)
            except StorageError as error:
                last_error = error
        raise last_error or _missing_error(self._shared(sha256))

    def verified(self, path: PictureFile) -> Image.Image:
        """The pixels of a file, verified against the hash in its name. Raises as `open` does."""
        content = self._read(path)
        try:
            image: Image.Image = Image.open(BytesIO(content), formats=["PNG"])
            image.load()
            is_intact = pixels_sha256(image) == path.name[:64]
        except DAMAGE as error:
            raise _damage_error(path) from error
        if not is_intact:
            raise DamagedPictureError(f"the picture {path} was changed: its pixels do not match its name")
        return without_words(image)

    def png(self, path: PictureFile, text: Mapping[str, str]) -> bytes:
        """A file's PNG with these text chunks in place of its own. Raises as `open` does."""
        content = self._read(path)
        try:
            return with_text(content, text)
        except ValueError as error:
            raise _damage_error(path) from error

    def pictures(self) -> Iterator[tuple[str, PictureFile]]:
        """Hash and file of each picture, in no particular order."""
        for file in self.files.all():
            if match := _FILE.fullmatch(file.name.removesuffix(".png")):
                yield match[1], file

    def temporary(self, older_than: float = math.inf) -> Iterator[PictureFile]:
        """Files that are being written, or that a crash left incomplete, last written before `older_than`."""
        yield from self.files.temporary(older_than)

    def _shared(self, sha256: str) -> PictureFile:
        """The file of a picture without a request; older versions used it for every picture."""
        return self.files.file(_check_hash(sha256))

    def _read(self, file: PictureFile) -> bytes:
        content = self.files.read(file)
        if content is None:
            raise _missing_error(file)
        return content

    def _is_sound(self, path: PictureFile) -> bool:
        try:
            self.verified(path)
        except (MissingPictureError, DamagedPictureError):
            return False
        return True


def pixels_sha256(image: Image.Image) -> str:
    """The SHA-256 of the RGB pixels, in hexadecimal."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()


def encode_png(image: Image.Image, text: Mapping[str, str]) -> bytes:
    file = BytesIO()
    image.save(file, format="PNG", compress_level=_COMPRESSION)
    return with_text(file.getvalue(), text)


def with_text(content: bytes, text: Mapping[str, str]) -> bytes:
    """The PNG with these text chunks in place of its own. Chunks that determine the pixels are copied unchanged.

    Raises:
        ValueError: if `content` is incomplete or has a wrong checksum.
    """
    header, *pixels = _extract_pixel_chunks(content)
    info = PngInfo()
    for key, value in text.items():
        info.add_text(key, value)  # writes UTF-8 iTXt chunks for text outside Latin-1
    text_chunks = [_build_chunk(kind, body) for kind, body, *_ in info.chunks]
    return b"".join([_SIGNATURE, header, *text_chunks, *pixels])


def _extract_pixel_chunks(content: bytes) -> list[bytes]:
    if not content.startswith(_SIGNATURE):
        raise ValueError("it is no PNG")
    chunks: list[bytes] = []
    kind, position = b"", len(_SIGNATURE)
    while kind != b"IEND":
        if position + _CHUNK_HEAD.size > len(content):
            raise ValueError("it ends too early")
        length, kind = _CHUNK_HEAD.unpack_from(content, position)
        begin, position = position, position + _CHUNK_HEAD.size + length + _CRC.size
        chunk = content[begin:position]
        if chunk != _build_chunk(kind, chunk[_CHUNK_HEAD.size : -_CRC.size]):
            raise ValueError("a checksum is wrong")
        if kind in _PIXEL_CHUNKS:
            chunks.append(chunk)
    if not chunks[0].startswith(b"IHDR", 4):
        raise ValueError("its header is missing")
    return chunks


def _build_chunk(kind: bytes, body: bytes) -> bytes:
    return _CHUNK_HEAD.pack(len(body), kind) + body + _CRC.pack(zlib.crc32(body, zlib.crc32(kind)))


def without_words(image: Image.Image) -> Image.Image:
    """A copy of the picture as RGB, without metadata."""
    rgb = image.convert("RGB")
    rgb.info.clear()
    return rgb


def _check_hash(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise InvalidInputError("a picture's name is the SHA-256 of its pixels: give all 64 hexadecimal digits")
    return sha256


def _missing_error(path: PictureFile) -> MissingPictureError:
    return MissingPictureError(f"the picture {path} is gone: restore it, or draw it again from its turn's seed")


def _damage_error(path: PictureFile) -> DamagedPictureError:
    return DamagedPictureError(f"the picture {path} can't be read: restore it, or draw it again from its turn's seed")
