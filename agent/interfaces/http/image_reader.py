"""Reads of pictures by the hash of their pixels, done in threads."""

from functools import partial

from ....storage import MissingPictureError, UnknownSessionError, UnknownTurnError
from ...conversation import Turn
from ...studio import Studio
from ...turn_png import build_turn_png
from .auth import Principal
from .jobs.worker_threads import WorkerThreads


class ImageReader:
    """Raises `MissingPictureError` where there is no such picture. Whoever knows a picture's hash may read it."""

    def __init__(self, studio: Studio, threads: WorkerThreads) -> None:
        self._store, self._threads = studio.store, threads

    async def find_turn(self, sha256: str, session: str, number: int) -> Turn:
        """The turn of this number, which must have this picture."""
        try:
            turn: Turn = await self._threads.run(partial(self._store.turn, session, number))
        except (UnknownSessionError, UnknownTurnError):
            raise _missing(sha256) from None
        if turn.sha256 != sha256:
            raise _missing(sha256)
        return turn

    async def find_oldest_turn(self, principal: Principal, sha256: str) -> Turn | None:
        """The caller's oldest turn with this picture, if there is one."""
        return await self._threads.run(lambda: self._store.turn_of_picture(sha256, owner=principal.owner))

    async def load_turn_png(self, turn: Turn) -> bytes:
        """A turn's picture with its metadata."""
        return await self._threads.run(partial(build_turn_png, turn, self._store.images))

    async def load_bare_png(self, sha256: str) -> bytes:
        """A picture without metadata."""
        return await self._threads.run(partial(self._load_bare_png, sha256))

    def _load_bare_png(self, sha256: str) -> bytes:
        copies = self._store.images.copies(sha256)
        if not copies:
            raise _missing(sha256)
        return self._store.images.png(copies[0], {})


def _missing(sha256: str) -> MissingPictureError:
    return MissingPictureError(f"no picture {sha256}")
