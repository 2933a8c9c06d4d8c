"""Archives of sessions: an import restores the whole session, or changes nothing."""

import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from notthat.errors import InvalidInputError
from notthat.storage import (
    MissingPictureError,
    NewTurn,
    StorageError,
    Store,
    TurnRecord,
    archive,
    check,
    export,
    import_,
)
from notthat.storage.images import with_text

Files = dict[str, bytes]


def anything(turn: NewTurn) -> None:
    """Any turn will do."""


def text_of(turn: NewTurn | TurnRecord) -> dict[str, str]:
    """The text that identifies a turn's request."""
    return {"notthat": json.dumps(turn.request, sort_keys=True)}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    """An empty store, as on another machine."""
    with Store.open(home=tmp_path / "elsewhere") as store:
        yield store


@pytest.fixture
def session(store: Store, begin: Callable[..., TurnRecord], grow: Callable[..., TurnRecord]) -> str:
    session = begin(provenance={"weights": "abc"}).session
    grow(session)
    grow(session, parent=0, feedback="日本 🎨")
    store.move_head(session, 1)
    return session


@pytest.fixture
def file(store: Store, session: str, tmp_path: Path) -> Path:
    path = tmp_path / "session.zip"
    assert export(store, session, path, text_of) == 3
    return path


def _again(turn: TurnRecord, store: Store, request: dict[str, Any]) -> tuple[NewTurn, Image.Image, dict[str, str]]:
    """A turn with the same picture and another request."""
    values = {field.name: getattr(turn, field.name) for field in fields(NewTurn)}
    new = NewTurn(**(values | {"request": request}))
    return new, store.images.open(turn.sha256), text_of(new)


