"""Files and folders that outlast a power cut once the call that makes them has returned."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write to a file that appears under its name when the block is done, whole, or not at all.

    It is written beside it under a name that ends in `.tmp`, which is all that a crash can leave behind.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # before the name is there: it must never lead to half a file
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        with suppress(OSError):  # after an error; and there is one that is worth more than this one's
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, where there are none."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder last as its files do."""
    if os.name == "nt":  # Windows opens no folders, and keeps their entries without being asked
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
