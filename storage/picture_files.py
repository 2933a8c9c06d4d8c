"""Where pictures are kept: a folder or an object store, behind one interface."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from .atomic_files import atomic_write, make_folder, sync_folder
from .error_translation import translate_errors
from .placement import OpenedFolder


class PictureFile(Protocol):
    """A picture's file: a `Path`, or an object of an object store. `str` gives its path or its URL."""

    @property
    def name(self) -> str: ...

    def __hash__(self) -> int: ...

    def exists(self) -> bool: ...

    def read_bytes(self) -> bytes: ...

    def as_uri(self) -> str: ...


class PictureFiles(ABC):
    """Files named `ab/NAME.png`, where `ab` are the first characters of NAME.

    All methods raise `StorageError` if the place cannot be used.
    """

    place: str
    """The folder's path or the store's URL, for messages."""

    @abstractmethod
    def file(self, name: str) -> PictureFile:
        """The file of this name, whether or not it exists."""

    @abstractmethod
    def exists(self, file: PictureFile) -> bool: ...

    @abstractmethod
    def read(self, file: PictureFile) -> bytes | None:
        """The content; None if there is no such file."""

    @abstractmethod
    def write(self, file: PictureFile, content: bytes) -> None:
        """Write a file that appears complete or not at all, and is durable once this returns."""

    @abstractmethod
    def ensure_durable(self, file: PictureFile) -> None:
        """Make an existing file durable, which another process may have written just now."""

    @abstractmethod
    def delete(self, file: PictureFile) -> bool:
        """Delete a file. False if there is none."""

    @abstractmethod
    def size(self, file: PictureFile) -> int:
        """Bytes of a file that `all`, `starting_with` or `temporary` gave."""

    @abstractmethod
    def written_at(self, file: PictureFile) -> float:
        """When a file was last written or refreshed, in seconds since the epoch; now, if it is gone meanwhile."""

    @abstractmethod
    def refresh(self, file: PictureFile) -> None:
        """Make an existing file as new as if it had just been written."""

    @abstractmethod
    def starting_with(self, sha256: str) -> Sequence[PictureFile]:
        """All files whose name starts with this hash, sorted."""

    @abstractmethod
    def all(self) -> Iterator[PictureFile]:
        """All files, in no particular order."""

    @abstractmethod
    def temporary(self, older_than: float) -> Iterator[PictureFile]:
        """Files that a crash left incomplete, last written before `older_than` (seconds since the epoch)."""

    @abstractmethod
    def check(self) -> None:
        """Raise `StorageError` if the place was moved or replaced since it was opened."""

    @abstractmethod
    def check_ready(self) -> None:
        """Raise `StorageError` if pictures cannot be read now."""


class FolderFiles(PictureFiles):
    """Files of a folder, written atomically and synced to disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.place = str(self.folder)
        self._opened = OpenedFolder(self.folder)

    def file(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.png"

    def exists(self, file: PictureFile) -> bool:
        return Path(str(file)).exists()

    def read(self, file: PictureFile) -> bytes | None:
        with translate_errors(file):
            try:
                return file.read_bytes()
            except FileNotFoundError:
                return None

    def write(self, file: PictureFile, content: bytes) -> None:
        path = Path(str(file))
        with translate_errors(self.folder):
            make_folder(path.parent)
            with atomic_write(path) as opened:
                opened.write(content)

    def ensure_durable(self, file: PictureFile) -> None:
        with translate_errors(self.folder):
            sync_folder(Path(str(file)).parent)

    def delete(self, file: PictureFile) -> bool:
        with translate_errors(file):
            try:
                Path(str(file)).unlink()
            except FileNotFoundError:
                return False
        return True

    def size(self, file: PictureFile) -> int:
        with translate_errors(file):
            return Path(str(file)).stat().st_size

    def written_at(self, file: PictureFile) -> float:
        with translate_errors(file):
            try:
                return Path(str(file)).stat().st_mtime
            except FileNotFoundError:
                return time.time()

    def refresh(self, file: PictureFile) -> None:
        with translate_errors(file):
            Path(str(file)).touch()

    def starting_with(self, sha256: str) -> Sequence[PictureFile]:
        return sorted(self.file(sha256).parent.glob(f"{sha256}*.png"))

    def all(self) -> Iterator[PictureFile]:
        yield from self.folder.glob("??/*.png")

    def temporary(self, older_than: float) -> Iterator[PictureFile]:
        for path in self.folder.glob("??/*.tmp"):
            try:
                if path.stat().st_mtime < older_than:
                    yield path
            except FileNotFoundError:  # the process that wrote it has just finished
                continue

    def check(self) -> None:
        self._opened.check()

    def check_ready(self) -> None:
        self._opened.check()
