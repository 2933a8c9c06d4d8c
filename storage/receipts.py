"""Receipts: what became of a request that named itself, so that the same one, sent again, makes no second turn."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from ..errors import InvalidInputError
from . import rows
from .database import Database
from .models import ReceiptRow
from .records import KeptReceipt, Receipt

KEPT = timedelta(days=7)
"""How long a receipt is kept."""


class Receipts:
    """The receipts of a store; they are written in one transaction with what they are for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: str) -> KeptReceipt | None:
        """What a request of this key came to, if it came to a turn."""
        with self._database.reading() as db:
            row = db.get(ReceiptRow, key)
            return None if row is None else KeptReceipt(row.fingerprint, row.session_id, row.number)

    def forget_old(self) -> None:
        """Delete those that nobody will ask for any more."""
        with self._database.writing() as db:
            db.execute(delete(ReceiptRow).where(ReceiptRow.created_at < rows.now() - KEPT))


def keep(db: Session, receipt: Receipt | None, session_id: str, number: int) -> None:
    """Write a receipt in an open transaction. Raises `InvalidInputError` where there is one already."""
    if receipt is None:
        return
    if db.get(ReceiptRow, receipt.key) is not None:
        raise InvalidInputError("this request was made already, and is answered by its first turn")
    db.add(
        ReceiptRow(
            key=receipt.key,
            fingerprint=receipt.fingerprint,
            session_id=session_id,
            number=number,
            created_at=rows.now(),
        )
    )
