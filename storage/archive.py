"""A session in one file, to be taken elsewhere: a zip of JSON and PNGs, with a manifest of hashes.

    manifest.json           {"format", "version", "notthat", "files": {NAME: {"sha256", "bytes"}}}
    session.json            the session and its turns, as `SessionDocument` has them
    pictures/SHA256.png     every turn's picture, named by its pixels; its text is that of the first of these turns

What is read comes from anywhere: nothing of it is written before all of it is found sound, no name in it is
used as a path, and no size that it claims is believed. The hashes show damage and careless changes; who made
a file they can't show.
"""

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from PIL import Image
from pydantic import ValidationError

from .. import __version__
from ..errors import InvalidInputError
from . import queries
from .archive_schema import Manifest, SessionDocument
from .atomic_files import atomic_write
from .error_translation import translate_errors
from .errors import SessionExistsError, StorageError
from .images import DAMAGE, pixels_sha256, without_words
from .records import FinishedTurn, NewTurn, SessionRecord, TurnRecord
from .store import Store

FORMAT = "notthat session"
VERSION = 1

MAX_ENTRIES = 20_000
MAX_MANIFEST_BYTES = 8 << 20
MAX_SESSION_BYTES = 32 << 20
"""About nine thousand turns."""
MAX_PICTURE_BYTES = 256 << 20
MAX_SIDE = 8192
"""Pixels: no request can ask for more."""

_MANIFEST, _SESSION = "manifest.json", "session.json"
_PICTURE = re.compile(r"pictures/([0-9a-f]{64})\.png")
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGE)
"""What zipfile and Pillow raise on a file that isn't what it says."""

_PNG = struct.Struct(">8sI4sII")
"""A PNG's first bytes: the signature, the first chunk's length and name, the width and the height."""

CheckTurn = Callable[[NewTurn], object]
"""Raises `InvalidInputError` where a turn can't be one: storage doesn't know what is in its request."""
CheckSession = Callable[[SessionRecord], object]
"""Raises `InvalidInputError` where a session may not be kept here."""

TextOf = Callable[[NewTurn], Mapping[str, str]]
"""The text of a turn's PNG: what a file says, here or in an archive, may be of another turn."""


def export(store: Store, session: str, path: Path, text_of: TextOf) -> int:
    """Write a session with its pictures to a new file; how many turns it has.

    Raises `InvalidInputError` where there is a file or no such session, and `StorageError` where a picture of the
    session is missing or damaged, or the file can't be written, or would be too large to be imported.
    """
    if path.exists():
        raise InvalidInputError(f"{path} is there already: name another file")
    store.session(session)  # before a file is begun
    with _write_archive(path), atomic_write(path) as file:
        return write_archive(store, session, file, text_of)


def write_archive(store: Store, session: str, file: IO[bytes], text_of: TextOf) -> int:
    """`export` to an open file."""
    turns = store.turns(session)
    document = SessionDocument.from_session(store.session(session), turns)
    pictures: dict[str, TurnRecord] = {}
    for turn in turns:
        pictures.setdefault(turn.sha256, turn)
    content = document.model_dump_json(indent=1).encode()
    if len(content) > MAX_SESSION_BYTES or len(pictures) > MAX_ENTRIES - 2:
        raise StorageError(f"session “{session}” is too large to be exported: it has {len(document.turns)} turns")
    files = {_SESSION: _describe_file(content)}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for sha256, turn in pictures.items():
            store.images.verified(turn.image)
            name, picture = f"pictures/{sha256}.png", store.images.png(turn.image, text_of(turn))
            files[name] = _describe_file(picture)
            archive.writestr(zipfile.ZipInfo(name), picture)
        _write_json(archive, _SESSION, content)
        manifest = {"format": FORMAT, "version": VERSION, "notthat": __version__, "files": files}
        _write_json(archive, _MANIFEST, json.dumps(manifest, indent=1).encode())
    return len(document.turns)


def import_(store: Store, path: Path, check_turn: CheckTurn, text_of: TextOf) -> str:
    """Keep the session of a file that `export` wrote, under the ids and hashes that it has; its id.

    Raises `InvalidInputError` where the file is damaged, was changed, is from a newer notthat or is no such
    file at all, and where the session is here already; then nothing was changed.
    """
    if not path.is_file():
        raise InvalidInputError(f"there is no file {path} to import")
    with translate_errors(path), path.open("rb") as file:
        return read_archive(store, file, str(path), check_turn, text_of)


