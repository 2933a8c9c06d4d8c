"""Checks a store for damage, repairs it, and frees disk space."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from PIL.Image import Image

from ..errors import NotthatError
from .errors import MissingPictureError, StorageError
from .images import pixels_sha256
from .picture_files import PictureFile
from .records import TurnRecord
from .store import Store

STALE_SECONDS = 3600.0
"""Age in seconds after which a temporary file is abandoned. Writing a picture takes far less."""


@dataclass(frozen=True)
class Finding:
    """A problem that `check` found, described in one line."""

    kind: Literal[
        "database", "missing picture", "damaged picture", "shared picture", "unused picture", "temporary file"
    ]
    place: str
    message: str
    turn: tuple[str, int] | None = None
    """Session and number of a turn that the picture belongs to."""

    @property
    def is_harmless(self) -> bool:
        """Whether the problem only wastes disk space, which `prune` frees."""
        return self.kind in ("unused picture", "temporary file")


@dataclass(frozen=True)
class PruneResult:
    """The files that `prune` deleted or would delete, and their total size."""

    pictures: tuple[PictureFile, ...]
    temporary: tuple[PictureFile, ...]
    bytes: int


def check(store: Store) -> list[Finding]:
    """Check the database and the pixels of every picture, without a change. An empty list means that all is well."""
    findings: list[Finding] = []
    turns_by_path: dict[PictureFile, list[TurnRecord]] = {}
    try:
        findings += (Finding("database", store.place, message) for message in store.damage())
        for session in store.sessions():
            turns = store.turns(session.id)
            if session.head not in {turn.number for turn in turns}:
                findings.append(
                    Finding("database", store.place, f"session “{session.id}” has no current turn: its head is missing")
                )
            findings += (Finding("database", store.place, line) for line in _find_contradictions(turns))
            for turn in turns:
                turns_by_path.setdefault(turn.image, []).append(turn)
        store.attempts.all()  # raises if they are unreadable
    except StorageError as error:  # the turns are unreadable, so their pictures cannot be checked
        return [*findings, Finding("database", store.place, str(error))]
    return [
        *findings,
        *_find_damaged(store, turns_by_path),
        *_find_shared(turns_by_path),
        *_find_missing_sources(store, turns_by_path),
        *_find_leftovers(store, store.source_pictures().union(turns_by_path)),
    ]


Redraw = Callable[[TurnRecord], Image]
"""Draws a turn's picture again. May raise `NotthatError`."""

TextOf = Callable[[TurnRecord], Mapping[str, str]]
"""The text of a turn's PNG. A callback, because this package does not know the format of requests."""


def repair(store: Store, findings: list[Finding], redraw: Redraw, text_of: TextOf) -> list[str]:
    """Repair what `check` found, and return a line for each repair or failed attempt.

    A missing or damaged picture is drawn again, and kept only if its pixels match the hash in its turn. A picture
    shared by turns with different requests is copied for each of them, with its own text. `prune` handles harmless
    findings.
    """
    lines = store.repair_rows()
    for finding in findings:
        if finding.turn is not None:
            turn = store.turn(*finding.turn)
            repair_picture = _copy_picture if finding.kind == "shared picture" else _redraw_picture
            lines.append(repair_picture(store, turn, redraw, text_of))
    return lines


def _copy_picture(store: Store, turn: TurnRecord, _: Redraw, text_of: TextOf) -> str:
    try:
        store.images.save(store.images.open(turn.sha256), text_of(turn), turn.request)
    except StorageError as error:
        return f"{_describe_picture(turn)} can't be copied: {error}"
    return f"{_describe_picture(turn)} has a file of its own"


def _redraw_picture(store: Store, turn: TurnRecord, redraw: Redraw, text_of: TextOf) -> str:
    label = _describe_picture(turn)
    try:
        picture = redraw(turn)
    except NotthatError as error:
        return f"{label} can't be drawn again: {error}"
    if pixels_sha256(picture) != turn.sha256:
        return f"{label} comes out differently on this machine: restore its file from a copy"
    store.images.save(picture, text_of(turn), turn.request)
    return f"{label} is drawn again, pixel by pixel as it was"


def _describe_picture(turn: TurnRecord) -> str:
    return f"the picture of turn {turn.number} of session “{turn.session}”"


