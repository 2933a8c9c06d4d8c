"""Turns without a picture, as they are listed."""

from typing import Any

from ...storage import Attempt


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """A turn without a picture, as `--json` gives it."""
    return {
        "session": attempt.session,
        "turn": attempt.turn.number,
        "parent": attempt.turn.parent,
        "status": attempt.status,
        "reason": attempt.reason,
        "feedback": attempt.turn.feedback,
        "created_at": attempt.created_at.isoformat(timespec="seconds"),
    }


def attempt_line(attempt: Attempt) -> str:
    """The same for people, in a line."""
    why = f": {attempt.reason}" if attempt.reason else ""
    return f"{attempt.session}  turn {attempt.turn.number}  {attempt.status}{why}  “{attempt.turn.feedback}”"
