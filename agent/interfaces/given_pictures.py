"""Pictures that a caller names by a path or sends as a data URL, and those among them that a session drew."""

from collections.abc import Iterable
from pathlib import Path

from ...errors import InvalidInputError
from ...generation.input_image import data_url_bytes
from ..conversation import Turn


def locate(picture: str) -> Path | bytes:
    """The path of a file on this machine, or the content of a data URL. Raises `InvalidInputError` for an address."""
    is_path = picture[:5].lower() != "data:" and "://" not in picture
    return Path(picture) if is_path else data_url_bytes(picture)


def refuse_start_options(own: Turn, given: Iterable[str]) -> None:
    """Raise `InvalidInputError` if options of a new session are `given` with a picture whose session goes on."""
    for name in given:
        raise InvalidInputError(
            f"{name}: this picture is turn {own.number} of session {own.session}, which keeps its options: omit this, "
            "or give strength to start a new session from the picture"
        )
