"""Looking after a store: what is wrong with it, and what takes up room in it for nothing."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .boundary import explained
from .errors import MissingPictureError, StorageError
from .store import Store

STALE_SECONDS = 3600.0
"""A temporary file of this age is nobody's any more: writing a picture takes far less."""


@dataclass(frozen=True)
class Finding:
    """Something that `check` found: where, and in one line what."""

    kind: Literal["database", "missing picture", "damaged picture", "unused picture", "temporary file"]
    place: str
    message: str

    @property
    def harmless(self) -> bool:
        """Whether it only takes up room, which `prune` frees."""
        return self.kind in ("unused picture", "temporary file")


@dataclass(frozen=True)
class Pruned:
    """The files that `prune` deleted, or would delete, and the bytes they take up."""

    pictures: tuple[Path, ...]
    temporary: tuple[Path, ...]
    bytes: int


def check(store: Store) -> list[Finding]:
    """Look at all there is, every picture's pixels included, and change nothing. Empty: all is well."""
    findings: list[Finding] = []
    named: dict[str, str] = {}
    try:
        findings += (Finding("database", store.place, message) for message in store.damage())
        for session in store.sessions():
            if session.head not in range(session.turns):
                findings.append(Finding("database", store.place, f"session “{session.id}” has lost its head"))
            for turn in store.turns(session.id):
                named.setdefault(turn.sha256, f"turn {turn.number} of session “{session.id}”")
    except StorageError as error:  # too damaged to be asked, and so nothing is known of pictures
        return [*findings, Finding("database", store.place, str(error))]
    return [*findings, *_unsound(store, named), *_leftovers(store, frozenset(named))]


def prune(store: Store, *, dry_run: bool = False) -> Pruned:
    """Delete the pictures that no turn names and the temporary files that a crash left.

    No turn is written meanwhile, so none loses the picture it is about to name. With `dry_run`
    everything stays. Raises `StorageError` when a file can't be deleted.
    """
    with store.pictures_in_use() as named, explained(store.images.folder):
        pictures = tuple(_unused(store, named))
        temporary = tuple(_stale(store))
        size = sum(path.stat().st_size for path in (*pictures, *temporary))
        if not dry_run:
            for path in (*pictures, *temporary):
                path.unlink(missing_ok=True)
    return Pruned(pictures, temporary, size)


def _unsound(store: Store, named: dict[str, str]) -> Iterator[Finding]:
    for sha256, turn in named.items():
        place = str(store.images.path(sha256))
        try:
            store.images.open(sha256)
        except MissingPictureError as error:
            yield Finding("missing picture", place, f"{turn}: {error}")
        except StorageError as error:
            yield Finding("damaged picture", place, f"{turn}: {error}")


def _leftovers(store: Store, named: frozenset[str]) -> Iterator[Finding]:
    for path in _unused(store, named):
        yield Finding("unused picture", str(path), "no turn has this picture: “notthat db prune” deletes it")
    for path in _stale(store):
        yield Finding("temporary file", str(path), "a crash left this file: “notthat db prune” deletes it")


def _unused(store: Store, named: frozenset[str]) -> Iterator[Path]:
    return (path for sha256, path in store.images.pictures() if sha256 not in named)


def _stale(store: Store) -> Iterator[Path]:
    fresh = time.time() - STALE_SECONDS
    for path in store.images.temporary():
        with suppress(FileNotFoundError):  # its writer is alive, and done with it
            if path.stat().st_mtime < fresh:
                yield path
