"""Pictures that requests bring: decoded in threads, recognised as a turn's own, or stored to start a session from."""

import asyncio
from collections.abc import Sequence
from functools import partial

from PIL import Image

from ....errors import InvalidInputError
from ....generation.input_image import data_url_bytes
from ...conversation import Turn
from ...source_picture import PictureLike, SourcePicture, StoredSource, find_own_turn
from ...studio import Studio
from .auth import Principal
from .jobs.worker_threads import WorkerThreads

MOST_BYTES = 32 << 20
"""Maximum bytes of a request with pictures."""
MOST_FILE_BYTES = (MOST_BYTES - (2 << 20)) * 3 // 4
"""Maximum bytes of a picture's file in JSON: base64 is a third longer, and there may be a mask."""
_AT_ONCE = 2
"""Pictures that are decoded at the same time: a large one needs some hundred megabytes."""
_MOST_PICTURES = 16

Content = str | bytes | Image.Image
"""A data URL, the bytes of a file, or a picture."""


class InputPictures:
    """Raises `InvalidInputError` with one line for what is no picture. No address is fetched."""

    def __init__(self, studio: Studio, threads: WorkerThreads) -> None:
        self._store, self._threads = studio.store, threads
        self._decoding = asyncio.Semaphore(_AT_ONCE)

    async def read(self, picture: Content, strength: float | None = None, mask: Content | None = None) -> SourcePicture:
        """Decode a picture and its mask."""
        async with self._decoding:
            return await self._threads.run(partial(_read, picture, strength, mask))

    async def find_own_turn(self, principal: Principal, picture: SourcePicture) -> Turn | None:
        """The newest turn of the caller's own sessions that drew exactly these pixels.

        A picture of another key's session is a picture like any other, also for an admin.
        """
        return await self._threads.run(partial(find_own_turn, self._store, picture.image, principal.id))

    async def choose(self, principal: Principal, contents: Sequence[Content]) -> tuple[SourcePicture, Turn | None]:
        """The picture to go on from: the last one that the caller's sessions drew, with its turn; else the first."""
        if len(contents) > _MOST_PICTURES:
            raise InvalidInputError(f"{len(contents)} pictures are too many: send at most {_MOST_PICTURES}")
        first: SourcePicture | None = None
        for content in reversed(contents):
            picture = await self.read(content)
            if (turn := await self.find_own_turn(principal, picture)) is not None:
                return picture, turn
            first = picture
        if first is None:
            raise ValueError("there is no picture")
        return first, None

    async def save(self, picture: SourcePicture) -> StoredSource:
        """Store a picture and its mask. Where no turn comes to use them, `notthat db prune` deletes them."""
        return await self._threads.run(partial(picture.save, self._store))


def _read(picture: Content, strength: float | None, mask: Content | None) -> SourcePicture:
    area = None if mask is None else _content(mask, "the mask")
    return SourcePicture.read(_content(picture, "the picture"), strength, area)


def _content(content: Content, name: str) -> PictureLike:
    return data_url_bytes(content, name) if isinstance(content, str) else content
