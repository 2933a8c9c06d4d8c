"""What an earlier version stored: its database is upgraded and read, its archives are imported and exported again.

`released/0003` was written by the last version with revision 0003. Its two sessions were drawn by `mini`: one with the
method `dynamic`, a policy and a branch, one with `cfg` and a `joining_step`; two turns came to no picture.
"""

import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from notthat.storage import (
    OutdatedDatabaseError,
    SessionExistsError,
    Store,
    check,
    export,
    import_,
    migrate,
    revision,
    upgrade,
)
from notthat.storage.engine import create_engine_for, database_url

RELEASED = Path(__file__).with_name("released") / "0003"
ARCHIVES = sorted(RELEASED.glob("*.zip"))
TABLES = ("sessions", "turns", "exclusions", "attempts", "receipts", "keys")


def no_text(_: object) -> dict[str, str]:
    return {}


def accept(_: object) -> None:
    return None


def archived_session(file: Path) -> dict[str, Any]:
    """The session of an archive, as JSON."""
    with zipfile.ZipFile(file) as archive:
        document: dict[str, Any] = json.loads(archive.read("session.json"))
    return document


def restore_home(home: Path) -> None:
    """The home of the earlier version: its SQLite database, and its pictures where it kept them."""
    home.mkdir()
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        database.executescript((RELEASED / "notthat.sql").read_text(encoding="utf-8"))
    for file in ARCHIVES:
        with zipfile.ZipFile(file) as archive:
            for name in (name for name in archive.namelist() if name.startswith("pictures/")):
                picture = home / "images" / Path(name).name[:2] / Path(name).name
                picture.parent.mkdir(parents=True, exist_ok=True)
                picture.write_bytes(archive.read(name))


def copy_to_server(file: Path, url: str, home: Path) -> None:
    """The same rows in a PostgreSQL database of the same revision."""
    engine = create_engine_for(database_url(url, home))
    with closing(sqlite3.connect(file)) as kept, engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "notthat.storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for table in TABLES:
            rows = kept.execute(f"SELECT * FROM {table} ORDER BY 1")
            names = ", ".join(column[0] for column in rows.description)
            marks = ", ".join(["%s"] * len(rows.description))
            for row in rows:
                connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_database_is_upgraded_and_its_sessions_go_elsewhere(
    home: Path, tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    restore_home(home)
    url: str | None = None
    if database == "postgres":
        new_database: Callable[[str], str] = request.getfixturevalue("new_database")
        url = new_database("released_sessions")
        copy_to_server(home / "notthat.db", url, home)
    assert revision(url, home=home) == "0003"
    with pytest.raises(OutdatedDatabaseError, match="notthat db upgrade"):
        Store.open(url, home=home)
    assert upgrade(url, home=home) == migrate.REVISIONS[-1]

    with Store.open(url, home=home) as store, Store.open(home=tmp_path / "elsewhere") as elsewhere:
        assert check(store) == []
        drawn = next(session for session in store.sessions() if session.policies)
        turns = store.turns(drawn.id)
        assert [(turn.number, turn.parent) for turn in turns] == [(0, None), (1, 0), (2, 1), (3, 1)]
        assert (drawn.head, turns[3].feedback, turns[3].request["method"]) == (3, "no glasses, please", "dynamic")
        assert turns[3].request["shown"] == ["hat", "glasses"]
        assert [each.since for each in turns[3].exclusions if each.source == "user"] == [0, 1, 3]
        assert turns[1].exclusions[-1].words == "no hat"
        assert store.turn(drawn.id, 2).provenance is not None

        attempts = store.attempts.all(drawn.id)
        assert [(each.status, each.turn.feedback) for each in attempts] == [
            ("failed", "no umbrella"),
            ("cancelled", "make the blur stronger"),
        ]
        retried = store.attempts.retry(drawn.id)
        assert (retried.turn.number, retried.turn.parent, retried.command) == (4, 3, None)
        assert retried.turn.exclusions[0].weight == 1.2

        for session in store.sessions():
            file = tmp_path / f"{session.id}.zip"
            assert export(store, session.id, file, no_text) == session.turns
            assert import_(elsewhere, file, accept, no_text) == session.id
            for here, there in zip(store.turns(session.id), elsewhere.turns(session.id), strict=True):
                assert here == replace(there, image=here.image)


@pytest.mark.parametrize("file", ARCHIVES, ids=lambda file: file.stem)
def test_an_archive_is_imported_and_exported_as_it_was(store: Store, tmp_path: Path, file: Path) -> None:
    document = archived_session(file)
    assert import_(store, file, accept, no_text) == document["id"]
    with pytest.raises(SessionExistsError):
        import_(store, file, accept, no_text)
    assert check(store) == []
    session = store.session(document["id"])
    assert (session.head, session.turns) == (document["head"], len(document["turns"]))

    again = tmp_path / "again.zip"
    export(store, document["id"], again, no_text)
    assert archived_session(again) == document
