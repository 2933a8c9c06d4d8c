"""Pictures as PNG files, each named after its pixels, so that none is kept twice or changed unseen."""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import InvalidInputError
from .boundary import explained
from .errors import DamagedPictureError, MissingPictureError, StorageError
from .files import make_folder, sync_folder, whole_file
from .placement import OpenedFolder

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMPRESSION = 3
"""Of zlib's nine: the default of six takes twice as long for files that are a twentieth smaller."""
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises on a file that isn't a whole PNG."""


class ImageStore:
    """A folder of pictures: `ab/abcdef….png` holds the one whose RGB pixels have the SHA-256 `abcdef…`.

    A file appears under its name whole or not at all, as `files` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._opened = OpenedFolder(self.folder)

    def save(self, image: Image.Image, text: Mapping[str, str]) -> str:
        """Keep `image` as RGB, with `text` as the PNG's text chunks, and return its pixels' SHA-256.

        A sound file of the same pixels is kept as it is, with the text it has. When this returns, the
        picture outlasts a power cut. Raises `StorageError` when it can't be written.
        """
        self.check_place()
        rgb = image.convert("RGB")
        sha256 = pixels_sha256(rgb)
        path = self.path(sha256)
        with explained(self.folder):
            if self._is_sound(sha256):
                sync_folder(path.parent)  # whoever wrote it may not have come to that
            else:
                make_folder(path.parent)
                with whole_file(path) as file:
                    file.write(encoded(rgb, text))
        self.check_place()  # of a folder that was just made, too
        return sha256

    def check_place(self) -> None:
        """Raise `StorageError` where the folder was moved or replaced since it was opened, or can't be looked at."""
        self._opened.check()

    def path(self, sha256: str) -> Path:
        """Where the picture of this hash is, or would be. Raises `InvalidInputError` when it is no hash."""
        if not _SHA256.fullmatch(sha256):
            raise InvalidInputError("a picture is named by the 64 hexadecimal digits of its pixels' SHA-256")
        return self.folder / sha256[:2] / f"{sha256}.png"

    def open(self, sha256: str) -> Image.Image:
        """The picture, read whole and verified; its text chunks are in its `text`.

        Raises `MissingPictureError` or `DamagedPictureError`, which name the file.
        """
        path = self.path(sha256)
        with explained(path):
            try:
                content = path.read_bytes()
            except FileNotFoundError as error:
                raise MissingPictureError(
                    f"the picture {path} is gone: restore it, or draw it again from its turn's seed"
                ) from error
        try:
            image = Image.open(BytesIO(content), formats=["PNG"])
            image.load()
            intact = pixels_sha256(image) == sha256
        except DAMAGE as error:
            raise DamagedPictureError(
                f"the picture {path} can't be read: restore it, or draw it again from its turn's seed"
            ) from error
        if not intact:
            raise DamagedPictureError(
                f"the picture {path} was changed: its pixels are no longer those it is named after"
            )
        return image

    def pictures(self) -> Iterator[tuple[str, Path]]:
        """Every picture's hash and file, in no order."""
        for path in self.folder.glob("??/*.png"):
            if _SHA256.fullmatch(path.stem):
                yield path.stem, path

    def temporary(self) -> Iterator[Path]:
        """The files that are being written, or that a crash left half written."""
        yield from self.folder.glob("??/*.tmp")

    def _is_sound(self, sha256: str) -> bool:
        try:
            self.open(sha256)
        except StorageError:
            return False
        return True


def pixels_sha256(image: Image.Image) -> str:
    """What a picture is named by: the SHA-256 of its RGB pixels, in hexadecimal."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()


def encoded(image: Image.Image, text: Mapping[str, str]) -> bytes:
    """The picture as the bytes of a PNG with these text chunks."""
    chunks = PngInfo()
    for key, value in text.items():
        chunks.add_text(key, value)  # which writes an iTXt chunk, in UTF-8, where Latin-1 doesn't suffice
    file = BytesIO()
    image.save(file, format="PNG", pnginfo=chunks, compress_level=_COMPRESSION)
    return file.getvalue()
