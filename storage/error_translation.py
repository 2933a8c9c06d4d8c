"""Translates errors of the database and the disk to one-line messages for the user."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ..errors import InvalidInputError
from .errors import StorageError

_FULL = "the disk is full, so {where} can't be written: free some space, then try again"
_LOCKED = "{where} is locked by another program: try again when that program is done"
_READ_ONLY = "{where} can't be written: change its permissions, or set NOTTHAT_HOME to a folder of your own"
_UNREACHABLE = "{where} can't be opened: its folder (NOTTHAT_HOME) must exist and be writable"
_NO_FOLDER = "{where} is not a folder: set NOTTHAT_HOME to one that you may write"
_FOREIGN = "{where} is not a notthat database: move it away, or set NOTTHAT_HOME to another folder"
_DAMAGED = "{where} is damaged: “notthat db check” shows where; restore it from a copy, or move it away"
_DISK = "{where} can't be read or written ({reason}): check the disk and the space left on it, then try again"
_NO_SERVER = "{where} can't be reached ({reason}): start the server, or check NOTTHAT_DATABASE_URL"
_NOT_ALLOWED = "{where} denies access ({reason}): grant the user of NOTTHAT_DATABASE_URL the missing permission"
_OTHER = "{where} can't be used: {reason}"

_BY_SQLITE_NAME = (
    ("SQLITE_FULL", _FULL),
    ("SQLITE_BUSY", _LOCKED),
    ("SQLITE_LOCKED", _LOCKED),
    ("SQLITE_READONLY", _READ_ONLY),
    ("SQLITE_PERM", _READ_ONLY),
    ("SQLITE_CANTOPEN", _UNREACHABLE),
    ("SQLITE_NOTADB", _FOREIGN),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_IOERR", _DISK),
)

_BY_SQLSTATE = (
    ("08", _NO_SERVER),
    ("28", _NO_SERVER),
    ("3D", _NO_SERVER),
    ("57", _NO_SERVER),
    ("53100", _FULL),
    ("53", _NO_SERVER),
    ("55P03", _LOCKED),
    ("40", _LOCKED),
    ("25006", _READ_ONLY),
    ("42501", _NOT_ALLOWED),
)
"""SQLSTATE prefixes, longer ones before the class that they belong to."""

_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _READ_ONLY),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), _NO_FOLDER),
    errno.ENOENT: _UNREACHABLE,
}


@contextmanager
def translate_errors(where: object) -> Iterator[None]:
    """Raise errors of the database and the disk as `StorageError`.

    `where` is the path or address in the message. Text that cannot be encoded raises `InvalidInputError`, because it
    comes from the user.
    """
    try:
        yield
    except DBAPIError as error:
        raise StorageError(
            _describe_database_error(error).format(where=where, reason=_format_reason(error.orig))
        ) from error
    except PoolTimeoutError as error:
        raise StorageError(_LOCKED.format(where=where)) from error
    except json.JSONDecodeError as error:
        raise StorageError(_DAMAGED.format(where=where)) from error
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"character {error.start + 1} of the text is not valid Unicode: type it again"
        ) from error
    except OSError as error:
        sentence = _BY_ERRNO.get(error.errno or 0, _DISK)
        where = error.filename or where
        raise StorageError(sentence.format(where=where, reason=_format_reason(error.strerror or error))) from error


def _describe_database_error(error: DBAPIError) -> str:
    if hasattr(error.orig, "sqlstate"):
        code = str(getattr(error.orig, "sqlstate", None) or "08")  # connection errors have no code
        return next((sentence for prefix, sentence in _BY_SQLSTATE if code.startswith(prefix)), _OTHER)
    name = getattr(error.orig, "sqlite_errorname", "")
    return next((sentence for prefix, sentence in _BY_SQLITE_NAME if name.startswith(prefix)), _OTHER)


def _format_reason(reason: object) -> str:
    return " ".join(str(reason).split())
