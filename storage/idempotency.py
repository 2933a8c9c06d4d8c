"""Receipts: what became of a request that named itself, so that the same one, sent again, makes no second turn."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from . import queries
from .engine import Database
from .errors import AlreadyRequestedError
from .records import IdempotencyKey
from .tables import ReceiptRow

RETENTION = timedelta(days=7)
"""How long a receipt is kept."""


class IdempotencyKeys:
    """The receipts of a store; they are written in one transaction with what they are for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require_new(self, receipt: IdempotencyKey) -> None:
        """Raise `AlreadyRequestedError` where the request came to a turn before."""
        with self._database.read_session() as db:
            require_new(db, receipt)

    def forget_old(self) -> None:
        """Delete those that nobody will ask for any more."""
        with self._database.write_session() as db:
            db.execute(delete(ReceiptRow).where(ReceiptRow.created_at < queries.utc_now() - RETENTION))


def require_new(db: Session, idempotency_key: IdempotencyKey | None) -> None:
    """Raise `AlreadyRequestedError` where the request came to a turn before."""
    row = None if idempotency_key is None else db.get(ReceiptRow, idempotency_key.key)
    if row is not None:
        raise AlreadyRequestedError(row.session_id, row.number, row.fingerprint)


def save_idempotency_key(db: Session, idempotency_key: IdempotencyKey | None, session_id: str, number: int) -> None:
    """Write a receipt in an open transaction; where there is one already, that one stays."""
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
