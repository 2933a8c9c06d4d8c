"""The files of a picture to start from and its mask, as values of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import InvalidInputError
from ....generation.engine import no_images
from ....generation.input_image import DEFAULT_STRENGTH, read_input_image, read_mask
from ....storage.images import pixels_sha256

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass
class SourceFiles:
    """Pictures by the hash of their pixels, and the request's values that name them."""

    images: "dict[str, Image]" = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    has_strength: bool = False
    """Whether the strength was given."""

    @classmethod
    def read(cls, picture: Path | None, strength: float | None, mask: Path | None) -> "SourceFiles":
        """Read the files of `--init-image` and `--mask`.

        Raises:
            InvalidInputError: a file is no picture, or a mask or a strength is given without a picture.
        """
        if picture is None:
            if mask is not None or strength is not None:
                raise InvalidInputError("--strength and --mask need a picture to start from: give --init-image FILE")
            return cls()
        values = {"strength": DEFAULT_STRENGTH if strength is None else strength}
        found = cls(values=values, has_strength=strength is not None)
        found._add("init_image", read_input_image(_read_bytes(picture), str(picture)))
        if mask is not None:
            found._add("mask_image", read_mask(_read_bytes(mask), str(mask)).convert("RGB"))
        return found

    def over(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """These values, with the strength of a picture's metadata where none was given."""
        has_own = "strength" in values or values.get("init_image") is not None
        if not self.images or self.has_strength or not has_own:
            return self.values
        return {**self.values, "strength": values.get("strength", 1.0)}

    @property
    def size(self) -> tuple[int, int] | None:
        """The width and height of the picture to start from, in pixels."""
        return self.images[self.values["init_image"]].size if self.images else None

    def open(self, sha256: str) -> "Image":
        """The picture of a hash.

        Raises:
            InvalidRequestError: it is not among the files.
        """
        return self.images.get(sha256) or no_images(sha256)

    def _add(self, name: str, image: "Image") -> None:
        self.values[name] = pixels_sha256(image)
        self.images[self.values[name]] = image


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(f"there is no file {path}") from None
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read: {error.strerror or error}") from None
