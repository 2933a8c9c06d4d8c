"""Exports and imports of sessions, in threads and on temporary files without a name, so that a crash leaves none."""

import asyncio
import tempfile
from functools import partial
from typing import IO

from ....errors import NotthatError
from ....storage import read_archive, write_archive
from ...studio import Studio
from ...turn_png import turn_png_text
from .auth import Principal
from .config import ServerConfig
from .import_admission import Admission
from .jobs.worker_threads import WorkerThreads

_MAX_CONCURRENT = 2
"""Archives take long: so many threads at most read or write one."""
_NAME = "the archive"


class SessionArchives:
    """Writes sessions to zip files and reads them back."""

    def __init__(self, studio: Studio, config: ServerConfig, threads: WorkerThreads) -> None:
        self._studio, self._config, self._threads = studio, config, threads
        self._semaphore = asyncio.Semaphore(_MAX_CONCURRENT)

    async def export_session(self, session: str) -> tuple[IO[bytes], int]:
        """A session's archive, open at its beginning, and its size in bytes. Close the file after reading it."""
        async with self._semaphore:
            return await self._threads.run(partial(self._write, session))

    async def import_session(self, principal: Principal, file: IO[bytes]) -> str:
        """Store an archive's session as the caller's, and return its id.

        Raises `Problem` or `InvalidInputError` where it breaks the key's policies or limits, or names local files.
        """
        admission = Admission(self._studio, self._config, principal)
        read = partial(
            read_archive,
            self._studio.store,
            file,
            _NAME,
            admission.check_turn,
            turn_png_text,
            check_session=admission.check_session,
            owner=principal.id,
        )
        async with self._semaphore:
            return await self._threads.run(read)

    def _write(self, session: str) -> tuple[IO[bytes], int]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            write_archive(self._studio.store, session, file, turn_png_text)
            size = file.tell()
            file.seek(0)
        except BaseException as error:
            file.close()
            if isinstance(error, OSError):
                raise NotthatError(f"{_NAME} can't be written: {error.strerror or error}") from error
            raise
        return file, size
