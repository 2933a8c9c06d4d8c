"""A picture that a session starts from: read, kept in the store, and turned into fields of its request."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import InvalidInputError
from ..generation.input_image import DEFAULT_STRENGTH, fit_size, read_input_image, read_mask
from ..generation.request import Defaults, GenerationRequest
from ..storage import Store, TurnRecord
from ..storage.images import pixels_sha256

_STEP = 64
"""Sizes of sessions that start from a picture are multiples of this, which every published model can draw."""
_SMALL = 256
"""Models that draw at most so many pixels in a side are drawn in steps of 8."""

PictureLike = Path | str | bytes | Image.Image
"""A file, its content, or a picture."""


@dataclass(frozen=True)
class SourcePicture:
    """A picture to start from, in RGB. `mask`, in mode L, is white where it is drawn anew.

    `strength` is the share of the steps that is drawn: 0 returns the picture, 1 starts from noise. None is 0.6, or 1
    with a mask.
    """

    image: Image.Image
    strength: float | None = None
    mask: Image.Image | None = None

    @classmethod
    def read(
        cls, picture: PictureLike, strength: float | None = None, mask: PictureLike | None = None
    ) -> "SourcePicture":
        """Decode a picture and its mask.

        Raises:
            InvalidInputError: if a file does not exist, is no picture or is too large, or the strength is not 0 to 1.
        """
        if strength is not None and not 0 <= strength <= 1:
            raise InvalidInputError(f"--strength: between 0 and 1, not {strength:g}")
        image = picture.convert("RGB") if isinstance(picture, Image.Image) else read_input_image(*_content(picture))
        if mask is None:
            return cls(image, strength)
        area = mask.convert("L") if isinstance(mask, Image.Image) else read_mask(*_content(mask))
        if abs(area.width * image.height / (area.height * image.width) - 1) > 0.02:
            raise InvalidInputError(
                f"--mask: it has {area.width} x {area.height} pixels and the picture {image.width} x {image.height}: "
                "give a mask of the same proportions"
            )
        return cls(image, strength, area)

    def save(self, store: Store) -> "StoredSource":
        """Keep the picture and the mask in a store."""
        mask = None if self.mask is None else store.images.save_source(self.mask)
        strength = self.strength if self.strength is not None else DEFAULT_STRENGTH if mask is None else 1.0
        return StoredSource(store.images.save_source(self.image), self.image.size, strength, mask)


@dataclass(frozen=True)
class StoredSource:
    """A stored picture to start from, by the hashes of its pixels; it can be recorded as JSON."""

    image: str
    size: tuple[int, int]
    strength: float
    mask: str | None = None

    def request_fields(self, defaults: Defaults, given: dict[str, Any]) -> dict[str, Any]:
        """The fields of a request that starts from the picture; a size in `given` wins over the picture's."""
        width, height = session_size(self.size, defaults)
        fields = {"init_image": self.image, "mask_image": self.mask, "strength": self.strength}
        return {"width": width, "height": height, **given, **fields}

    def describe(self, request: GenerationRequest) -> str:
        """A sentence for the user: that the session starts from a picture, at which size, and how much may change."""
        width, height = self.size
        sized = (
            "" if self.size == (request.width, request.height) else f", resized to {request.width} x {request.height}"
        )
        area = " where the mask is white" if self.mask is not None else ""
        return f"Starts from your picture of {width} x {height}{sized}, at a strength of {self.strength:g}{area}."


def session_size(size: tuple[int, int], defaults: Defaults) -> tuple[int, int]:
    """The width and height at which a model draws from a picture of this size."""
    model = defaults.width, defaults.height
    return fit_size(size, model, _STEP if min(model) > _SMALL else 8)


def find_own_turn(store: Store, image: Image.Image, owner: str | None = None) -> TurnRecord | None:
    """The newest turn with exactly these pixels, also if the file was saved again; None if nobody drew it here.

    With an `owner`, the id of a key, only in that key's sessions.
    """
    return store.newest_turn_of_picture(pixels_sha256(image), owner=owner)


def _content(picture: Path | str | bytes) -> tuple[bytes, str]:
    """The bytes of a file, and its name for errors."""
    if isinstance(picture, bytes):
        return picture, "the picture"
    path = Path(picture).expanduser()
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise InvalidInputError(f"{picture} can't be read: {error.strerror or error}") from None
