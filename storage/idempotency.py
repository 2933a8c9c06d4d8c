"""Receipts: what became of a request that named itself, so that the same one, sent again, makes no second turn."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from . import queries
from .engine import Database
from .errors import AlreadyRequestedError
from .records import Receipt
from .tables import ReceiptRow

KEPT = timedelta(days=7)
"""How long a receipt is kept."""


class Receipts:
    """The receipts of a store; they are written in one transaction with what they are for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require_new(self, receipt: Receipt) -> None:
        """Raise `AlreadyRequestedError` where the request came to a turn before."""
        with self._database.reading() as db:
            require_new(db, receipt)

    def forget_old(self) -> None:
        """Delete those that nobody will ask for any more."""
        with self._database.writing() as db:
            db.execute(delete(ReceiptRow).where(ReceiptRow.created_at < queries.now() - KEPT))


def require_new(db: Session, receipt: Receipt | None) -> None:
    """Raise `AlreadyRequestedError` where the request came to a turn before."""
    row = None if receipt is None else db.get(ReceiptRow, receipt.key)
    if row is not None:
        raise AlreadyRequestedError(row.session_id, row.number, row.fingerprint)


def keep(db: Session, receipt: Receipt | None, session_id: str, number: int) -> None:
    """Write a receipt in an open transaction; where there is one already, that one stays."""
    if receipt is None or db.get(ReceiptRow, receipt.key) is not None:
        return
    db.add(
        ReceiptRow(
            key=receipt.key,
            fingerprint=receipt.fingerprint,
            session_id=session_id,
            number=number,
            created_at=queries.now(),
        )
    )
