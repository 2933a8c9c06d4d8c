"""Looking after a store: what is wrong with it, and what takes up room in it for nothing."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL.Image import Image

from ..errors import NotthatError
from .error_translation import translate_errors
from .errors import MissingPictureError, StorageError
from .images import pixels_sha256
from .records import TurnRecord
from .store import Store

STALE_SECONDS = 3600.0
"""A temporary file of this age is nobody's any more: writing a picture takes far less."""


@dataclass(frozen=True)
class Finding:
    """Something that `check` found: where, and in one line what."""

    kind: Literal[
        "database", "missing picture", "damaged picture", "shared picture", "unused picture", "temporary file"
    ]
    place: str
    message: str
    turn: tuple[str, int] | None = None
    """A turn that the picture belongs to: its session and its number."""

    @property
    def is_harmless(self) -> bool:
        """Whether it only takes up room, which `prune` frees."""
        return self.kind in ("unused picture", "temporary file")


@dataclass(frozen=True)
class PruneResult:
    """The files that `prune` deleted, or would delete, and the bytes they take up."""

    pictures: tuple[Path, ...]
    temporary: tuple[Path, ...]
    bytes: int


def check(store: Store) -> list[Finding]:
    """Look at all there is, every picture's pixels included, and change nothing. Empty: all is well."""
    findings: list[Finding] = []
    named: dict[Path, list[TurnRecord]] = {}
    try:
        findings += (Finding("database", store.place, message) for message in store.damage())
        for session in store.sessions():
            turns = store.turns(session.id)
            if session.head not in {turn.number for turn in turns}:
                findings.append(Finding("database", store.place, f"session “{session.id}” has lost its head"))
            findings += (Finding("database", store.place, line) for line in _find_contradictions(turns))
            for turn in turns:
                named.setdefault(turn.image, []).append(turn)
        store.attempts.all()  # that they can be read
    except StorageError as error:  # too damaged to be asked, and so nothing is known of pictures
        return [*findings, Finding("database", store.place, str(error))]
    return [*findings, *_find_damaged(store, named), *_shared(named), *_find_leftovers(store, frozenset(named))]


Redraw = Callable[[TurnRecord], Image]
"""A turn's picture again; may raise `NotthatError`."""

TextOf = Callable[[TurnRecord], Mapping[str, str]]
"""The text of a turn's PNG: storage doesn't know what is in its request."""


def repair(store: Store, findings: list[Finding], redraw: Redraw, text_of: TextOf) -> list[str]:
    """Mend what can be mended of what `check` found; a line for each thing done, or tried in vain.

    A picture that is gone or damaged is drawn again, and kept only where it comes out with the very pixels
    that its turn names. One that turns of different words share is copied for each of them, with its own text.
    What takes up room for nothing is left to `prune`.
    """
    done = store.repair_rows()
    for finding in findings:
        if finding.turn is not None:
            turn = store.turn(*finding.turn)
            again = _copied if finding.kind == "shared picture" else _redraw_picture
            done.append(again(store, turn, redraw, text_of))
    return done


def _copied(store: Store, turn: TurnRecord, _: Redraw, text_of: TextOf) -> str:
    try:
        store.images.save(store.images.open(turn.sha256), text_of(turn), turn.request)
    except StorageError as error:
        return f"{_named(turn)} can't be copied: {error}"
    return f"{_named(turn)} has a file of its own"


def _redraw_picture(store: Store, turn: TurnRecord, redraw: Redraw, text_of: TextOf) -> str:
    what = _named(turn)
    try:
        picture = redraw(turn)
    except NotthatError as error:
        return f"{what} can't be drawn again: {error}"
    if pixels_sha256(picture) != turn.sha256:
        return f"{what} comes out differently on this machine: restore its file from a copy"
    store.images.save(picture, text_of(turn), turn.request)
    return f"{what} is drawn again, pixel by pixel as it was"


def _named(turn: TurnRecord) -> str:
    return f"the picture of turn {turn.number} of session “{turn.session}”"


def prune(store: Store, *, dry_run: bool = False) -> PruneResult:
    """Delete the pictures that no turn names and the temporary files that a crash left.

    No turn is written meanwhile, so none loses the picture it is about to name. With `dry_run`
    everything stays. SQLite's files then hold nothing that was deleted. Raises `StorageError` when a file can't be
    deleted.
    """
    with store.pictures_in_use() as named, translate_errors(store.images.folder):
        pictures = tuple(_find_unused(store, named))
        temporary = tuple(_find_stale(store))
        size = sum(path.stat().st_size for path in (*pictures, *temporary))
        if not dry_run:
            for path in (*pictures, *temporary):
                path.unlink(missing_ok=True)
    if not dry_run:
        store.erase_deleted()
    return PruneResult(pictures, temporary, size)


def _find_contradictions(turns: list[TurnRecord]) -> Iterator[str]:
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


def _find_damaged(store: Store, named: dict[Path, list[TurnRecord]]) -> Iterator[Finding]:
    for path, (turn, *_) in named.items():
        where, place = f"turn {turn.number} of session “{turn.session}”", (turn.session, turn.number)
        try:
            store.images.verified(path)
        except MissingPictureError as error:
            yield Finding("missing picture", str(path), f"{where}: {error}", place)
        except StorageError as error:
            yield Finding("damaged picture", str(path), f"{where}: {error}", place)


def _shared(named: dict[Path, list[TurnRecord]]) -> Iterator[Finding]:
    """Turns whose file, which an earlier notthat wrote, has the words of another one."""
    for path, (first, *others) in named.items():
        different = [turn for turn in others if turn.request != first.request]
        for turn in [first, *others] if different and path.exists() else []:
            message = (
                f"turn {turn.number} of session “{turn.session}”: turns of other words have this file, too: "
                "“notthat db check --repair” gives each its own"
            )
            yield Finding("shared picture", str(path), message, (turn.session, turn.number))


def _find_leftovers(store: Store, named: frozenset[Path]) -> Iterator[Finding]:
    for path in _find_unused(store, named):
        yield Finding("unused picture", str(path), "no turn has this picture: “notthat db prune” deletes it")
    for path in _find_stale(store):
        yield Finding("temporary file", str(path), "a crash left this file: “notthat db prune” deletes it")


def _find_unused(store: Store, named: frozenset[Path]) -> Iterator[Path]:
    return (path for _, path in store.images.pictures() if path not in named)


def _find_stale(store: Store) -> Iterator[Path]:
    fresh = time.time() - STALE_SECONDS
    for path in store.images.temporary():
        with suppress(FileNotFoundError):  # its writer is alive, and done with it
            if path.stat().st_mtime < fresh:
                yield path
