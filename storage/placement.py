"""Files and folders that have to stay where they were opened.

A file that is moved away while it is in use goes on to be written, and all of that is gone at the next start.
"""

import os
import weakref
from pathlib import Path

from .error_translation import translate_errors
from .errors import StorageError

Identity = tuple[int, int]
"""The device and the inode."""


class OpenedFile:
    """A file, known by its inode. It is not opened here: to close it again would give up SQLite's locks on it."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._identity = _identity_of(self._path)

    def check(self) -> None:
        """Raise `StorageError` where another file is there now, or none."""
        if _identity_of(self._path) != self._identity:
            raise _moved(self._path)


class OpenedFolder:
    """A folder, from when it is there; it is held open, since some file systems number those anew that are not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._hold()

    def check(self) -> None:
        """Raise `StorageError` where it was there, and another folder is there now, or none."""
        if self._descriptor is None:
            self._hold()
        elif _identity_of(self._path) != _identity(os.fstat(self._descriptor)):
            raise _moved(self._path)

    def _hold(self) -> None:
        if os.name == "nt" or not self._path.is_dir():  # Windows lets nobody move what is in use
            return
        with translate_errors(self._path):
            self._descriptor = os.open(self._path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)


def _identity_of(path: Path) -> Identity | None:
    try:
        with translate_errors(path):
            return _identity(path.stat())
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _moved(path: Path) -> StorageError:
    return StorageError(f"{path} was moved or replaced while in use: put it back, or restart notthat")
