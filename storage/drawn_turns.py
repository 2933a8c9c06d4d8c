"""Pending turns whose picture is drawn and on disk, and is still being verified."""

import json
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import idempotency, queries
from .images import ImageStore
from .picture_files import PictureFile
from .tables import AttemptRow, SessionRow, TurnRow

_HASH = re.compile(r"[0-9a-f]{64}")


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


def source_pictures(db: Session, images: ImageStore) -> set[PictureFile]:
    """The files of the pictures that turns, and turns without a picture, start from."""
    pairs = db.execute(select(TurnRow.source_image, TurnRow.mask_image).distinct())
    used = {sha256 for pair in pairs for sha256 in pair if sha256 is not None}
    return {images.source_path(sha256) for sha256 in used} | attempt_sources(db, images)


def attempt_sources(db: Session, images: ImageStore, session_id: str | None = None) -> set[PictureFile]:
    """The files that turns without a picture may start from, of one session or of all.

    A command that is not interpreted yet names them in its options, so every hash in its JSON counts.
    """
    query = select(AttemptRow.turn, AttemptRow.command)
    if session_id is not None:
        query = query.where(AttemptRow.session_id == session_id)
    hashes = {sha256 for row in db.execute(query) for sha256 in _HASH.findall(json.dumps([*row]))}
    return {images.source_path(sha256) for sha256 in hashes}


def pictures(db: Session, images: ImageStore) -> set[PictureFile]:
    """The files of the pictures that are being verified."""
    is_drawn = AttemptRow.drawn.is_not(None), AttemptRow.status == "pending"
    rows = db.execute(select(AttemptRow.drawn, AttemptRow.turn).where(*is_drawn))
    return {images.path(sha256, turn["request"]) for sha256, turn in rows}
