"""The tables that the migrations make, and those that the models describe."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect

from notthat.storage import StorageError, Store, migrate, revision, upgrade
from notthat.storage.connection import connect, database_url
from notthat.storage.models import Base


@pytest.fixture
def migrated(home: Path) -> Iterator[Engine]:
    upgrade(home=home)
    engine = create_engine(f"sqlite:///{home}/notthat.db")
    yield engine
    engine.dispose()


def described(engine: Engine) -> dict[str, Any]:
    """All that a database says of its tables, less how it was typed."""
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
    assert set(described(migrated)) == {"sessions", "turns", "exclusions"}
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
        database.execute("INSERT INTO exclusions VALUES (7, 0, 'fog', 1.0, 'user', 0, 'no fog')")

    with pytest.raises(StorageError, match="not upgraded: a row of “exclusions” belongs to none of “turns”"):
        upgrade(home=home)


@pytest.mark.parametrize("foreign_keys", [True, False])
def test_sqlite_is_told_how_to_behave_on_every_connection(home: Path, foreign_keys: bool) -> None:
    home.mkdir()
    engine = connect(database_url(None, home), foreign_keys=foreign_keys, wait=1.5)
    with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):

            def value(pragma: str, connection: Connection = connection) -> Any:
                return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()

            assert value("busy_timeout") == 1500
            assert value("journal_mode") == "wal"
            assert value("foreign_keys") == foreign_keys
            assert value("synchronous") == 2  # FULL
    engine.dispose()
