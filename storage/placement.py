"""Detects that an open file or folder was moved or replaced.

A process can keep writing to a file that was moved away, but after a restart that data is missing.
"""

import os
import weakref
from pathlib import Path

from .error_translation import translate_errors
from .errors import StorageError

Identity = tuple[int, int]
"""Device and inode."""


class OpenedFile:
    """A file, identified by its inode. The file is not opened, because closing it would release SQLite's locks."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._identity = _read_identity(self._path)

    def check(self) -> None:
        """Raise `StorageError` if the file is missing or was replaced."""
        if _read_identity(self._path) != self._identity:
            raise _moved_error(self._path)


class OpenedFolder:
    """A folder, identified from when it exists. It is kept open, so that its inode stays valid on all file systems."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._open_descriptor()

    def check(self) -> None:
        """Raise `StorageError` if the folder existed, and is now missing or was replaced."""
        if self._descriptor is None:
            self._open_descriptor()
        elif _read_identity(self._path) != _get_identity(os.fstat(self._descriptor)):
            raise _moved_error(self._path)

    def _open_descriptor(self) -> None:
        if os.name == "nt" or not self._path.is_dir():  # Windows does not allow open folders to be moved
            return
        with translate_errors(self._path):
            self._descriptor = os.open(self._path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)


def _read_identity(path: Path) -> Identity | None:
    try:
        with translate_errors(path):
            return _get_identity(path.stat())
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _get_identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _moved_error(path: Path) -> StorageError:
    return StorageError(f"{path} was moved or replaced while in use: put it back, or restart notthat")
