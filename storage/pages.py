"""Pagination of session lists with cursors."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, or_

from ..errors import InvalidInputError
from .records import SessionRecord
from .tables import SessionRow


@dataclass(frozen=True)
class SessionPage:
    """One page of sessions, newest first. `next` is the cursor of the next page, or None on the last page."""

    sessions: list[SessionRecord]
    next: str | None


def cursor_after(session: SessionRecord) -> str:
    """The cursor of the page after this session.

    It encodes the position in the list and refers to no row, so it stays valid if the session is deleted.
    """
    position = f"{session.created_at.astimezone(UTC).isoformat(timespec='microseconds')} {session.id}"
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def after(cursor: str) -> ColumnElement[bool]:
    """A condition for the sessions after a cursor.

    Raises:
        InvalidInputError: if the cursor is malformed.
    """
    created_at, session_id = _parse_cursor(cursor)
    # The first condition is redundant, but lets the database use the index on `created_at`.
    return and_(
        SessionRow.created_at <= created_at,
        or_(SessionRow.created_at < created_at, SessionRow.id > session_id),
    )


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, _, session_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(" ")
        created_at = datetime.fromisoformat(moment).astimezone(UTC)
        if not session_id.isalnum():
            raise ValueError("no session id")
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidInputError("the cursor is invalid: leave it out to start with the newest session") from None
    return created_at, session_id