def unpacked(path: Path) -> Files:
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def packed(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in files.items():
            kind = zipfile.ZIP_STORED if name.startswith("pictures/") else zipfile.ZIP_DEFLATED
            zipped.writestr(name, content, kind)
    return path


def sealed(files: Files, **changes: Any) -> Files:
    """The files, with a manifest that matches them."""
    entries = {
        name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
        if name != "manifest.json"
    }
    manifest = {**json.loads(files["manifest.json"]), "files": entries, **changes}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def refuses(store: Store, path: Path, reason: str) -> None:
    """The archive is refused with one line, and nothing is changed."""
    with pytest.raises(InvalidInputError, match=reason) as caught:
        import_(store, path, anything, text_of)
    assert len(str(caught.value).splitlines()) == 1
    assert store.sessions() == []
    assert not list(store.images.folder.rglob("*.*"))


def test_a_session_comes_back_with_every_id_and_hash(store: Store, elsewhere: Store, file: Path, session: str) -> None:
    assert import_(elsewhere, file, anything, text_of) == session
    assert elsewhere.session(session) == store.session(session)
    here, there = store.turns(session), elsewhere.turns(session)
    assert [vars(turn) | {"image": ""} for turn in there] == [vars(turn) | {"image": ""} for turn in here]
    for mine, other in zip(here, there, strict=True):
        with Image.open(other.image) as imported:
            assert imported.text == text_of(mine)  # type: ignore[attr-defined]
    assert check(elsewhere) == []
    again = file.with_name("again.zip")
    export(elsewhere, session, again, text_of)
    assert unpacked(again)["session.json"] == unpacked(file)["session.json"]


def text_in(content: bytes) -> dict[str, str]:
    """The text chunks of a PNG."""
    with Image.open(BytesIO(content)) as image:
        return dict(image.text)  # type: ignore[attr-defined]


def test_a_picture_in_a_file_tells_the_words_of_its_own_session(
    store: Store, elsewhere: Store, begin: Callable[..., TurnRecord], tmp_path: Path
) -> None:
    theirs = begin(request={"prompt": "their words"})
    mine = store.begin_session("mini", (), *_again(theirs, store, {"prompt": "my words"}))
    assert mine.sha256 == theirs.sha256
    for turn in (theirs, mine):
        path = tmp_path / f"{turn.session}.zip"
        export(store, turn.session, path, text_of)
        assert text_in(unpacked(path)[f"pictures/{turn.sha256}.png"]) == text_of(turn)
        import_(elsewhere, path, anything, text_of)
    for turn in (theirs, mine):
        assert text_in(elsewhere.turn(turn.session).image.read_bytes()) == text_of(turn)


def test_a_file_of_an_earlier_notthat_lends_no_words(
    store: Store, begin: Callable[..., TurnRecord], tmp_path: Path
) -> None:
    mine = begin(request={"prompt": "my words"})
    shared = mine.image.with_name(f"{mine.sha256}.png")
    shared.write_bytes(store.images.png(mine.image, {"parameters": "their words"}))
    mine.image.unlink()

    export(store, mine.session, tmp_path / "mine.zip", text_of)
    assert text_in(unpacked(tmp_path / "mine.zip")[f"pictures/{mine.sha256}.png"]) == text_of(mine)


def test_what_a_picture_in_a_file_says_of_itself_is_not_believed(elsewhere: Store, file: Path, session: str) -> None:
    files = unpacked(file)
    for name in files:
        if name.startswith("pictures/"):
            files[name] = with_text(files[name], {"parameters": "something else", "Comment": "x"})
    import_(elsewhere, packed(file, sealed(files)), anything, text_of)
    for turn in elsewhere.turns(session):
        assert text_in(turn.image.read_bytes()) == text_of(turn)


def test_what_is_there_already_is_not_written_over(store: Store, file: Path, session: str) -> None:
    before = store.turns(session)
    with pytest.raises(InvalidInputError, match="exists already"):
        import_(store, file, anything, text_of)
    with pytest.raises(InvalidInputError, match="is there already"):
        export(store, session, file, text_of)
    assert store.turns(session) == before


def test_a_session_that_lacks_a_picture_is_not_exported(store: Store, session: str, tmp_path: Path) -> None:
    store.turn(session, 1).image.unlink()
    with pytest.raises(MissingPictureError):
        export(store, session, tmp_path / "lacking.zip", text_of)
    assert not list(tmp_path.glob("lacking*"))


def test_a_request_that_is_none_is_refused(elsewhere: Store, file: Path) -> None:
    def strict(turn: NewTurn) -> None:
        raise InvalidInputError("--steps: too many")

    with pytest.raises(InvalidInputError, match="not imported: --steps"):
        import_(elsewhere, file, strict, text_of)
    assert elsewhere.sessions() == []


def test_any_byte_that_was_changed_is_found_out(elsewhere: Store, file: Path, tmp_path: Path) -> None:
    files = unpacked(file)
    for name in files:
        changed = {**files, name: files[name][:-2] + bytes([files[name][-2] ^ 1]) + files[name][-1:]}
        refuses(elsewhere, packed(tmp_path / "changed.zip", changed), "not imported|damaged")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_ends_too_early_is_refused(elsewhere: Store, file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    refuses(elsewhere, file, "damaged")


def test_a_newer_file_is_refused(elsewhere: Store, file: Path) -> None:
    refuses(elsewhere, packed(file, sealed(unpacked(file), version=3)), "newer notthat")


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_a_version_that_never_was_is_refused(elsewhere: Store, file: Path, version: object) -> None:
    refuses(elsewhere, packed(file, sealed(unpacked(file), version=version)), "not one of an exported session")


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil", "pictures/../../x.png", "pictures\\..\\x.png", "notes.txt"]
)
def test_a_name_that_leads_elsewhere_is_refused(elsewhere: Store, file: Path, name: str, tmp_path: Path) -> None:
    before = set(tmp_path.parent.rglob("*"))
    refuses(elsewhere, packed(file, sealed({**unpacked(file), name: b"evil"})), "no exported session does")
    assert set(tmp_path.parent.rglob("*")) == before


def test_a_file_named_twice_is_refused(elsewhere: Store, file: Path) -> None:
    with zipfile.ZipFile(file, "a") as zipped, pytest.warns(UserWarning, match="Duplicate"):
        zipped.writestr("session.json", b"{}")
    refuses(elsewhere, file, "one twice")


@pytest.mark.parametrize("name", ["session.json", "manifest.json"])
def test_a_bomb_is_not_unpacked(elsewhere: Store, file: Path, name: str) -> None:
    bomb = b" " * (archive.MAX_SESSION_BYTES + 1)
    refuses(elsewhere, packed(file, {**sealed({**unpacked(file), "session.json": bomb}), name: bomb}), "too large")


def test_a_picture_that_is_packed_twice_is_not_unpacked(elsewhere: Store, file: Path) -> None:
    files = unpacked(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    refuses(elsewhere, file, "packed twice")


def test_a_link_is_no_picture(elsewhere: Store, file: Path, tmp_path: Path) -> None:
    files = unpacked(file)
    name = next(name for name in files if name.startswith("pictures/"))
    files = sealed({**files, name: str(tmp_path).encode()})
    with zipfile.ZipFile(file, "w") as zipped:
        for each, content in files.items():
            entry = zipfile.ZipInfo(each)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16  # as Unix packs one
            zipped.writestr(entry, content)
    refuses(elsewhere, file, "larger than|damaged")


def test_a_session_too_large_to_come_back_is_not_exported(
    store: Store, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_SESSION_BYTES", 100)
    with pytest.raises(StorageError, match="too large to be exported: it has 3 turns"):
        export(store, session, tmp_path / "large.zip", text_of)
    assert not list(tmp_path.glob("large*"))


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of one chunk of pixels, whatever they are."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def other_picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged"),
        (b"not a PNG at all, but longer than its header", "larger than|damaged"),
        (png(50_000, 50_000), "larger than"),
        (png(8, 8), "damaged"),
        (other_picture(), "not those it is named after"),
    ],
)
def test_a_picture_that_is_none_is_refused(elsewhere: Store, file: Path, content: bytes, reason: str) -> None:
    files = unpacked(file)
    name = next(name for name in files if name.startswith("pictures/"))
    refuses(elsewhere, packed(file, sealed({**files, name: content})), reason)


