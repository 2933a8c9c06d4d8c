"""How the database is reached: its address, and what SQLite and PostgreSQL are told on every connection."""

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
"""How long a write waits for another process's before it gives up."""

_DUMPS = partial(json.dumps, ensure_ascii=False, allow_nan=False)  # readable in plain SQL, and JSON to all


def database_url(url: str | None, home: Path) -> URL:
    """The database's address: `url`, or the file `notthat.db` in the folder `home`.

    `url` names a file of SQLite's, `sqlite:////folder/notthat.db`, or a database of a PostgreSQL server,
    `postgresql://user:password@host/name`. Raises `InvalidInputError` when it is no address, or one of a
    database in memory: pictures stay, so what tells about them has to.
    """
    if url is None:
        return URL.create("sqlite", database=str(home.absolute() / "notthat.db"))
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise InvalidInputError(
            "the database's address can't be read: write it like sqlite:////folder/notthat.db"
        ) from error
    in_memory = address.database in (None, "", ":memory:") or address.query.get("mode") == "memory"
    if address.get_backend_name() == "sqlite" and in_memory:
        raise InvalidInputError("a database in memory keeps nothing: write sqlite:////folder/notthat.db")
    if address.get_backend_name() in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    return address


def describe_location(url: URL) -> str:
    """The database by the name its user knows it by; no password is in it."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def create_engine_for(url: URL, *, foreign_keys: bool = True, wait: float = WAIT_SECONDS) -> Engine:
    """An engine for `url`; nothing is opened before it is used.

    A transaction on `writing(engine)` holds the write lock from its start. Without `foreign_keys`
    SQLite doesn't enforce them, which is what a migration needs that rebuilds tables.
    """
    try:
        if url.get_backend_name() == "postgresql":
            return _connect_postgresql(url, wait)
        engine = create_engine(url, json_serializer=_DUMPS, max_overflow=-1)
    except (ArgumentError, ImportError) as error:
        needed = "pip install 'notthat[postgres]', or " if url.get_backend_name() == "postgresql" else ""
        raise InvalidInputError(
            f"no driver for a {url.drivername} database is installed: {needed}use one that starts with sqlite:///"
        ) from error
    if url.get_backend_name() != "sqlite":
        raise InvalidInputError(f"sessions can't be kept in {url.get_backend_name()}: use sqlite:/// or postgresql://")
    _prepare_sqlite(engine, foreign_keys=foreign_keys, wait=wait)
    return engine


def _connect_postgresql(url: URL, wait: float) -> Engine:
    """An engine whose connections are looked at before they are used again: servers restart."""
    told = {"options": f"-c lock_timeout={int(wait * 1000)} -c timezone=UTC"}
    return create_engine(
        url,
        json_serializer=_DUMPS,
        max_overflow=-1,
        pool_pre_ping=True,
        connect_args={} if "options" in url.query else told,
    )


def for_writing(engine: Engine) -> Engine:
    """The same engine and pool, for transactions that write."""
    return engine.execution_options(sqlite_begin="IMMEDIATE")


def _prepare_sqlite(engine: Engine, *, foreign_keys: bool, wait: float) -> None:
    pragmas = (
        f"busy_timeout={int(wait * 1000)}",  # first: the next one may have to wait for a lock
        "journal_mode=WAL",  # readers don't wait for a writer
        f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        # A killed process loses no commit either way; a power cut is what this is for. With WAL and NORMAL, a
        # commit is in the log but not on the disk before the next checkpoint, which may be a hundred turns
        # later. A turn that was shown is a promise to keep it, and so are words that were taken in, so that
        # both of a turn's transactions, and its picture between them, are synced each by themselves.
        "synchronous=FULL",
        "secure_delete=ON",  # deleted rows are overwritten with zeros; `Database.vacuum` clears what that misses
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # Python would open transactions late, before the first INSERT; `on_begin` opens them instead.
        connection.isolation_level = None
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A transaction that reads before it writes could not wait its turn when another process wrote in
        # between (SQLITE_BUSY_SNAPSHOT), so those that will write ask for the lock at once.
        # None is for what has to run outside of any transaction, such as VACUUM.
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        if mode is not None:
            connection.exec_driver_sql(f"BEGIN {mode}")


class Database:
    """An engine, and the two kinds of transactions on it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.place = describe_location(engine.url)
        """The database's file or address, as its user knows it; no password is in it."""
        name = str(engine.url.database)
        self._file = OpenedFile(Path(name)) if self.is_sqlite and not name.startswith("file:") else None
        self._writer = for_writing(engine)
        # Every statement of one look sees the same moment: SQLite's transactions do that by themselves.
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite's."""
        return self.engine.dialect.name == "sqlite"

    def vacuum(self) -> None:
        """Rewrite SQLite's file without what was deleted, and empty its log; does nothing on PostgreSQL.

        `secure_delete` alone is not enough: SQLite copies rows when it balances its pages, and old copies stay.
        Raises `StorageError` where another program reads or writes for too long.
        """
        if not self.is_sqlite:
            return
        outside = self.engine.execution_options(sqlite_begin=None)
        with translate_errors(self.place), outside.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        if busy:
            raise StorageError(
                f"{self.place} is being read by another program, and what was deleted is still in its log: "
                "run notthat db prune when that is done"
            )

    @contextmanager
    def read_session(self) -> Iterator[Session]:
        """One consistent look."""
        self._check_place()
        with translate_errors(self.place), Session(self._reader) as db:
            yield db

    @contextmanager
    def write_session(self) -> Iterator[Session]:
        """All of what is written in the block is kept, or nothing; SQLite's write lock is held from its start."""
        self._check_place()
        with translate_errors(self.place), Session(self._writer) as db, db.begin():
            db.connection()
            yield db

    def _check_place(self) -> None:
        """Raise `StorageError` where the file is not there any more: what is written to it would be lost."""
        if self._file is not None:
            self._file.check()
