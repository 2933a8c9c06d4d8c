"""Pictures that users give: from bytes of any common format to clean RGB pixels."""

import base64
import binascii
import math
import warnings
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import InvalidRequestError

MAX_SIDE = 8192
MAX_PIXELS = 40_000_000
MIN_SIDE = 8
DEFAULT_STRENGTH = 0.6
"""How much of the steps is drawn anew where a request does not say it."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""The formats that are read; an animation counts as its first frame."""

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What Pillow's readers raise for damaged files, besides `struct.error`, which is a ValueError."""


def read_input_image(data: bytes, name: str = "the picture") -> Image.Image:
    """Decode a picture as RGB.

    The orientation of its EXIF data is applied, transparency is put on white, other colour spaces and depths are
    converted, and metadata is dropped. `name` names the picture in errors.

    Raises:
        InvalidRequestError: the bytes are no picture of a known format, are damaged, or the picture is too large.
    """
    return _to_rgb(_open(data, name), name)


def read_mask(data: bytes, name: str = "the mask") -> Image.Image:
    """Decode a mask as a gray picture (mode L): white is drawn anew, black is kept.

    A transparent area of a picture with an alpha channel is white, everything else is black, as in OpenAI's API.

    Raises:
        InvalidRequestError: as `read_input_image`.
    """
    image = _open(data, name)
    with _explain(name):
        image = ImageOps.exif_transpose(image)
        if _has_alpha(image):
            alpha = image.convert("RGBA").getchannel("A")
            if any(alpha.histogram()[:255]):
                return ImageOps.invert(alpha)
    return _to_rgb(image, name).convert("L")


def data_url_bytes(text: str, name: str = "the picture") -> bytes:
    """The bytes of a base64 data URL, or of base64 text alone. Other addresses are refused: nothing is fetched.

    Raises:
        InvalidRequestError: it is no such URL.
    """
    text = text.strip()
    head, comma, body = text.partition(",") if text[:5].lower() == "data:" else ("", ",", text)
    if "://" in text[:64] or not comma or (head and ";base64" not in head.lower()):
        raise InvalidRequestError(f"{name}: no address is fetched: send a base64 data URL (data:image/png;base64,…)")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError(f"{name}: its base64 text is damaged or incomplete") from None


def fit_size(picture: tuple[int, int], model: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The width and height to draw a picture at, in pixels: multiples that are nearest to the picture's.

    A picture with more pixels than the model draws by default is scaled down to about that many. `multiple` is the
    model's; a request's sizes are multiples of 8 besides.
    """
    multiple = math.lcm(multiple, 8)
    width, height = picture
    scale = min(1.0, math.sqrt(model[0] * model[1] / (width * height)))
    sides = (max(multiple, round(side * scale / multiple) * multiple) for side in (width, height))
    return next(sides), next(sides)


class _explain:  # noqa: N801 - a context manager
    """Raises what Pillow raises for damaged files as one line."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._warnings.__exit__(None, None, None)
        if isinstance(error, Image.DecompressionBombError):
            raise InvalidRequestError(_too_large(self._name)) from None
        if isinstance(error, (MemoryError, *_DAMAGE)) and not isinstance(error, InvalidRequestError):
            raise InvalidRequestError(f"{self._name} is damaged or incomplete: save it again as PNG or JPEG") from None


def _open(data: bytes, name: str) -> Image.Image:
    if not data:
        raise InvalidRequestError(f"{name} is empty")
    with _explain(name):
        try:
            image = Image.open(BytesIO(data), formats=FORMATS)
        except UnidentifiedImageError:
            kinds = "PNG, JPEG, WebP, GIF, BMP or TIFF"
            raise InvalidRequestError(f"{name} is no picture that can be read: send {kinds}") from None
    width, height = image.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InvalidRequestError(_too_large(name, f", not {width} x {height}"))
    if min(width, height) < MIN_SIDE:
        raise InvalidRequestError(f"{name} has {width} x {height} pixels: at least {MIN_SIDE} x {MIN_SIDE} are needed")
    return image


def _too_large(name: str, size: str = "") -> str:
    return f"{name} is too large: at most {MAX_SIDE} pixels a side and {MAX_PIXELS // 1_000_000} megapixels{size}"


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    with _explain(name):
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # 16 bits a pixel
            image = image.convert("I").point(lambda value: value / 256).convert("L")
        if _has_alpha(image):
            rgba = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        image = image.convert("RGB")
    image.info.clear()
    return image


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
