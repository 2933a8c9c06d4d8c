"""Database revisions, and upgrades to the newest one.

The revisions are Alembic migrations in `migrations/versions`. Alembic is only imported for an upgrade.
"""

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, inspect, text

from .atomic_files import make_folder
from .engine import create_engine_for, database_url, describe_location, for_writing
from .error_translation import translate_errors
from .errors import NewerDatabaseError, OutdatedDatabaseError, StorageError

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
"""All revisions, oldest first. A test compares them with the files in `migrations/versions`."""

_UPGRADE_LOCK = 0x6E6F747468617400
"""Key of PostgreSQL's advisory lock for upgrades: "notthat" in ASCII."""


def revision(url: str | None = None, *, home: Path) -> str | None:
    """The revision of the database at `url`, by default in the folder `home`. None for an empty database.

    Raises:
        StorageError: if the database is unreadable, or belongs to another program.
    """
    address = database_url(url, home)
    engine = create_engine_for(address)
    try:
        with translate_errors(describe_location(address)):
            return _read_revision(engine, address)
    finally:
        engine.dispose()


def upgrade(url: str | None = None, *, home: Path) -> str:
    """Upgrade the database at `url` to the newest revision, keep its data, and return the revision.

    The upgrade is one transaction: if it fails, nothing changes. Several processes may upgrade the same database at
    once.

    Raises:
        StorageError: if the upgrade fails.
        NewerDatabaseError: if the database has a newer schema than this version of notthat supports.
    """
    address = database_url(url, home)
    make_home(home)
    _upgrade(address)
    return REVISIONS[-1]


def make_ready(engine: Engine, url: URL) -> None:
    """Create the tables in an empty database.

    Raises:
        OutdatedDatabaseError, NewerDatabaseError: if existing tables do not have the newest revision.
    """
    with translate_errors(describe_location(url)):
        existing = _read_revision(engine, url)
    if existing is None:
        _upgrade(url)
        return
    _refuse_newer(existing, url)
    if existing != REVISIONS[-1]:
        raise OutdatedDatabaseError(
            f"{describe_location(url)} was made by an older notthat: run “notthat db upgrade” to bring it up to date"
        )


def make_home(home: Path) -> None:
    with translate_errors(home):
        make_folder(home)


def _upgrade(url: URL) -> None:
    engine = create_engine_for(url, foreign_keys=False)
    try:
        with translate_errors(describe_location(url)):
            _refuse_newer(_read_revision(engine, url), url)
            with for_writing(engine).begin() as connection:
                if connection.dialect.name == "postgresql":  # SQLite's write lock is held already
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
                _run_migrations(connection)
                _check_foreign_keys(connection, url)
    finally:
        engine.dispose()


def _read_revision(engine: Engine, url: URL) -> str | None:
    with engine.begin() as connection:
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        if "alembic_version" not in tables or "sessions" not in tables:
            raise StorageError(
                f"{describe_location(url)} is another program's database: set NOTTHAT_HOME to another folder"
            )
        version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return version


def _refuse_newer(existing: str | None, url: URL) -> None:
    if existing is not None and existing not in REVISIONS:
        raise NewerDatabaseError(f"{describe_location(url)} was made by a newer notthat: update notthat to use it")


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", f"{__package__}:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_foreign_keys(connection: Connection, url: URL) -> None:
    if connection.dialect.name == "sqlite":
        violation = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if violation is not None:
            raise StorageError(
                f"{describe_location(url)} was not upgraded: a row of “{violation[0]}” refers to a missing row of "
                f"“{violation[2]}”; restore it from a copy"
            )
