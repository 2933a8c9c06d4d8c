"""The texts in the file of a picture that say how it was made, wherever programs put them."""

import json
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base

from .errors import InvalidRequestError

_FORMATS = ["PNG", "JPEG", "WEBP"]
_ENCODINGS = {b"UNICODE\0": "", b"ASCII\0\0\0": "ascii", b"\0" * 8: "utf-8"}
"""The first eight bytes of a user comment in EXIF; UNICODE is UTF-16 of either byte order."""
_STEALTH = b"stealth_pngcomp"
_MOST_BYTES = 1 << 20
"""Of a text hidden in pixels."""


def read_picture_text(file: Path | IO[bytes]) -> dict[str, str]:
    """The texts of a PNG, JPEG or WebP by key. EXIF's user comment is `parameters`, as in AUTOMATIC1111's files.

    ComfyUI writes `KEY:TEXT` into other tags of a WebP. The pixels are read only where a PNG has none of these texts
    but an alpha channel, in whose lowest bits NovelAI writes them.

    Raises:
        InvalidRequestError: the file can't be read as one of these.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of damaged EXIF
            return _read_texts(file)
    except FileNotFoundError:
        raise InvalidRequestError(f"there is no file {file}") from None
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning):
        name = file if isinstance(file, Path) else "the picture"
        raise InvalidRequestError(f"{name} can't be read as a PNG, JPEG or WebP") from None


def _read_texts(file: Path | IO[bytes]) -> dict[str, str]:
    with Image.open(file, formats=_FORMATS) as image:
        found = {key: text for key, text in image.info.items() if isinstance(key, str) and isinstance(text, str)}
        found = {**dict(_read_exif(image.getexif())), **found}
        if not found.keys() & _KEYS and image.mode == "RGBA":
            found |= _read_stealth(np.asarray(image.getchannel("A")))
        return found


_BROKEN = (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error)
"""What Pillow raises of a damaged file or EXIF."""
_KEYS = {"notthat", "parameters", "invokeai_metadata", "Comment", "prompt"}


def _read_exif(exif: Image.Exif) -> Iterator[tuple[str, str]]:
    for tag in (Base.Make, Base.Model, Base.ImageDescription):
        key, colon, text = str(exif.get(tag, "")).partition(":")
        if colon and key in ("prompt", "workflow"):
            yield key, text
        elif tag == Base.Model and str(exif.get(tag, "")).startswith("{"):  # SwarmUI's older files
            yield "parameters", str(exif[tag])
    comment: Any = exif.get_ifd(IFD.Exif).get(Base.UserComment, exif.get(Base.UserComment))
    if text := _decode_comment(comment):
        yield "parameters", text


def _decode_comment(comment: bytes | str | None) -> str:
    if comment is None or isinstance(comment, str):
        return comment or ""
    encoding = _ENCODINGS.get(comment[:8])
    if encoding is None:
        return comment.decode("utf-8", "replace").strip("\0 ")
    text = comment[8:]
    if not encoding:  # most characters are ASCII, whose other byte is zero
        encoding = "utf-16-be" if text[::2].count(0) >= text[1::2].count(0) else "utf-16-le"
    return text.decode(encoding, "replace").strip("\0 ")


def _read_stealth(alpha: "np.ndarray[Any, Any]") -> dict[str, str]:
    """The texts in the lowest bits of an alpha channel, column by column: a mark, the length in bits, and a gzip."""
    begin = len(_STEALTH) + 4
    head = np.packbits(alpha.T.reshape(-1)[: 8 * begin] & 1).tobytes()
    if not head.startswith(_STEALTH):
        return {}
    length = min(int.from_bytes(head[-4:], "big") // 8, _MOST_BYTES)
    packed = np.packbits(alpha.T.reshape(-1)[8 * begin : 8 * (begin + length)] & 1).tobytes()
    try:
        text = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(packed, _MOST_BYTES).decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return {}
    try:
        named = json.loads(text)
    except (ValueError, RecursionError):
        return {"parameters": text}
    texts = named.items() if isinstance(named, dict) else []
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in texts}