def read_archive(
    store: Store,
    file: IO[bytes],
    name: str,
    check_turn: CheckTurn,
    text_of: TextOf,
    *,
    check_session: CheckSession | None = None,
    owner: str | None = None,
) -> str:
    """`import_` from an open file, which errors call `name`; the session will belong to the key `owner`.

    What the checks raise besides `InvalidInputError` is raised as it is; nothing was changed then, either.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _import(store, _Archive(archive, name), check_turn, text_of, check_session, owner)
    except _BROKEN as error:
        raise InvalidInputError(f"{name} is damaged, or no exported session: {_first_line(error)}") from error
    except RecursionError:
        raise InvalidInputError(f"{name} is no exported session: its JSON is too deep") from None


def _import(
    store: Store,
    archive: "_Archive",
    check_turn: CheckTurn,
    text_of: TextOf,
    check_session: CheckSession | None,
    owner: str | None,
) -> str:
    document = archive.session()
    session = replace(document.to_record(), owner=owner)
    if store.has_session(session.id):
        raise SessionExistsError(session.id)
    try:
        if check_session is not None:
            check_session(session)
        for turn in document.turns:
            queries.check_turn(turn)
            check_turn(turn)
    except InvalidInputError as error:
        raise archive.refuse(str(error)) from None
    for sha256 in archive.pictures:
        archive.picture(sha256)
    try:
        _save_pictures(store, archive, document.turns, text_of)
        store.restore_session(session, document.turns)
    except BaseException:
        with suppress(StorageError):  # `prune` deletes what stays; it is the first error that is told
            store.discard_pictures([store.images.path(turn.sha256, turn.request) for turn in document.turns])
        raise
    return session.id


def _save_pictures(store: Store, archive: "_Archive", turns: Sequence[FinishedTurn], text_of: TextOf) -> None:
    """Save a file for each turn; a picture that several turns share is read once."""
    turns_by_picture: dict[str, list[FinishedTurn]] = {}
    for turn in turns:
        turns_by_picture.setdefault(turn.sha256, []).append(turn)
    for sha256, sharing in turns_by_picture.items():
        picture = archive.picture(sha256)
        for turn in sharing:
            store.images.save(picture, text_of(turn), turn.request)


class _Archive:
    """A zip file, held against its manifest before anything of it is used."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self._name = archive, name
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if len(entries) > MAX_ENTRIES or len(set(names)) < len(names):
            raise self.refuse("it lists too many files, or one twice")
        for name in names:
            if name not in (_MANIFEST, _SESSION) and not _PICTURE.fullmatch(name):
                raise self.refuse(f"it holds {name[:80]!r}, which no exported session does")
        if _MANIFEST not in names:
            raise self.refuse("it has no manifest")
        self._manifest = self._read_manifest()
        if set(self._manifest.files) != set(names) - {_MANIFEST} or _SESSION not in names:
            raise self.refuse("its files are not those that its manifest lists")
        self.pictures = [match[1] for name in names if (match := _PICTURE.fullmatch(name))]

    def session(self) -> SessionDocument:
        """The session, whose pictures are those of the archive."""
        content = self._read_checked(_SESSION, MAX_SESSION_BYTES)
        try:
            document = SessionDocument.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise self.refuse(f"{_SESSION}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if {turn.sha256 for turn in document.turns} != set(self.pictures):
            raise self.refuse("its pictures are not those of its turns")
        return document

    def picture(self, sha256: str) -> Image.Image:
        """A picture, read whole and verified. The text of its PNG is not read: its turns say how it was made."""
        content = self._read_checked(f"pictures/{sha256}.png", MAX_PICTURE_BYTES)
        *_, kind, width, height = _PNG.unpack_from(content)  # before anything is made of that size
        if kind != b"IHDR" or max(width, height) > MAX_SIDE:
            raise self.refuse(f"picture {sha256[:8]}… is larger than any request can ask for")
        image: Any = Image.open(BytesIO(content), formats=["PNG"])
        if image.mode != "RGB" or getattr(image, "n_frames", 1) != 1:
            raise self.refuse(f"picture {sha256[:8]}… is not one that notthat draws")
        image.load()
        if pixels_sha256(image) != sha256:
            raise self.refuse(f"the pixels of picture {sha256[:8]}… are not those it is named after")
        return without_words(image)

    def _read_manifest(self) -> Manifest:
        content = self._read(_MANIFEST, MAX_MANIFEST_BYTES)
        try:
            about = json.loads(content)
            version = about["version"] if about["format"] == FORMAT else None
            if type(version) is int and version > VERSION:
                raise self.refuse("it was made by a newer notthat: update notthat to import it")
            if type(version) is not int or version != VERSION:
                raise self.refuse("its manifest is not one of an exported session")
            return Manifest.model_validate(about)
        except (ValueError, KeyError, TypeError):
            raise self.refuse("its manifest can't be read") from None

    def _read_checked(self, name: str, limit: int) -> bytes:
        content = self._read(name, limit)
        entry = self._manifest.files[name]
        if len(content) != entry.bytes or hashlib.sha256(content).hexdigest() != entry.sha256:
            raise self.refuse(f"{name} was changed after it was exported")
        return content

    def _read(self, name: str, limit: int) -> bytes:
        entry = self._archive.getinfo(name)
        if entry.file_size > limit:  # no more than that is unpacked, whatever follows
            raise self.refuse(f"{name} is too large")
        if name not in (_MANIFEST, _SESSION) and entry.compress_type != zipfile.ZIP_STORED:
            raise self.refuse(f"{name} is packed twice, which no exported session does")
        return self._archive.read(name)

    def refuse(self, reason: str) -> InvalidInputError:
        """The error of importing this file, with the reason in a line."""
        return InvalidInputError(f"{self._name} is not imported: {' '.join(reason.split())}")


@contextmanager
def _write_archive(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}") from error


def _describe_file(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _write_json(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
