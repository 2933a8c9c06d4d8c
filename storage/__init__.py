"""Sessions, turns, exclusions and pictures, kept where a crash can't take them.

`Store` is the only door: what goes in and comes out are the frozen records of `records`, and what
can go wrong is told by the errors of `errors`. Storage knows how to keep a turn and nothing of how
one is made: neither torch nor the other floors of the package are imported here.

Names are imported when they are first asked for, because SQLAlchemy takes half a second that
`notthat --help` has no use for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .archive import export, import_, read_archive, write_archive
    from .deletion import DeletedSession
    from .errors import (
        AlreadyRequestedError,
        DamagedPictureError,
        MissingPictureError,
        NewerDatabaseError,
        OutdatedDatabaseError,
        SessionExistsError,
        StorageError,
        UnknownSessionError,
        UnknownTurnError,
    )
    from .images import ImageStore
    from .leases import LeaseTimes
    from .maintenance import Finding, PruneResult, check, prune, repair
    from .migrate import revision, upgrade
    from .pages import SessionPage
    from .pending_turns import new_session_id
    from .records import (
        Attempt,
        ExclusionRecord,
        IdempotencyKey,
        KeyLimits,
        KeyRecord,
        NewTurn,
        SessionRecord,
        SessionStart,
        TurnRecord,
    )
    from .store import Store

__all__ = [
    "AlreadyRequestedError",
    "Attempt",
    "DamagedPictureError",
    "DeletedSession",
    "ExclusionRecord",
    "Finding",
    "IdempotencyKey",
    "ImageStore",
    "KeyLimits",
    "KeyRecord",
    "LeaseTimes",
    "MissingPictureError",
    "NewTurn",
    "NewerDatabaseError",
    "OutdatedDatabaseError",
    "PruneResult",
    "SessionExistsError",
    "SessionPage",
    "SessionRecord",
    "SessionStart",
    "StorageError",
    "Store",
    "TurnRecord",
    "UnknownSessionError",
    "UnknownTurnError",
    "check",
    "export",
    "import_",
    "new_session_id",
    "prune",
    "read_archive",
    "repair",
    "revision",
    "upgrade",
    "write_archive",
]

_HOME_OF = {
    **dict.fromkeys(("export", "import_", "read_archive", "write_archive"), "archive"),
    "DeletedSession": "deletion",
    "SessionPage": "pages",
    "ImageStore": "images",
    "LeaseTimes": "leases",
    "Store": "store",
    **dict.fromkeys(("Finding", "Pruned", "check", "prune", "repair"), "maintenance"),
    **dict.fromkeys(("revision", "upgrade"), "migrate"),
    "new_session_id": "attempts",
    **dict.fromkeys(
        (
            "Attempt",
            "ExclusionRecord",
            "KeyLimits",
            "KeyRecord",
            "NewTurn",
            "Receipt",
            "SessionRecord",
            "SessionStart",
            "TurnRecord",
        ),
        "records",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME_OF.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
