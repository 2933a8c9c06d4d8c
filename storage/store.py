"""`Store`: the only door to what is kept."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from PIL.Image import Image
from sqlalchemy import CursorResult, Engine, Select, delete, func, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session, aliased

from ..errors import InvalidInputError
from . import deletion, idempotency, pages, queries
from .api_keys import ApiKeys
from .deletion import DeletedSession
from .engine import WAIT_SECONDS, Database, create_engine_for, database_url
from .errors import MissingPictureError, SessionExistsError
from .idempotency import IdempotencyKeys
from .images import ImageStore
from .leases import LeaseTimes
from .migrate import make_home, make_ready
from .pages import SessionPage
from .pending_turns import PendingTurns, new_session_id
from .records import FinishedTurn, IdempotencyKey, NewTurn, SessionRecord, SessionStart, TurnRecord
from .tables import ExclusionRow, SessionRow, TurnRow


class Store:
    """Sessions, each a tree of turns with a head, and the turns' pictures.

    A turn with a picture is written once and never changed; only heads move. It is deleted only with its
    session. Several threads and processes may use stores on the same database at once. Every method raises
    `StorageError` when the database or the disk fails, with nothing half done, and `UnknownSessionError` or
    `UnknownTurnError` (both `InvalidInputError`) when asked for what isn't there.
    """

    def __init__(self, engine: Engine, images: ImageStore, lease: LeaseTimes | None = None) -> None:
        """Use a database that `open` would accept; most callers want `open`."""
        self.images = images
        self._database = Database(engine)
        self.place = self._database.place
        """The database's file or address, as its user knows it."""
        self.attempts = PendingTurns(self._database, images, self._insert, self.discard_pictures, lease)
        """The turns that have no picture, or not yet."""
        self.keys = ApiKeys(self._database)
        """Who may use a server."""
        self.idempotency_keys = IdempotencyKeys(self._database)
        """What became of requests that named themselves."""

    @classmethod
    def open(
        cls, url: str | None = None, *, home: Path, wait: float = WAIT_SECONDS, lease: LeaseTimes | None = None
    ) -> Self:
        """Open the database at `url`, by default the file `notthat.db` in `home`.

        Pictures are in `home/images`. Folders and tables are made where there are none. `wait` is how
        many seconds a write waits for another process's; `lease` how long a turn is held by a process that says
        nothing any more. Raises `OutdatedDatabaseError` or
        `NewerDatabaseError` when another notthat's tables are found, another `StorageError` when the
        database can't be used, and `InvalidInputError` when `url` is none.
        """
        address = database_url(url, home)
        make_home(home)
        engine = create_engine_for(address, wait=wait)
        try:
            make_ready(engine, address)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, ImageStore(home / "images"), lease)

    def check_ready(self) -> None:
        """Raise `StorageError` where the database doesn't answer, or it or the pictures were moved away."""
        self.keys.any_exist()
        self.images.check_place()

    def close(self) -> None:
        """Let go of the database."""
        self.attempts.close()
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Writing

    def begin_session(
        self, model: str, policies: tuple[str, ...], turn: NewTurn, picture: Image, text: Mapping[str, str]
    ) -> TurnRecord:
        """Keep a new session together with its first turn, or neither of them; see `add_turn`."""
        if turn.number != 0 or turn.parent is not None:
            raise InvalidInputError("the first turn of a session has number 0 and no parent")
        queries.check_turn(turn)
        sha256 = self.images.save(picture, text, turn.request)
        session_id = new_session_id()
        with self._database.write_session() as db:
            queries.insert_session(db, session_id, SessionStart(model, policies), queries.utc_now())
            return self._insert(db, session_id, turn, sha256, picture, text)

    def add_turn(self, session_id: str, turn: NewTurn, picture: Image, text: Mapping[str, str]) -> TurnRecord:
        """Keep a finished turn and make it the session's head.

        The picture is on disk, with `text` as its PNG's text chunks, before the turn is in the database.
        The turn's number is the next free one, which is `turn.number` unless another process was faster;
        then the exclusions that this turn brought are given the new number as well.
        """
        if turn.parent is None:
            raise InvalidInputError("every turn but a session's first grows from another: name its parent")
        queries.check_turn(turn)
        self.turn(session_id, turn.parent)  # a turn that can't be kept leaves no picture behind
        sha256 = self.images.save(picture, text, turn.request)
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            number = queries.free_number(db, session_id)
            return self._insert(db, session_id, queries.renumber_turn(turn, number), sha256, picture, text)

    def move_head(self, session_id: str, number: int, key: IdempotencyKey | None = None) -> TurnRecord:
        """Let the session's next turn grow from turn `number`, and return that; nothing is erased.

        Raises `AlreadyRequestedError` where a request of this receipt was made before.
        """
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            idempotency.require_new(db, key)
            turn = self._record(queries.find_turn(db, session_id, number))
            queries.move_head(db, session_id, number)
            idempotency.save_idempotency_key(db, key, session_id, number)
        return turn

    def restore_session(self, session: SessionRecord, turns: Sequence[FinishedTurn]) -> None:
        """Store a session from elsewhere under its own id, with its turns in order.

        The pictures are on disk already. Raises `SessionExistsError` when a session has this id.
        """
        start = SessionStart(session.model, session.policies, session.owner)
        with self._database.write_session() as db:
            if db.get(SessionRow, session.id) is not None:
                raise SessionExistsError(session.id)
            queries.insert_session(db, session.id, start, session.created_at, session.head)
            for turn in turns:  # a turn's parent comes first
                queries.insert_turn(db, session.id, turn, turn.sha256, turn.created_at)
                if not self.images.path(turn.sha256, turn.request).exists():
                    raise MissingPictureError("a picture was pruned while its session was imported: import it again")

    # Deleting

    def delete_session(self, session_id: str) -> DeletedSession:
        """Delete a session: all its rows in one transaction, then the pictures that no other turn has.

        A crash between the two leaves unused pictures, which `prune` deletes. SQLite's files then hold nothing
        of it any more. A turn of it that is being drawn will not be kept. Raises `UnknownSessionError`.
        """
        with self._database.write_session() as db:
            turns, pictures = deletion.delete_rows(db, session_id, self.images)
        deleted = self.discard_pictures(pictures)
        self.erase_deleted()
        return DeletedSession(turns, deleted)

    def discard_pictures(self, pictures: Collection[Path]) -> int:
        """Delete those of these pictures' files that no turn has; how many those are. No turn loses one that way."""
        if not pictures:
            return 0
        with self._without_new_turns() as db:
            return deletion.delete_unused(db, self.images, pictures)

    def erase_deleted(self) -> None:
        """Rewrite SQLite's files without what was deleted; PostgreSQL's autovacuum does that by itself."""
        self._database.vacuum()

    # Reading

    def has_session(self, session_id: str) -> bool:
        """Whether a session has this id."""
        with self._database.read_session() as db:
            return db.get(SessionRow, session_id) is not None

    def next_number(self, session_id: str) -> int:
        """The number that the session's next turn will have, unless another process takes it first."""
        with self._database.read_session() as db:
            return queries.free_number(db, session_id)

    def newest_number(self, session_id: str) -> int:
        """The greatest number of a turn of the session that has a picture, or -1."""
        with self._database.read_session() as db:
            return queries.newest_number(db, queries.check_session_id(session_id))

    def session(self, session_id: str) -> SessionRecord:
        """The session as it is now."""
        asked = _sessions_query().where(SessionRow.id == queries.check_session_id(session_id))
        with self._database.read_session() as db:
            found = db.execute(asked).first()
        if found is None:
            raise queries.unknown_session(session_id)
        return queries.to_session_record(*found)

    def sessions(self, limit: int | None = None, *, owner: str | None = None) -> list[SessionRecord]:
        """All sessions, newest first; or the `limit` newest, which takes as long whatever their number.

        With an `owner`, the id of a key, only those that it began.
        """
        newest_first = _newest_first(owner).limit(limit)
        with self._database.read_session() as db:
            return [queries.to_session_record(*row) for row in db.execute(newest_first)]

    def session_page(self, limit: int, cursor: str | None = None, *, owner: str | None = None) -> SessionPage:
        """At most `limit` sessions in the order of `sessions`, from the beginning or from a page's `next` on.

        Sessions that are begun or deleted meanwhile make none appear twice and none be left out. Raises
        `InvalidInputError` when the cursor is none.
        """
        asked = _newest_first(owner).limit(limit + 1)  # one more tells whether there is a next page
        if cursor is not None:
            asked = asked.where(pages.after(cursor))
        with self._database.read_session() as db:
            found = [queries.to_session_record(*row) for row in db.execute(asked)]
        page = found[:limit]
        return SessionPage(page, pages.cursor_after(page[-1]) if len(found) > limit else None)

    def count_sessions(self) -> int:
        """How many sessions there are."""
        with self._database.read_session() as db:
            return db.scalar(select(func.count()).select_from(SessionRow)) or 0

    def turn(self, session_id: str, number: int | None = None) -> TurnRecord:
        """Turn `number` of the session, by default its head."""
        with self._database.read_session() as db:
            return self._record(queries.find_turn(db, session_id, number))

    def turns(self, session_id: str, first: int = 0, limit: int | None = None) -> list[TurnRecord]:
        """All turns of the session in order of creation, those of abandoned branches too.

        Or those from number `first` on, and of them the `limit` first.
        """
        asked = (
            queries.select_turns(queries.check_session_id(session_id))
            .where(TurnRow.number >= first)
            .order_by(TurnRow.number)
        )
        with self._database.read_session() as db:
            turns = [self._record(turn) for turn in db.scalars(asked.limit(limit))]
            if not turns and db.get(SessionRow, session_id) is None:
                raise queries.unknown_session(session_id)
        return turns

    def path(self, session_id: str, number: int, last: int = 2**31 - 1) -> list[TurnRecord]:
        """The turns that led to turn `number`, that one included, from the session's first; at most the `last` of them.

        Turns that were undone on the way are not among them.
        """
        with self._database.read_session() as db:
            return [self._record(turn) for turn in queries.load_path(db, session_id, number, last)]

    def activity(self, session_ids: Sequence[str]) -> dict[str, str]:
        """For each of these sessions a text that changes when a turn of it begins or ends, or its head moves."""
        with self._database.read_session() as db:
            return queries.activity(db, session_ids)

    def turn_of_picture(self, sha256: str, *, owner: str | None = None) -> TurnRecord | None:
        """The oldest turn with this picture, if there is one; with an `owner`, a key's id, in its sessions alone."""
        asked = select(TurnRow).where(TurnRow.image == sha256).order_by(TurnRow.id).limit(1)
        if owner is not None:
            asked = asked.join(SessionRow, SessionRow.id == TurnRow.session_id).where(SessionRow.owner == owner)
        with self._database.read_session() as db:
            found = db.scalar(asked)
            return None if found is None else self._record(found)

    # Maintenance

    @contextmanager
    def pictures_in_use(self) -> Iterator[frozenset[Path]]:
        """The files of all turns' pictures; no turn is written while the block runs."""
        with self._without_new_turns() as db:
            turns = db.execute(select(TurnRow.image, TurnRow.request))
            yield frozenset(self.images.existing(sha256, request) for sha256, request in turns)

    def damage(self) -> list[str]:
        """What the database finds wrong with itself, in a line each."""
        if not self._database.is_sqlite:
            return []
        with self._database.read_session() as db:
            report = [str(line) for line in db.scalars(sql("PRAGMA integrity_check")) if line != "ok"]
            orphans = db.execute(sql("PRAGMA foreign_key_check"))
            report += [f"row {row} of “{table}” belongs to none of “{to}”" for table, row, to, _ in orphans]
            return report

    def repair_rows(self) -> list[str]:
        """Mend what can be mended without guessing; a line for each thing done.

        A session that has lost its head goes on from its newest turn; an exclusion of no turn goes, and so
        does a session that has no turn at all.
        """
        done = []
        numbers = select(TurnRow.number).where(TurnRow.session_id == SessionRow.id)
        orphans = delete(ExclusionRow).where(ExclusionRow.turn_id.not_in(select(TurnRow.id)))
        with self._database.write_session() as db:
            for session in db.scalars(select(SessionRow).where(SessionRow.head.not_in(numbers))):
                newest = queries.newest_number(db, session.id)
                if newest < 0:
                    db.delete(session)
                    done.append(f"session “{session.id}”, which had no turn, is gone")
                else:
                    session.head = newest
                    done.append(f"session “{session.id}” goes on from its newest turn, {newest}")
            deleted = cast("CursorResult[Any]", db.execute(orphans)).rowcount
            if deleted:
                done.append(f"deleted {deleted} exclusions that belonged to no turn")
        return done

    # Inside

    @contextmanager
    def _without_new_turns(self) -> Iterator[Session]:
        """A transaction that no turn is written beside; whoever writes one next looks whether its picture is there."""
        with self._database.write_session() as db:
            if not self._database.is_sqlite:
                db.execute(sql("LOCK TABLE turns IN SHARE MODE"))
            yield db

    def _insert(
        self,
        db: Session,
        session_id: str,
        turn: NewTurn,
        sha256: str,
        picture: Image,
        text: Mapping[str, str],
    ) -> TurnRecord:
        queries.move_head(db, session_id, turn.number)
        row, exclusions = queries.insert_turn(db, session_id, turn, sha256, queries.utc_now())
        if not self.images.path(sha256, turn.request).exists():
            # It had no turn when `prune` ran, a moment ago. The next one waits for this transaction.
            self.images.save(picture, text, turn.request)
        return queries.to_turn_record(row, exclusions, self.images)

    def _record(self, row: TurnRow) -> TurnRecord:
        return queries.to_turn_record(row, row.exclusions, self.images)


def _sessions_query() -> Select[SessionRow, int, str, str]:
    """Sessions, each with the number of its turns, and the prompt and the picture of its head."""
    turns = select(func.count()).where(TurnRow.session_id == SessionRow.id).scalar_subquery()
    head = aliased(TurnRow)
    shown = func.coalesce(head.prompt, ""), func.coalesce(head.image, "")
    return select(SessionRow, turns, *shown).outerjoin(
        head, (head.session_id == SessionRow.id) & (head.number == SessionRow.head)
    )


def _newest_first(owner: str | None) -> Select[SessionRow, int, str, str]:
    """The same, newest first; with an `owner` only that key's."""
    ordered = _sessions_query().order_by(SessionRow.created_at.desc(), SessionRow.id)
    return ordered if owner is None else ordered.where(SessionRow.owner == owner)
