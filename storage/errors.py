"""What can go wrong in storage; every message is one line that says what to do next."""

from ..errors import InvalidInputError, NotthatError


class StorageError(NotthatError):
    """The database or the folder of pictures doesn't do what was asked of it."""


class OutdatedDatabaseError(StorageError):
    """The database was made by an older notthat and has to be upgraded first."""


class NewerDatabaseError(StorageError):
    """The database was made by a newer notthat than this one."""


class MissingPictureError(StorageError):
    """A picture is not on disk."""


class DamagedPictureError(StorageError):
    """A picture's file can't be read, or its pixels are not those it is named after."""


class UnknownSessionError(InvalidInputError):
    """No session has this id."""


class UnknownTurnError(InvalidInputError):
    """The session has no turn of this number."""


class AlreadyRequestedError(InvalidInputError):
    """The same request was made before: it came to a turn, or is on its way to one.

    `session` and `number` name that turn; `fingerprint` is that of the earlier request.
    """

    def __init__(self, session: str, number: int, fingerprint: str) -> None:
        super().__init__(f"this request was made already: it is turn {number} of session “{session}”")
        self.session, self.number, self.fingerprint = session, number, fingerprint
