"""Errors of the storage package. Each message is one line and says what to do next."""

from ..errors import InvalidInputError, NotthatError


class StorageError(NotthatError):
    """The database or the picture folder cannot be used."""


class OutdatedDatabaseError(StorageError):
    """The database has an older schema and must be upgraded."""


class NewerDatabaseError(StorageError):
    """The database has a newer schema than this version of notthat supports."""


class MissingPictureError(StorageError):
    """A picture's file does not exist."""


class DamagedPictureError(StorageError):
    """A picture's file is unreadable, or its pixels do not match the hash in its name."""


class UnknownSessionError(InvalidInputError):
    """No session has this id."""


class SessionExistsError(InvalidInputError):
    """A session has this id already."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session “{session_id}” exists already, so nothing was imported: delete it first, or keep it")


class UnknownTurnError(InvalidInputError):
    """The session has no turn of this number."""


class AlreadyRequestedError(InvalidInputError):
    """The idempotency key was used before: its turn exists or is pending.

    `session` and `number` identify that turn; `fingerprint` is that of the earlier request.
    """

    def __init__(self, session: str, number: int, fingerprint: str) -> None:
        super().__init__(f"this request was made before: see turn {number} of session “{session}”")
        self.session, self.number, self.fingerprint = session, number, fingerprint


class QuestionClosedError(InvalidInputError):
    """The question is not open any more: it was answered, or the session has moved on."""


class LostTurnError(StorageError):
    """A finished turn cannot be stored, because another process finished it first or its session was deleted."""
