"""Messages for failures of the database and the disk: one line that says what to do next."""

import os
import re
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from notthat.errors import InvalidInputError, NotthatError
from notthat.storage import (
    NewerDatabaseError,
    NewTurn,
    OutdatedDatabaseError,
    StorageError,
    Store,
    TurnRecord,
    check,
    migrate,
    revision,
    upgrade,
)

Begin = Callable[..., TurnRecord]
Grow = Callable[..., TurnRecord]


@contextmanager
def fails(kind: type[NotthatError], *words: str) -> Iterator[None]:
    """Expect this error, in one line that contains these words and no technical jargon."""
    with pytest.raises(NotthatError) as caught:
        yield
    message = str(caught.value)
    assert type(caught.value) is kind, message
    assert len(message.splitlines()) == 1
    assert all(word in message for word in words), message
    assert not re.search(r"sqlalche|Traceback|Error\b|INSERT|SELECT|\[SQL|\(sqlite3", message), message


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """A full disk, as far as this process can tell (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def make_database(home: Path) -> Path:
    Store.open(home=home).close()
    return home / "notthat.db"


def execute(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(statement)


def test_a_newer_database_asks_for_a_newer_notthat(home: Path) -> None:
    file = make_database(home)
    execute(file, "UPDATE alembic_version SET version_num = '9999'")
    before = file.read_bytes()

    for door in (Store.open, upgrade):
        with fails(NewerDatabaseError, str(file), "made by a newer notthat", "update notthat"):
            door(home=home)
    assert revision(home=home) == "9999"
    assert file.read_bytes() == before


def test_an_older_database_asks_for_an_upgrade(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_database(home)
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, "9999"))

    with fails(OutdatedDatabaseError, str(file), "older notthat", "notthat db upgrade"):
        Store.open(home=home)


@pytest.mark.parametrize("content", [b"not a database, " * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_left_alone(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "notthat.db").write_bytes(content)

    for door in (Store.open, upgrade, revision):
        with fails(StorageError, str(home / "notthat.db"), "not a notthat database"):
            door(home=home)
    assert (home / "notthat.db").read_bytes() == content


def test_another_program_s_database_is_left_alone(home: Path) -> None:
    home.mkdir()
    execute(home / "notthat.db", "CREATE TABLE bookmarks (url TEXT)")

    for door in (Store.open, upgrade):
        with fails(StorageError, "another program", "NOTTHAT_HOME"):
            door(home=home)
    with closing(sqlite3.connect(home / "notthat.db")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_an_empty_file_is_an_empty_database(home: Path) -> None:
    home.mkdir()
    (home / "notthat.db").touch()

    with Store.open(home=home) as store:
        assert store.sessions() == []


def test_a_home_that_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    for home in (file, file / "below"):
        with fails(StorageError, str(file), "is not a folder", "NOTTHAT_HOME"):
            Store.open(home=home)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_home_that_can_t_be_written(home: Path) -> None:
    home.mkdir(mode=0o500)

    with fails(StorageError, str(home)):
        Store.open(home=home)


def test_a_database_in_a_folder_that_is_not_there(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "some.db"

    with fails(StorageError, str(file), "can't be opened", "folder"):
        Store.open(f"sqlite:///{file}", home=home)


def test_a_read_only_database_can_be_read(
    home: Path, store: Store, begin: Begin, grow: Grow, turn: Callable[..., NewTurn]
) -> None:
    session = begin().session
    grow(session)
    with Store.open(f"sqlite:///file:{home}/notthat.db?mode=ro&uri=true", home=home) as read_only:
        assert read_only.turns(session) == store.turns(session)
        with fails(StorageError, "notthat.db", "can't be written"):
            read_only.move_head(session, 0)
        with fails(StorageError, "notthat.db", "can't be written"):
            read_only.add_turn(session, turn(2, 0), Image.new("RGB", (3, 3)), {})
    assert (store.session(session).head, store.session(session).turns) == (1, 2)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "nosuchthing://user:secret@host/db"]
)
def test_an_address_that_is_none(home: Path, url: str) -> None:
    with fails(InvalidInputError, "sqlite:///"):
        Store.open(url, home=home)
    with pytest.raises(InvalidInputError) as caught:
        Store.open(url, home=home)
    assert "secret" not in str(caught.value)


def test_another_database_than_the_home_s(home: Path, tmp_path: Path, turn: Callable[..., NewTurn]) -> None:
    with Store.open(f"sqlite:///{tmp_path}/other.db", home=home) as store:
        kept = store.begin_session("mini", (), turn(0, None), Image.new("RGB", (2, 2)), {})

    assert (tmp_path / "other.db").is_file()
    assert kept.image.is_relative_to(home / "images")
    assert not (home / "notthat.db").exists()


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "日本", "a b"])
def test_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    with Store.open(home=tmp_path / name) as store:
        assert store.sessions() == []
    assert (tmp_path / name / "notthat.db").is_file()


def test_a_locked_database(home: Path, store: Store, begin: Begin, turn: Callable[..., NewTurn]) -> None:
    session = begin().session
    with closing(sqlite3.connect(home / "notthat.db")) as other, Store.open(home=home, wait=0.05) as mine:
        other.execute("BEGIN IMMEDIATE")
        with fails(StorageError, "notthat.db", "another program", "try again"):
            mine.add_turn(session, turn(1, 0), Image.new("RGB", (3, 3)), {})
        assert mine.turn(session).number == 0  # whoever only reads doesn't wait
        other.rollback()

        assert mine.add_turn(session, turn(1, 0), Image.new("RGB", (3, 3)), {}).number == 1


def test_no_room_for_the_picture(store: Store, begin: Begin, grow: Grow) -> None:
    session = begin().session
    with no_file_grows_beyond(0), fails(StorageError, "images", "disk is full"):
        grow(session)

    assert store.session(session).turns == 1
    assert grow(session).number == 1
    assert check(store) == []


def test_no_room_for_the_turn(home: Path, store: Store, begin: Begin, grow: Grow) -> None:
    session = begin().session
    with no_file_grows_beyond((home / "notthat.db-wal").stat().st_size):
        with fails(StorageError, "notthat.db", "space"):
            grow(session, feedback="long " * 10_000)
        assert [turn.number for turn in store.turns(session)] == [0]

    assert all(finding.is_harmless for finding in check(store))
    assert grow(session).number == 1


def test_no_room_for_the_first_picture_leaves_no_session(store: Store, begin: Begin) -> None:
    with no_file_grows_beyond(0), fails(StorageError, "disk is full"):
        begin()
    assert store.sessions() == []
