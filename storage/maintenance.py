"""Looking after a store: what is wrong with it, and what takes up room in it for nothing."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL.Image import Image

from ..errors import NotthatError
from .boundary import explained
from .errors import MissingPictureError, StorageError
from .images import pixels_sha256
from .records import TurnRecord
from .store import Store

STALE_SECONDS = 3600.0
"""A temporary file of this age is nobody's any more: writing a picture takes far less."""


@dataclass(frozen=True)
class Finding:
    """Something that `check` found: where, and in one line what."""

    kind: Literal["database", "missing picture", "damaged picture", "unused picture", "temporary file"]
    place: str
    message: str
    turn: tuple[str, int] | None = None
    """A turn that the picture belongs to: its session and its number."""

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
    named: dict[str, tuple[str, int]] = {}
    try:
        findings += (Finding("database", store.place, message) for message in store.damage())
        for session in store.sessions():
            turns = store.turns(session.id)
            if session.head not in {turn.number for turn in turns}:
                findings.append(Finding("database", store.place, f"session “{session.id}” has lost its head"))
            findings += (Finding("database", store.place, line) for line in _contradictions(turns))
            for turn in turns:
                named.setdefault(turn.sha256, (session.id, turn.number))
        store.attempts.all()  # that they can be read
    except StorageError as error:  # too damaged to be asked, and so nothing is known of pictures
        return [*findings, Finding("database", store.place, str(error))]
    return [*findings, *_unsound(store, named), *_leftovers(store, frozenset(named))]


Redraw = Callable[[TurnRecord], tuple[Image, Mapping[str, str]]]
"""A turn's picture again, and the text of its PNG; may raise `NotthatError`."""


def repair(store: Store, findings: list[Finding], redraw: Redraw) -> list[str]:
    """Mend what can be mended of what `check` found; a line for each thing done, or tried in vain.

    A picture that is gone or damaged is drawn again, and kept only where it comes out with the very pixels
    that its turn names. What takes up room for nothing is left to `prune`.
    """
    done = store.repair_rows()
    for finding in findings:
        if finding.turn is not None:
            done.append(_redrawn(store, finding.turn, redraw))
    return done


def _redrawn(store: Store, place: tuple[str, int], redraw: Redraw) -> str:
    session, number = place
    turn = store.turn(session, number)
    what = f"the picture of turn {number} of session “{session}”"
    try:
        picture, text = redraw(turn)
    except NotthatError as error:
        return f"{what} can't be drawn again: {error}"
    if pixels_sha256(picture) != turn.sha256:
        return f"{what} comes out differently on this machine: restore its file from a copy"
    store.images.save(picture, text)
    return f"{what} is drawn again, pixel by pixel as it was"


def prune(store: Store, *, dry_run: bool = False) -> Pruned:
    """Delete the pictures that no turn names and the temporary files that a crash left.

    No turn is written meanwhile, so none loses the picture it is about to name. With `dry_run`
    everything stays. SQLite's files then hold nothing that was deleted. Raises `StorageError` when a file can't be
    deleted.
    """
    with store.pictures_in_use() as named, explained(store.images.folder):
        pictures = tuple(_unused(store, named))
        temporary = tuple(_stale(store))
        size = sum(path.stat().st_size for path in (*pictures, *temporary))
        if not dry_run:
            for path in (*pictures, *temporary):
                path.unlink(missing_ok=True)
    if not dry_run:
        store.erase_deleted()
    return Pruned(pictures, temporary, size)


def _contradictions(turns: list[TurnRecord]) -> Iterator[str]:
    """What an exclusion says of a turn that can't be: it came with one on the way to its own, or with itself."""
    parents = {turn.number: turn.parent for turn in turns}
    for turn in turns:
        way: set[int | None] = {turn.number}
        number = turn.parent
        while number is not None and number not in way:
            way.add(number)
            number = parents.get(number)
        for each in turn.exclusions:
            if each.since not in way:
                yield (
                    f"turn {turn.number} of session “{turn.session}” excludes “{each.term}” "
                    f"since turn {each.since}, which it did not grow from"
                )


def _unsound(store: Store, named: dict[str, tuple[str, int]]) -> Iterator[Finding]:
    for sha256, place_of in named.items():
        session, number = place_of
        turn = f"turn {number} of session “{session}”"
        place = str(store.images.path(sha256))
        try:
            store.images.open(sha256)
        except MissingPictureError as error:
            yield Finding("missing picture", place, f"{turn}: {error}", place_of)
        except StorageError as error:
            yield Finding("damaged picture", place, f"{turn}: {error}", place_of)


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
