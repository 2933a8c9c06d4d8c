"""Sessions, turns, exclusions and pictures in a database and a folder of images.

`Store` is the entry point. It takes and returns the frozen records of `records`, and raises the errors of `errors`.
This package imports neither torch nor the other packages of notthat.

Names are imported when they are first used: SQLAlchemy takes half a second that `notthat --help` doesn't need.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from .archive import export as export
    from .archive import import_ as import_
    from .archive import read_archive as read_archive
    from .archive import write_archive as write_archive
    from .deletion import DeletedSession as DeletedSession
    from .errors import AlreadyRequestedError as AlreadyRequestedError
    from .errors import DamagedPictureError as DamagedPictureError
    from .errors import MissingPictureError as MissingPictureError
    from .errors import NewerDatabaseError as NewerDatabaseError
    from .errors import OutdatedDatabaseError as OutdatedDatabaseError
    from .errors import QuestionClosedError as QuestionClosedError
    from .errors import SessionExistsError as SessionExistsError
    from .errors import StorageError as StorageError
    from .errors import UnknownSessionError as UnknownSessionError
    from .errors import UnknownTurnError as UnknownTurnError
    from .images import ImageStore as ImageStore
    from .leases import LeaseTimes as LeaseTimes
    from .maintenance import Finding as Finding
    from .maintenance import PruneResult as PruneResult
    from .maintenance import check as check
    from .maintenance import prune as prune
    from .maintenance import repair as repair
    from .migrate import revision as revision
    from .migrate import upgrade as upgrade
    from .pages import SessionPage as SessionPage
    from .pending_turns import WaitingTurn as WaitingTurn
    from .pending_turns import new_session_id as new_session_id
    from .records import Attempt as Attempt
    from .records import ExclusionRecord as ExclusionRecord
    from .records import FinishedTurn as FinishedTurn
    from .records import IdempotencyKey as IdempotencyKey
    from .records import KeyLimits as KeyLimits
    from .records import KeyRecord as KeyRecord
    from .records import NewQuestion as NewQuestion
    from .records import NewTurn as NewTurn
    from .records import OpenQuestionRecord as OpenQuestionRecord
    from .records import QuestionRecord as QuestionRecord
    from .records import SessionRecord as SessionRecord
    from .records import SessionStart as SessionStart
    from .records import TurnRecord as TurnRecord
    from .statistics import AttemptCounts as AttemptCounts
    from .statistics import DrawingTimes as DrawingTimes
    from .statistics import InterpreterCounts as InterpreterCounts
    from .statistics import PolicyEffect as PolicyEffect
    from .statistics import SessionCounts as SessionCounts
    from .statistics import TermCounts as TermCounts
    from .store import Store as Store
    from .turn_events import TurnState as TurnState

    Pruned = PruneResult  # its former name
    Receipt = IdempotencyKey  # its former name
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__)
