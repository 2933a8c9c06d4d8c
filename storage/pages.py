"""Pages of a list of sessions, and the cursors that lead from one to the next."""

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
    """Some sessions, newest first, and the cursor of the next page; None after the last one."""

    sessions: list[SessionRecord]
    next: str | None


def cursor_after(session: SessionRecord) -> str:
    """The cursor of the page that begins after this session.

    It holds where the session is in the list and no row, so that a deleted session doesn't break it.
    """
    place = f"{session.created_at.astimezone(UTC).isoformat(timespec='microseconds')} {session.id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def after(cursor: str) -> ColumnElement[bool]:
    """The sessions that come after a cursor in the list. Raises `InvalidInputError` when it is none."""
    created_at, session_id = _place(cursor)
    # The first condition says nothing new, but lets the index on `created_at` find where to begin.
    return and_(
        SessionRow.created_at <= created_at,
        or_(SessionRow.created_at < created_at, SessionRow.id > session_id),
    )


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, _, session_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(" ")
        created_at = datetime.fromisoformat(moment).astimezone(UTC)
        if not session_id.isalnum():
            raise ValueError("it names no session")
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidInputError(
            "the cursor is none that a list of sessions gave: leave it out to begin with the newest"
        ) from None
    return created_at, session_id
