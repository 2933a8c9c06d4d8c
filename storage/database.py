"""Transactions on the database, with errors told as the product's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from .boundary import explained
from .connection import place, writing
from .errors import StorageError
from .placement import OpenedFile


class Database:
    """An engine, and the two kinds of transactions on it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.place = place(engine.url)
        """The database's file or address, as its user knows it; no password is in it."""
        name = str(engine.url.database)
        self._file = OpenedFile(Path(name)) if self.is_sqlite and not name.startswith("file:") else None
        self._writer = writing(engine)
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
        with explained(self.place), outside.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        if busy:
            raise StorageError(
                f"{self.place} is being read by another program, and what was deleted is still in its log: "
                "run notthat db prune when that is done"
            )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent look."""
        self._check_place()
        with explained(self.place), Session(self._reader) as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """All of what is written in the block is kept, or nothing; SQLite's write lock is held from its start."""
        self._check_place()
        with explained(self.place), Session(self._writer) as db, db.begin():
            db.connection()
            yield db

    def _check_place(self) -> None:
        """Raise `StorageError` where the file is not there any more: what is written to it would be lost."""
        if self._file is not None:
            self._file.check()