def session_with(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda session: {**session, **changes}


def turn_with(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda session: {**session, "turns": [*session["turns"][:-1], {**session["turns"][-1], **changes}]}


@pytest.mark.parametrize(
    "change",
    [
        session_with(id="../../../evil"),
        session_with(head=9),
        session_with(turns=[]),
        session_with(extra=1),
        session_with(model="\x1b[2Jmini"),
        session_with(created_at="0001-01-01T00:00:00+14:00"),
        turn_with(parent=7),
        turn_with(number=1),
        turn_with(parent=None),
        turn_with(seconds=float("nan")),
        turn_with(created_at="9999-12-31T23:59:59-14:00"),
        turn_with(request={"deep": float("inf")}),
        turn_with(sha256="0" * 64),
        turn_with(seed=2**64),
        turn_with(feedback="a\0b"),
    ],
)
def test_a_session_that_can_not_be_is_refused(
    elsewhere: Store, file: Path, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    files = unpacked(file)
    files["session.json"] = json.dumps(change(json.loads(files["session.json"]))).encode()
    refuses(elsewhere, packed(file, sealed(files)), "not imported|too large|NUL")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000, b'{"format": "other", "version": 1}'])
def test_a_manifest_that_is_none_is_refused(elsewhere: Store, file: Path, content: bytes) -> None:
    refuses(elsewhere, packed(file, {**unpacked(file), "manifest.json": content}), "not imported|no exported session")


def test_a_file_that_is_not_there_is_told(elsewhere: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no file .*nowhere\.zip"):
        import_(elsewhere, tmp_path / "nowhere.zip", anything, text_of)


def test_a_file_that_can_not_be_written_is_told(store: Store, session: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("nowhere", "file"):
        with pytest.raises(StorageError, match="can't be written"):
            export(store, session, tmp_path / folder / "session.zip", text_of)
