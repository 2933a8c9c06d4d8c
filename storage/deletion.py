"""Deletion of a session: its rows, and its pictures that no other turn uses."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Delete, delete, select
from sqlalchemy.orm import Session

from . import drawn_turns, queries
from .errors import StorageError
from .images import ImageStore
from .picture_files import PictureFile
from .tables import AttemptRow, ExclusionRow, ReceiptRow, SessionRow, TurnAliasRow, TurnEventsRow, TurnRow

_BATCH = 500
"""Number of pictures in one query. SQLite and PostgreSQL limit the number of parameters."""


@dataclass(frozen=True)
class DeletedSession:
    """The number of deleted turns and pictures. Pictures of other sessions are kept."""

    turns: int
    pictures: int


def delete_rows(db: Session, session_id: str, images: ImageStore) -> tuple[int, frozenset[PictureFile]]:
    """Delete all rows of a session. Returns the number of its turns, and the files of their pictures.

    A session without a picture has only rows of attempts.

    Raises:
        UnknownSessionError: if there are no rows.
    """
    session_id = queries.check_session_id(session_id)
    attempts = delete(AttemptRow).where(AttemptRow.session_id == session_id)
    # PostgreSQL locks row by row: attempts first, in order of their ids, then the session, as `PendingTurns` does.
    locked_attempts = select(AttemptRow.id).where(AttemptRow.session_id == session_id).order_by(AttemptRow.id)
    db.execute(locked_attempts.with_for_update())
    pictures = frozenset(drawn_turns.attempt_sources(db, images, session_id))
    attempt_count = _execute_delete(db, attempts)
    db.execute(delete(TurnAliasRow).where(TurnAliasRow.session_id == session_id))
    db.execute(delete(TurnEventsRow).where(TurnEventsRow.session_id == session_id))
    lock_session = select(SessionRow.id).where(SessionRow.id == session_id).with_for_update()
    if db.scalar(lock_session) is None:
        if not attempt_count:
            raise queries.unknown_session(session_id)
        return 0, pictures
    db.execute(attempts)  # attempts that started before the session was locked
    of_session = TurnRow.session_id == session_id
    stored = db.execute(select(TurnRow.image, TurnRow.request).where(of_session))
    pictures |= {images.existing(sha256, request) for sha256, request in stored}
    pairs = db.execute(select(TurnRow.source_image, TurnRow.mask_image).where(of_session).distinct())
    pictures |= {images.source_path(sha256) for pair in pairs for sha256 in pair if sha256 is not None}
    db.execute(delete(ExclusionRow).where(ExclusionRow.turn_id.in_(select(TurnRow.id).where(of_session))))
    turns = _execute_delete(db, delete(TurnRow).where(of_session))
    db.execute(delete(ReceiptRow).where(ReceiptRow.session_id == session_id))
    queries.delete_question(db, session_id)
    db.execute(delete(SessionRow).where(SessionRow.id == session_id))
    return turns, pictures


def delete_unused(db: Session, images: ImageStore, pictures: Collection[PictureFile]) -> int:
    """Delete the files that no turn uses, and return their number. No turn may be written meanwhile."""
    deleted, sources = 0, drawn_turns.source_pictures(db, images)
    for batch in _batches(sorted(pictures, key=str)):
        hashes = {path.name[:64] for path in batch}
        turns = db.execute(select(TurnRow.image, TurnRow.request).where(TurnRow.image.in_(hashes)))
        used = sources | {images.existing(sha256, request) for sha256, request in turns}
        deleted += sum(_delete_file(images, path) for path in batch if path not in used)
    return deleted


def _delete_file(images: ImageStore, path: PictureFile) -> bool:
    try:
        return images.files.delete(path)
    except StorageError as error:
        reason = getattr(error.__cause__, "strerror", None) or error
        raise StorageError(
            f"the picture {path} can't be deleted ({reason}): make its folder writable, then run “notthat db prune”"
        ) from error


def _batches(items: Sequence[PictureFile]) -> Iterator[Sequence[PictureFile]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _execute_delete(db: Session, statement: Delete) -> int:
    return cast("CursorResult[Any]", db.execute(statement)).rowcount
