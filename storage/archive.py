"""Exports a session to a file and imports it: a zip of JSON and PNGs, with a manifest of hashes.

    manifest.json           {"format", "version", "notthat", "files": {NAME: {"sha256", "bytes"}}}
    session.json            the session and its turns, see `archive_schema.SessionDocument`
    pictures/SHA256.png     the pictures, named by the hash of their pixels, with the text of their first turn; and
                            the pictures that turns start from, without text

Imported files are untrusted: nothing is written before the whole file is checked, no name in it is used as a path,
and every size is limited. The hashes detect damage and accidental changes, but do not prove who made the file.
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
from .images import DAMAGE, encode_png, pixels_sha256, without_words
from .records import FinishedTurn, NewTurn, SessionRecord, TurnRecord
from .store import Store

FORMAT = "notthat session"
VERSION = 2
"""Version 2 has pictures that turns start from. A session without any is written as version 1, for older readers."""

MAX_ENTRIES = 20_000
MAX_MANIFEST_BYTES = 8 << 20
MAX_SESSION_BYTES = 32 << 20
"""About nine thousand turns."""
MAX_PICTURE_BYTES = 256 << 20
MAX_SIDE = 8192
"""Maximum width and height of a picture in pixels, as for requests."""

_MANIFEST, _SESSION = "manifest.json", "session.json"
_PICTURE = re.compile(r"pictures/([0-9a-f]{64})\.png")
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGE)
"""Exceptions of zipfile and Pillow for malformed files."""

_PNG = struct.Struct(">8sI4sII")
"""The first bytes of a PNG: signature, length and name of the first chunk, width and height."""

CheckTurn = Callable[[NewTurn], object]
"""Raises `InvalidInputError` for an invalid turn. A callback, because storage does not know the format of requests."""
CheckSession = Callable[[SessionRecord], object]
"""Raises `InvalidInputError` if the session may not be imported."""

TextOf = Callable[[NewTurn], Mapping[str, str]]
"""The text of a turn's PNG. The text in an existing file may belong to another turn with the same picture."""


def export(store: Store, session: str, path: Path, text_of: TextOf) -> int:
    """Write a session with its pictures to a new file, and return its number of turns.

    Raises:
        InvalidInputError: if the file exists, or the session does not.
        StorageError: if a picture is missing or damaged, the file can't be written, or it would be too large to import.
    """
    if path.exists():
        raise InvalidInputError(f"{path} is there already: name another file")
    store.session(session)  # raises before the file is created
    with _write_archive(path), atomic_write(path) as file:
        return write_archive(store, session, file, text_of)


def write_archive(store: Store, session: str, file: IO[bytes], text_of: TextOf) -> int:
    """Like `export`, to an open file."""
    turns = store.turns(session)
    document = SessionDocument.from_session(store.session(session), turns)
    pictures: dict[str, TurnRecord] = {}
    for turn in turns:
        pictures.setdefault(turn.sha256, turn)
    sources = sorted({sha256 for turn in turns for sha256 in turn.source_images} - set(pictures))
    content = document.model_dump_json(indent=1).encode()
    if len(content) > MAX_SESSION_BYTES or len(pictures) + len(sources) > MAX_ENTRIES - 2:
        raise StorageError(f"session “{session}” is too large to be exported: it has {len(document.turns)} turns")
    files = {_SESSION: _describe_file(content)}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for sha256, turn in pictures.items():
            store.images.verified(turn.image)
            name, picture = f"pictures/{sha256}.png", store.images.png(turn.image, text_of(turn))
            files[name] = _describe_file(picture)
            archive.writestr(zipfile.ZipInfo(name), picture)
        for sha256 in sources:
            name, picture = f"pictures/{sha256}.png", encode_png(store.images.open(sha256), {})
            files[name] = _describe_file(picture)
            archive.writestr(zipfile.ZipInfo(name), picture)
        _write_json(archive, _SESSION, content)
        version = VERSION if any(turn.source_images for turn in turns) else 1
        manifest = {"format": FORMAT, "version": version, "notthat": __version__, "files": files}
        _write_json(archive, _MANIFEST, json.dumps(manifest, indent=1).encode())
    return len(document.turns)


def import_(store: Store, path: Path, check_turn: CheckTurn, text_of: TextOf) -> str:
    """Import a session from a file of `export` with its ids and hashes, and return its id. On errors nothing changes.

    Raises:
        InvalidInputError: if the file is damaged, changed, from a newer notthat or not an exported session, or if the
            session exists.
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
    """Like `import_`, from an open file. Error messages call it `name`. The key `owner` will own the session.

    Other exceptions of the checks propagate; nothing changes then either.
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
        with suppress(StorageError):  # must not hide the first error; `prune` deletes leftover pictures
            paths = [store.images.path(turn.sha256, turn.request) for turn in document.turns]
            paths += [store.images.source_path(sha256) for turn in document.turns for sha256 in turn.source_images]
            store.discard_pictures(paths)
        raise
    return session.id


def _save_pictures(store: Store, archive: "_Archive", turns: Sequence[FinishedTurn], text_of: TextOf) -> None:
    """Save a file for each turn. A picture of several turns is read once."""
    turns_by_picture: dict[str, list[FinishedTurn]] = {}
    for turn in turns:
        turns_by_picture.setdefault(turn.sha256, []).append(turn)
    for sha256, same_turns in turns_by_picture.items():
        picture = archive.picture(sha256)
        for turn in same_turns:
            store.images.save(picture, text_of(turn), turn.request)
    for sha256 in {sha256 for turn in turns for sha256 in turn.source_images}:
        store.images.save_source(archive.picture(sha256))


class _Archive:
    """A zip file that is checked against its manifest before use."""

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
        """Read the session, and check that its pictures are those of the archive."""
        content = self._read_checked(_SESSION, MAX_SESSION_BYTES)
        try:
            document = SessionDocument.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise self.refuse(f"{_SESSION}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        turns = document.turns
        needed = {turn.sha256 for turn in turns} | {sha256 for turn in turns for sha256 in turn.source_images}
        if needed != set(self.pictures):
            raise self.refuse("its pictures are not those of its turns")
        return document

    def picture(self, sha256: str) -> Image.Image:
        """Read and verify a picture. The text of its PNG is ignored: the turns have its data."""
        content = self._read_checked(f"pictures/{sha256}.png", MAX_PICTURE_BYTES)
        *_, kind, width, height = _PNG.unpack_from(content)  # before memory of that size is allocated
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
            manifest = json.loads(content)
            version = manifest["version"] if manifest["format"] == FORMAT else None
            if type(version) is int and version > VERSION:
                raise self.refuse("it was made by a newer notthat: update notthat to import it")
            if type(version) is not int or version < 1:
                raise self.refuse("its manifest is not one of an exported session")
            return Manifest.model_validate(manifest)
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
        if entry.file_size > limit:  # zipfile unpacks at most `file_size` bytes
            raise self.refuse(f"{name} is too large")
        if name not in (_MANIFEST, _SESSION) and entry.compress_type != zipfile.ZIP_STORED:
            raise self.refuse(f"{name} is packed twice, which no exported session does")
        return self._archive.read(name)

    def refuse(self, reason: str) -> InvalidInputError:
        """The error for this file, with the reason on one line."""
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
