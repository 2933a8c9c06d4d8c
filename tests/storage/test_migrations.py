"""Migrations create the tables that the models describe."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect

from notthat.storage import OutdatedDatabaseError, StorageError, Store, check, migrate, revision, upgrade
from notthat.storage.engine import create_engine_for, database_url
from notthat.storage.tables import Base


@pytest.fixture
def migrated(home: Path) -> Iterator[Engine]:
    upgrade(home=home)
    engine = create_engine(f"sqlite:///{home}/notthat.db")
    yield engine
    engine.dispose()


def described(engine: Engine) -> dict[str, Any]:
    """The schema that a database reports, without the spelling of types."""
    tables = inspect(engine)
    return {
        name: {
            "columns": [{**column, "type": str(column["type"])} for column in tables.get_columns(name)],
            "primary key": tables.get_pk_constraint(name),
            "foreign keys": sorted(map(str, tables.get_foreign_keys(name))),
            "indexes": sorted(map(str, tables.get_indexes(name))),
            "unique": sorted(map(str, tables.get_unique_constraints(name))),
            "checks": sorted(map(str, tables.get_check_constraints(name))),
        }
        for name in tables.get_table_names()
        if name != "alembic_version"
    }


def test_alembic_sees_no_difference(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_tables_are_those_the_models_would_make(migrated: Engine, tmp_path: Path) -> None:
    modelled = create_engine(f"sqlite:///{tmp_path}/modelled.db")
    Base.metadata.create_all(modelled)

    assert described(migrated) == described(modelled)
    assert set(described(migrated)) == {
        "sessions",
        "turns",
        "exclusions",
        "attempts",
        "turn_aliases",
        "receipts",
        "questions",
        "keys",
        "turn_events",
        "rate_limits",
    }
    modelled.dispose()


def test_the_known_revisions_are_those_of_the_files() -> None:
    config = Config()
    config.set_main_option("script_location", "notthat.storage:migrations")
    newest_first = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(newest_first)) == migrate.REVISIONS


def test_an_empty_database_has_no_revision_and_opening_gives_it_the_newest(home: Path) -> None:
    home.mkdir()
    assert revision(home=home) is None

    Store.open(home=home).close()
    assert revision(home=home) == migrate.REVISIONS[-1]


def test_upgrading_again_changes_nothing(home: Path) -> None:
    assert upgrade(home=home) == migrate.REVISIONS[-1]
    before = (home / "notthat.db").read_bytes()

    assert upgrade(home=home) == migrate.REVISIONS[-1]
    assert (home / "notthat.db").read_bytes() == before


def test_an_upgrade_refuses_rows_that_belong_to_none(home: Path) -> None:
    upgrade(home=home)
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        columns = "turn_id, position, term, weight, source, since, words"
        database.execute(f"INSERT INTO exclusions ({columns}) VALUES (7, 0, 'fog', 1.0, 'user', 0, 'no fog')")

    with pytest.raises(StorageError, match="not upgraded: a row of “exclusions” refers to a missing row of “turns”"):
        upgrade(home=home)


@pytest.mark.parametrize("foreign_keys", [True, False])
def test_sqlite_is_told_how_to_behave_on_every_connection(home: Path, foreign_keys: bool) -> None:
    home.mkdir()
    engine = create_engine_for(database_url(None, home), foreign_keys=foreign_keys, wait=1.5)
    with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):

            def value(pragma: str, connection: Connection = connection) -> Any:
                return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()

            assert value("busy_timeout") == 1500
            assert value("journal_mode") == "wal"
            assert value("foreign_keys") == foreign_keys
            assert value("synchronous") == 2  # FULL
    engine.dispose()


RELEASED = {"0001": "0.1.0"}
"""Released revisions, and the version of each."""


def holds_what_was_kept(url: str | None, home: Path) -> None:
    """A database of a released version needs an upgrade, and keeps all data."""
    with pytest.raises(OutdatedDatabaseError, match="notthat db upgrade"):
        Store.open(url, home=home)
    assert upgrade(url, home=home) == migrate.REVISIONS[-1]
    with Store.open(url, home=home) as store:
        (session,) = store.sessions()
        assert (session.model, session.policies, session.head, session.turns) == ("mini", ("quality",), 2, 3)
        first, second, third = store.turns(session.id)
        assert (second.parent, third.parent, third.feedback) == (0, 0, "keine Möwen")
        assert [each.term for each in third.exclusions] == ["blurry", "seagulls"]
        assert (first.provenance, first.seconds, third.seed) == (None, 0.25, 2**40)
        assert first.created_at == datetime(2026, 10, 2, 9, 15, tzinfo=UTC)
        assert [finding.kind for finding in check(store)] == ["missing picture"] * 3
        assert store.attempts.all() == []


def released_database(revision: str, file: Path) -> None:
    """The SQLite database of a released revision, in a new file."""
    dump = Path(__file__).with_name("released") / revision / "notthat.sql"
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(dump.read_text(encoding="utf-8"))


@pytest.mark.parametrize("released", RELEASED)
def test_what_a_released_notthat_kept_is_there_after_the_upgrade(home: Path, released: str) -> None:
    home.mkdir()
    released_database(released, home / "notthat.db")
    assert revision(home=home) == released
    holds_what_was_kept(None, home)


@pytest.mark.parametrize("released", RELEASED)
def test_it_is_there_on_a_server_too(
    home: Path, tmp_path: Path, released: str, new_database: Callable[[str], str]
) -> None:
    url = new_database(f"released_{released}")
    released_database(released, tmp_path / "released.db")
    engine = create_engine_for(database_url(url, home))
    with closing(sqlite3.connect(tmp_path / "released.db")) as kept, engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "notthat.storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, released)
        for table in ("sessions", "turns", "exclusions"):
            rows = kept.execute(f"SELECT * FROM {table} ORDER BY 1")
            marks = ", ".join(["%s"] * len(rows.description))
            for row in rows:
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", row)
    engine.dispose()
    holds_what_was_kept(url, home)
