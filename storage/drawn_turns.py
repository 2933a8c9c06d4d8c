"""Pending turns whose picture is drawn and on disk, and is still being verified."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import idempotency, queries
from .images import ImageStore
from .picture_files import PictureFile
from .tables import AttemptRow, SessionRow


def finish(db: Session, row: AttemptRow, images: ImageStore) -> bool:
    """Finish an interrupted turn with the picture that is on disk; False if there is none.

    It becomes the head unless the session has gone on meanwhile.
    """
    if row.drawn is None or not images.exists(images.path(row.drawn, row.turn["request"])):
        return False
    attempt = queries.to_attempt(row)
    session, number = attempt.session, attempt.turn.number
    if attempt.start is not None:
        queries.insert_session(db, session, attempt.start, attempt.created_at)
    queries.insert_turn(db, session, attempt.turn, row.drawn, queries.utc_now())
    if attempt.start is None and db.scalar(select(SessionRow.head).where(SessionRow.id == session)) == row.parent:
        queries.move_head(db, session, number)
    idempotency.save_idempotency_key(db, attempt.receipt, session, number)
    db.delete(row)
    return True


def pictures(db: Session, images: ImageStore) -> set[PictureFile]:
    """The files of the pictures that are being verified."""
    is_drawn = AttemptRow.drawn.is_not(None), AttemptRow.status == "pending"
    rows = db.execute(select(AttemptRow.drawn, AttemptRow.turn).where(*is_drawn))
    return {images.path(sha256, turn["request"]) for sha256, turn in rows}
