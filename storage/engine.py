"""Database engines: addresses, connection settings and transactions for SQLite and PostgreSQL."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from ..errors import InvalidInputError
from .error_translation import translate_errors
from .errors import StorageError
from .placement import OpenedFile

WAIT_SECONDS = 30.0
"""Seconds that a write waits for another process."""

_DUMPS = partial(json.dumps, ensure_ascii=False, allow_nan=False)  # plain text in SQL, and strictly valid JSON


def database_url(url: str | None, home: Path) -> URL:
    """The database's address: `url`, or the file `notthat.db` in the folder `home`.

    `url` is an SQLite file, `sqlite:////folder/notthat.db`, or a PostgreSQL database,
    `postgresql://user:password@host/name`.

    Raises:
        InvalidInputError: if the address is invalid, or names a database in memory: pictures would outlive their rows.
    """
    if url is None:
        return URL.create("sqlite", database=str(home.absolute() / "notthat.db"))
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise InvalidInputError(
            "the database address is invalid: write it like sqlite:////folder/notthat.db"
        ) from error
    is_in_memory = address.database in (None, "", ":memory:") or address.query.get("mode") == "memory"
    if address.get_backend_name() == "sqlite" and is_in_memory:
        raise InvalidInputError("a database in memory keeps nothing: write sqlite:////folder/notthat.db")
    if address.get_backend_name() in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    return address


def describe_location(url: URL) -> str:
    """The database's path or address for messages, without the password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def create_engine_for(url: URL, *, foreign_keys: bool = True, wait: float = WAIT_SECONDS) -> Engine:
    """An engine for `url`. It connects on first use.

    A transaction on `for_writing(engine)` holds the write lock from its start. Without `foreign_keys` SQLite does not
    enforce them, as migrations that rebuild tables require.
    """
    try:
        if url.get_backend_name() == "postgresql":
            return _connect_postgresql(url, wait)
        engine = create_engine(url, json_serializer=_DUMPS, max_overflow=-1)
    except (ArgumentError, ImportError) as error:
        advice = "pip install 'notthat[postgres]', or " if url.get_backend_name() == "postgresql" else ""
        raise InvalidInputError(
            f"no driver for {url.drivername} is installed: {advice}use an address that starts with sqlite:///"
        ) from error
    if url.get_backend_name() != "sqlite":
        raise InvalidInputError(f"{url.get_backend_name()} is not supported: use sqlite:/// or postgresql://")
    _prepare_sqlite(engine, foreign_keys=foreign_keys, wait=wait)
    return engine


def _connect_postgresql(url: URL, wait: float) -> Engine:
    """An engine that tests pooled connections before use, because servers restart."""
    default_arguments = {"options": f"-c lock_timeout={int(wait * 1000)} -c timezone=UTC"}
    return create_engine(
        url,
        json_serializer=_DUMPS,
        max_overflow=-1,
        pool_pre_ping=True,
        connect_args={} if "options" in url.query else default_arguments,
    )


def for_writing(engine: Engine) -> Engine:
    """The same engine and pool, for write transactions."""
    return engine.execution_options(sqlite_begin="IMMEDIATE")


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool, wait: float) -> None:
    pragmas = (
        f"busy_timeout={int(wait * 1000)}",  # first, because the next pragma may wait for a lock
        "journal_mode=WAL",  # readers don't block on a writer
        f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        # A killed process loses no commit in either mode; FULL protects against a power cut. With WAL and NORMAL, a
        # commit is only synced at the next checkpoint, which may be a hundred turns later. A turn that the user
        # has seen must not be lost, nor accepted feedback. Therefore both transactions of a turn, and the picture
        # between them, are synced separately.
        "synchronous=FULL",
        "secure_delete=ON",  # overwrites deleted rows with zeros; `Database.vacuum` clears remaining copies
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # Python would begin transactions only before the first INSERT; `on_begin` begins them instead.
        connection.isolation_level = None
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A transaction that reads before it writes fails if another process writes in between
        # (SQLITE_BUSY_SNAPSHOT), so write transactions take the lock at once.
        # None is for statements that must run outside a transaction, such as VACUUM.
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        if mode is not None:
            connection.exec_driver_sql(f"BEGIN {mode}")


class Database:
    """An engine with read and write transactions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.place = describe_location(engine.url)
        """The database's path or address for messages, without the password."""
        name = str(engine.url.database)
        self._file = OpenedFile(Path(name)) if self.is_sqlite and not name.startswith("file:") else None
        self._writer = for_writing(engine)
        # All statements of a read session see one snapshot. SQLite's transactions do that by default.
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def vacuum(self) -> None:
        """Rewrite SQLite's file without deleted rows, and truncate its log. Does nothing on PostgreSQL.

        `secure_delete` is not enough: SQLite copies rows when it balances pages, and old copies stay.

        Raises:
            StorageError: if another program reads or writes for too long.
        """
        if not self.is_sqlite:
            return
        autocommit_engine = self.engine.execution_options(sqlite_begin=None)
        with translate_errors(self.place), autocommit_engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        if is_busy:
            raise StorageError(
                f"{self.place} is being read by another program, so deleted data is still in its log: "
                "run “notthat db prune” when that program is done"
            )

    @contextmanager
    def read_session(self) -> Iterator[Session]:
        """A read transaction on one snapshot."""
        self._check_place()
        with translate_errors(self.place), Session(self._reader) as db:
            yield db

    @contextmanager
    def write_session(self) -> Iterator[Session]:
        """A write transaction, committed at the end of the block. SQLite's write lock is held from its start."""
        self._check_place()
        with translate_errors(self.place), Session(self._writer) as db, db.begin():
            db.connection()
            yield db

    def _check_place(self) -> None:
        """Raise `StorageError` if the file was moved or replaced, since writes to it would be lost."""
        if self._file is not None:
            self._file.check()
