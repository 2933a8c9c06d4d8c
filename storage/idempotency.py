"""Idempotency keys: a repeated request returns the turn that the first one created."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from . import queries
from .engine import Database
from .errors import AlreadyRequestedError
from .records import IdempotencyKey
from .tables import ReceiptRow

RETENTION = timedelta(days=7)
"""Time after which a key is deleted."""


class IdempotencyKeys:
    """The idempotency keys of a store. Each is written in the same transaction as its turn."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require_new(self, receipt: IdempotencyKey) -> None:
        """Raise `AlreadyRequestedError` if a turn was created with this key."""
        with self._database.read_session() as db:
            require_new(db, receipt)

    def forget_old(self) -> None:
        """Delete keys older than `RETENTION`."""
        with self._database.write_session() as db:
            db.execute(delete(ReceiptRow).where(ReceiptRow.created_at < queries.utc_now() - RETENTION))


def require_new(db: Session, idempotency_key: IdempotencyKey | None) -> None:
    """Raise `AlreadyRequestedError` if a turn was created with this key."""
    row = None if idempotency_key is None else db.get(ReceiptRow, idempotency_key.key)
    if row is not None:
        raise AlreadyRequestedError(row.session_id, row.number, row.fingerprint)


def save_idempotency_key(db: Session, idempotency_key: IdempotencyKey | None, session_id: str, number: int) -> None:
    """Store a key in an open transaction. An existing key is left unchanged."""
    if idempotency_key is None or db.get(ReceiptRow, idempotency_key.key) is not None:
        return
    db.add(
        ReceiptRow(
            key=idempotency_key.key,
            fingerprint=idempotency_key.fingerprint,
            session_id=session_id,
            number=number,
            created_at=queries.utc_now(),
        )
    )
