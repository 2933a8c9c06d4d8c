"""`Store`: the interface to all stored data."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from PIL.Image import Image
from sqlalchemy import CursorResult, Engine, Select, delete, func, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Session, aliased

from ..errors import InvalidInputError
from . import deletion, drawn_turns, idempotency, pages, queries
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
from .picture_files import PictureFile
from .rate_limits import RateLimits
from .records import FinishedTurn, IdempotencyKey, NewTurn, SessionRecord, SessionStart, TurnRecord
from .statistics import Statistics
from .tables import ExclusionRow, SessionRow, TurnRow
from .turn_events import TurnEvents


class Store:
    """Stores sessions, each a tree of turns with a head, and the pictures of the turns.

    A turn with a picture never changes, and is deleted only with its session; only heads move. Several threads and
    processes may use the same database concurrently. Every method is atomic. It raises `StorageError` if the database
    or the disk fails, and `UnknownSessionError` or `UnknownTurnError` (both `InvalidInputError`) if the session or the
    turn does not exist.
    """

    def __init__(
        self, engine: Engine, images: ImageStore, lease: LeaseTimes | None = None, *, home: Path | None = None
    ) -> None:
        """Use a database with up-to-date tables. Most callers use `open` instead.

        `home` is by default the parent of the folder of pictures.
        """
        self.images = images
        self.home = home or images.folder.parent
        self._database = Database(engine)
        self.place = self._database.place
        """The file or the address of the database, for messages."""
        self.attempts = PendingTurns(self._database, images, self._insert, self.discard_pictures, lease)
        """Pending, failed and cancelled turns."""
        self.questions = self.attempts.questions
        """Open questions to the users."""
        self.keys = ApiKeys(self._database)
        """The API keys of servers."""
        self.idempotency_keys = IdempotencyKeys(self._database)
        """Idempotency keys: a repeated request returns the turn that the first one created."""
        self.turn_events = TurnEvents(self._database)
        """The last events of running turns, for servers that share a PostgreSQL database."""
        self.rate_limits = RateLimits(self._database)
        """The requests that keys have left, for servers that share a PostgreSQL database."""
        self.statistics = Statistics(self._database)
        """Counts for operators."""

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        home: Path,
        images: str | None = None,
        wait: float = WAIT_SECONDS,
        lease: LeaseTimes | None = None,
    ) -> Self:
        """Open the database at `url`, by default the file `notthat.db` in `home`.

        Pictures are in `home/images`, or in the object store `images`, `s3://bucket/prefix`. Missing folders and tables
        are created. `wait` is the timeout in seconds of a write that waits for another process. `lease` sets how long a
        process may hold a pending turn without a renewal.

        Raises:
            OutdatedDatabaseError, NewerDatabaseError: if another version of notthat created the tables.
            StorageError: if the database is unusable for another reason.
            InvalidInputError: if `url` or `images` is invalid.
        """
        address = database_url(url, home)
        pictures = ImageStore.at(images, home)
        make_home(home)
        engine = create_engine_for(address, wait=wait)
        try:
            make_ready(engine, address)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, pictures, lease, home=home)

    def check_ready(self) -> None:
        """Raise `StorageError` if the database or the pictures cannot be used, or were moved."""
        self.keys.any_exist()
        self.images.check_ready()

    def close(self) -> None:
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
        """Store a new session and its first turn in one transaction; see `add_turn`."""
        if turn.number != 0 or turn.parent is not None:
            raise InvalidInputError("the first turn of a session has number 0 and no parent")
        queries.check_turn(turn)
        sha256 = self.images.save(picture, text, turn.request)
        session_id = new_session_id()
        with self._database.write_session() as db:
            queries.insert_session(db, session_id, SessionStart(model, policies), queries.utc_now())
            return self._insert(db, session_id, turn, sha256, picture, text)

    def add_turn(self, session_id: str, turn: NewTurn, picture: Image, text: Mapping[str, str]) -> TurnRecord:
        """Store a finished turn and make it the session's head.

        The picture is saved before the turn, with `text` as the text chunks of its PNG. The turn gets the next free
        number. If another process has taken `turn.number`, the turn's new exclusions are renumbered too.
        """
        if turn.parent is None:
            raise InvalidInputError("every turn but a session's first grows from another: name its parent")
        queries.check_turn(turn)
        self.turn(session_id, turn.parent)  # before the picture is saved
        sha256 = self.images.save(picture, text, turn.request)
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            number = queries.free_number(db, session_id)
            return self._insert(db, session_id, queries.renumber_turn(turn, number), sha256, picture, text)

    def move_head(self, session_id: str, number: int, key: IdempotencyKey | None = None) -> TurnRecord:
        """Make turn `number` the head, so that the next turn continues from it, and return it. Deletes nothing.

        Raises `AlreadyRequestedError` if a request with this idempotency key was made before.
        """
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            idempotency.require_new(db, key)
            turn = self._record(queries.find_turn(db, session_id, number))
            queries.move_head(db, session_id, number)
            idempotency.save_idempotency_key(db, key, session_id, number)
        return turn

    def set_verification(self, session_id: str, verification: dict[str, Any] | None) -> None:
        """Change how a session's next turns are verified; see `SessionRecord.verification`."""
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            db.execute(update(SessionRow).where(SessionRow.id == session_id).values(verification=verification))

    def set_pins(self, session_id: str, pins: Sequence[dict[str, Any]]) -> None:
        """Change which parts of a session's picture stay or alone may change."""
        with self._database.write_session() as db:
            queries.lock_session(db, session_id)
            db.execute(update(SessionRow).where(SessionRow.id == session_id).values(pins=list(pins) or None))

    def restore_session(self, session: SessionRecord, turns: Sequence[FinishedTurn]) -> None:
        """Store an imported session under its own id, with its turns in order.

        The pictures must be on disk. Raises `SessionExistsError` if a session has this id.
        """
        start = SessionStart(session.model, session.policies, session.owner)
        with self._database.write_session() as db:
            if db.get(SessionRow, session.id) is not None:
                raise SessionExistsError(session.id)
            queries.insert_session(db, session.id, start, session.created_at, session.head)
            for turn in turns:  # parents come before their children
                queries.insert_turn(db, session.id, turn, turn.sha256, turn.created_at)
                needed = [self.images.path(turn.sha256, turn.request)]
                needed += [self.images.source_path(sha256) for sha256 in turn.source_images]
                if not all(self.images.exists(file) for file in needed):
                    raise MissingPictureError("a picture was pruned while its session was imported: import it again")

    # Deleting

    def delete_session(self, session_id: str) -> DeletedSession:
        """Delete a session: all its rows in one transaction, then its pictures that no other turn uses.

        Also erases the rows from SQLite's files. A crash after the transaction leaves unused pictures, which `prune`
        deletes. A pending turn of the session is not stored when it is drawn. Raises `UnknownSessionError`.
        """
        with self._database.write_session() as db:
            turns, pictures = deletion.delete_rows(db, session_id, self.images)
        deleted = self.discard_pictures(pictures)
        self.erase_deleted()
        return DeletedSession(turns, deleted)

    def discard_pictures(self, pictures: Collection[PictureFile]) -> int:
        """Delete those of these picture files that no turn uses, and return their number."""
        if not pictures:
            return 0
        with self._without_new_turns() as db:
            return deletion.delete_unused(db, self.images, pictures)

    def erase_deleted(self) -> None:
        """Erase deleted rows from SQLite's files. PostgreSQL's autovacuum does this itself."""
        self._database.vacuum()

    # Reading

    def has_session(self, session_id: str) -> bool:
        with self._database.read_session() as db:
            return db.get(SessionRow, session_id) is not None

    def next_number(self, session_id: str) -> int:
        """The number of the session's next turn, unless another process takes it first."""
        with self._database.read_session() as db:
            return queries.free_number(db, session_id)

    def newest_number(self, session_id: str) -> int:
        """The highest number of a turn with a picture in the session, or -1."""
        with self._database.read_session() as db:
            return queries.newest_number(db, queries.check_session_id(session_id))

    def session(self, session_id: str) -> SessionRecord:
        """The current record of the session."""
        query = _sessions_query().where(SessionRow.id == queries.check_session_id(session_id))
        with self._database.read_session() as db:
            row = db.execute(query).first()
        if row is None:
            raise queries.unknown_session(session_id)
        return queries.to_session_record(*row)

    def sessions(self, limit: int | None = None, *, owner: str | None = None) -> list[SessionRecord]:
        """All sessions, or at most `limit`, newest first. With an `owner`, the id of a key, only that key's sessions.

        The time for `limit` sessions does not depend on the total number.
        """
        newest_first = _newest_first(owner).limit(limit)
        with self._database.read_session() as db:
            return [queries.to_session_record(*row) for row in db.execute(newest_first)]

    def session_page(self, limit: int, cursor: str | None = None, *, owner: str | None = None) -> SessionPage:
        """A page of at most `limit` sessions in the order of `sessions`. `cursor` is the `next` of the previous page.

        Sessions that are created or deleted between two pages cause no duplicates and no gaps. Raises
        `InvalidInputError` if the cursor is invalid.
        """
        query = _newest_first(owner).limit(limit + 1)  # one more shows whether there is a next page
        if cursor is not None:
            query = query.where(pages.after(cursor))
        with self._database.read_session() as db:
            records = [queries.to_session_record(*row) for row in db.execute(query)]
        page = records[:limit]
        return SessionPage(page, pages.cursor_after(page[-1]) if len(records) > limit else None)

    def count_sessions(self) -> int:
        with self._database.read_session() as db:
            return db.scalar(select(func.count()).select_from(SessionRow)) or 0

    def turn(self, session_id: str, number: int | None = None) -> TurnRecord:
        """Turn `number` of the session, by default its head."""
        with self._database.read_session() as db:
            turn = self._record(queries.find_turn(db, session_id, number))
            opened = self.questions.find_open(db, session_id)
            pins = db.scalar(select(SessionRow.pins).where(SessionRow.id == session_id))
        turn = replace(turn, pins=tuple(pins or ()))
        return replace(turn, question=opened.question) if opened and opened.turn == turn.number else turn

    def turns(self, session_id: str, first: int = 0, limit: int | None = None) -> list[TurnRecord]:
        """The turns of the session from number `first` on, at most `limit`, in order of creation; on all branches."""
        query = (
            queries.select_turns(queries.check_session_id(session_id))
            .where(TurnRow.number >= first)
            .order_by(TurnRow.number)
        )
        with self._database.read_session() as db:
            turns = [self._record(turn) for turn in db.scalars(query.limit(limit))]
            if not turns and db.get(SessionRow, session_id) is None:
                raise queries.unknown_session(session_id)
        return turns

    def path(self, session_id: str, number: int, last: int = 2**31 - 1) -> list[TurnRecord]:
        """The path from the session's first turn to turn `number`, without undone turns; at most the `last` turns."""
        with self._database.read_session() as db:
            return [self._record(turn) for turn in queries.load_path(db, session_id, number, last)]

    def activity(self, session_ids: Sequence[str]) -> dict[str, str]:
        """A text for each of these sessions that changes with its turns, its head and its question."""
        with self._database.read_session() as db:
            return queries.activity(db, session_ids)

    def turn_of_picture(self, sha256: str, *, owner: str | None = None) -> TurnRecord | None:
        """The oldest turn with this picture, or None. With an `owner`, the id of a key, only in that key's sessions."""
        return self._first_turn(select(TurnRow).where(TurnRow.image == sha256).order_by(TurnRow.id), owner)

    def turn_of_source(self, sha256: str, *, owner: str | None = None) -> TurnRecord | None:
        """The oldest turn that starts from this picture, or has it as its mask, or None; `owner` as above."""
        is_source = or_(TurnRow.source_image == sha256, TurnRow.mask_image == sha256)
        return self._first_turn(select(TurnRow).where(is_source).order_by(TurnRow.id), owner)

    def newest_turn_of_picture(self, sha256: str, *, owner: str | None = None) -> TurnRecord | None:
        """The newest turn with this picture, or None; `owner` as above."""
        return self._first_turn(select(TurnRow).where(TurnRow.image == sha256).order_by(TurnRow.id.desc()), owner)

    # Maintenance

    @contextmanager
    def pictures_in_use(self) -> Iterator[frozenset[PictureFile]]:
        """The picture files of all turns. No turn is written while the block runs."""
        with self._without_new_turns() as db:
            turns = db.execute(select(TurnRow.image, TurnRow.request))
            used = {self.images.existing(sha256, request) for sha256, request in turns}
            sources = drawn_turns.source_pictures(db, self.images)
            yield frozenset(used | sources | drawn_turns.pictures(db, self.images))

    def source_pictures(self) -> frozenset[PictureFile]:
        """The files of the pictures that turns, and turns without a picture, start from."""
        with self._database.read_session() as db:
            return frozenset(drawn_turns.source_pictures(db, self.images))

    def damage(self) -> list[str]:
        """The result of the database's own integrity checks: one line per fault."""
        if not self._database.is_sqlite:
            return []
        with self._database.read_session() as db:
            report = [str(line) for line in db.scalars(sql("PRAGMA integrity_check")) if line != "ok"]
            orphans = db.execute(sql("PRAGMA foreign_key_check"))
            report += [f"row {row} of “{table}” belongs to none of “{to}”" for table, row, to, _ in orphans]
            return report

    def repair_rows(self) -> list[str]:
        """Repair inconsistent rows, and return a line for each repair.

        A session with a missing head gets its newest turn as head. Exclusions without a turn and sessions without
        turns are deleted.
        """
        repairs = []
        numbers = select(TurnRow.number).where(TurnRow.session_id == SessionRow.id)
        orphans = delete(ExclusionRow).where(ExclusionRow.turn_id.not_in(select(TurnRow.id)))
        with self._database.write_session() as db:
            for session in db.scalars(select(SessionRow).where(SessionRow.head.not_in(numbers))):
                newest = queries.newest_number(db, session.id)
                if newest < 0:
                    db.delete(session)
                    repairs.append(f"session “{session.id}”, which had no turn, is gone")
                else:
                    session.head = newest
                    repairs.append(f"session “{session.id}” goes on from its newest turn, {newest}")
            deleted = cast("CursorResult[Any]", db.execute(orphans)).rowcount
            if deleted:
                repairs.append(f"deleted {deleted} exclusions that belonged to no turn")
        return repairs

    # Internals

    @contextmanager
    def _without_new_turns(self) -> Iterator[Session]:
        """A transaction during which no turn is written. The next writer checks whether its picture still exists."""
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
        self._require_sources(turn)
        if not self.images.exists(self.images.path(sha256, turn.request)):
            # `prune` has just deleted the picture, as no turn used it; the next `prune` waits for this transaction
            self.images.save(picture, text, turn.request)
        pins = db.scalar(select(SessionRow.pins).where(SessionRow.id == session_id))
        return replace(queries.to_turn_record(row, exclusions, self.images), pins=tuple(pins or ()))

    def _first_turn(self, query: Select[TurnRow], owner: str | None) -> TurnRecord | None:
        """The first turn of a query, in the sessions of a key or in all."""
        if owner is not None:
            query = query.join(SessionRow, SessionRow.id == TurnRow.session_id).where(SessionRow.owner == owner)
        with self._database.read_session() as db:
            row = db.scalar(query.limit(1))
            return None if row is None else self._record(row)

    def _require_sources(self, turn: NewTurn) -> None:
        """Raise `MissingPictureError` if a picture that the turn starts from was deleted meanwhile."""
        for sha256 in turn.source_images:
            if not self.images.copies(sha256):
                raise MissingPictureError("the picture to start from was deleted meanwhile: give it again")

    def _record(self, row: TurnRow) -> TurnRecord:
        return queries.to_turn_record(row, row.exclusions, self.images)


def _sessions_query() -> Select[SessionRow, int, str, str]:
    """All sessions, each with its number of turns and the prompt and picture of its head."""
    turns = select(func.count()).where(TurnRow.session_id == SessionRow.id).scalar_subquery()
    head = aliased(TurnRow)
    head_columns = func.coalesce(head.prompt, ""), func.coalesce(head.image, "")
    return select(SessionRow, turns, *head_columns).outerjoin(
        head, (head.session_id == SessionRow.id) & (head.number == SessionRow.head)
    )


def _newest_first(owner: str | None) -> Select[SessionRow, int, str, str]:
    """All sessions, newest first; with an `owner`, only that key's."""
    ordered = _sessions_query().order_by(SessionRow.created_at.desc(), SessionRow.id)
    return ordered if owner is None else ordered.where(SessionRow.owner == owner)