def prune(store: Store, *, dry_run: bool = False) -> PruneResult:
    """Delete pictures without a turn, and temporary files that a crash left.

    No turn is written meanwhile, so no picture of a new turn is deleted. Deleted rows are also erased from SQLite's
    files. With `dry_run` nothing changes.

    Raises:
        StorageError: if a file cannot be deleted.
    """
    files = store.images.files
    with store.pictures_in_use() as paths_in_use:
        pictures = tuple(_find_unused(store, paths_in_use))
        temporary = tuple(_find_stale(store))
        size = sum(files.size(path) for path in (*pictures, *temporary))
        if not dry_run:
            for path in (*pictures, *temporary):
                files.delete(path)
    if not dry_run:
        store.erase_deleted()
    return PruneResult(pictures, temporary, size)


def _find_contradictions(turns: list[TurnRecord]) -> Iterator[str]:
    """Exclusions that name a turn which is not an ancestor of theirs."""
    parents = {turn.number: turn.parent for turn in turns}
    for turn in turns:
        ancestors: set[int | None] = {turn.number}
        number = turn.parent
        while number is not None and number not in ancestors:
            ancestors.add(number)
            number = parents.get(number)
        for exclusion in turn.exclusions:
            if exclusion.since not in ancestors:
                yield (
                    f"turn {turn.number} of session “{turn.session}” excludes “{exclusion.term}” "
                    f"since turn {exclusion.since}, which it did not grow from"
                )


def _find_damaged(store: Store, turns_by_path: dict[PictureFile, list[TurnRecord]]) -> Iterator[Finding]:
    for path, (turn, *_) in turns_by_path.items():
        where, place = f"turn {turn.number} of session “{turn.session}”", (turn.session, turn.number)
        try:
            store.images.verified(path)
        except MissingPictureError as error:
            yield Finding("missing picture", str(path), f"{where}: {error}", place)
        except StorageError as error:
            yield Finding("damaged picture", str(path), f"{where}: {error}", place)


def _find_missing_sources(store: Store, turns_by_path: dict[PictureFile, list[TurnRecord]]) -> Iterator[Finding]:
    """Pictures that turns start from and that can't be read; they can't be drawn again."""
    needed = {sha256: turn for turns in turns_by_path.values() for turn in turns for sha256 in turn.source_images}
    for sha256, turn in needed.items():
        path, where = store.images.source_path(sha256), f"turn {turn.number} of session “{turn.session}” starts from it"
        try:
            store.images.open(sha256)
        except MissingPictureError as error:
            yield Finding("missing picture", str(path), f"{where}: {error}")
        except StorageError as error:
            yield Finding("damaged picture", str(path), f"{where}: {error}")


def _find_shared(turns_by_path: dict[PictureFile, list[TurnRecord]]) -> Iterator[Finding]:
    """Turns of a shared file of an older version, whose text belongs to only one of them."""
    for path, (first, *others) in turns_by_path.items():
        different = [turn for turn in others if turn.request != first.request]
        for turn in [first, *others] if different and path.exists() else []:
            message = (
                f"turn {turn.number} of session “{turn.session}”: turns with other requests share this file: "
                "“notthat db check --repair” copies it for each turn"
            )
            yield Finding("shared picture", str(path), message, (turn.session, turn.number))


def _find_leftovers(store: Store, paths_in_use: frozenset[PictureFile]) -> Iterator[Finding]:
    for path in _find_unused(store, paths_in_use):
        yield Finding("unused picture", str(path), "no turn has this picture: “notthat db prune” deletes it")
    for path in _find_stale(store):
        yield Finding("temporary file", str(path), "a crash left this file: “notthat db prune” deletes it")


def _find_unused(store: Store, paths_in_use: frozenset[PictureFile]) -> Iterator[PictureFile]:
    """Pictures without a turn. A fresh one without a request may be one that a turn is about to start from."""
    oldest_fresh = time.time() - STALE_SECONDS
    for sha256, file in store.images.pictures():
        is_source = file == store.images.source_path(sha256)
        if file not in paths_in_use and not (is_source and store.images.files.written_at(file) >= oldest_fresh):
            yield file


def _find_stale(store: Store) -> Iterator[PictureFile]:
    yield from store.images.temporary(older_than=time.time() - STALE_SECONDS)
