"""`Store`: the only door to what is kept."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL.Image import Image
from sqlalchemy import Engine, Select, func, select
from sqlalchemy import text as sql
from sqlalchemy.orm import Session, aliased, selectinload

from ..errors import InvalidInputError
from .boundary import explained
from .connection import WAIT_SECONDS, connect, database_url, place, writing
from .errors import UnknownSessionError, UnknownTurnError
from .images import ImageStore
from .migrate import make_folder, make_ready
from .models import ExclusionRow, SessionRow, TurnRow
from .records import ExclusionRecord, NewTurn, SessionRecord, TurnRecord

_SEEDS = range(-(2**63), 2**63)


class Store:
    """Sessions, each a tree of turns with a head, and the turns' pictures.

    A turn is written once and never changed or erased; only heads move. Several threads and processes
    may use stores on the same database at once. Every method raises `StorageError` when the database
    or the disk fails, with nothing half done, and `UnknownSessionError` or `UnknownTurnError` (both
    `InvalidInputError`) when asked for what isn't there.
    """

    def __init__(self, engine: Engine, images: ImageStore) -> None:
        """Use a database that `open` would accept; most callers want `open`."""
        self.images = images
        self.place = place(engine.url)
        """The database's file or address, as its user knows it."""
        self._engine = engine
        self._writer = writing(engine)

    @classmethod
    def open(cls, url: str | None = None, *, home: Path, wait: float = WAIT_SECONDS) -> Self:
        """Open the database at `url`, by default the file `notthat.db` in `home`.

        Pictures are in `home/images`. Folders and tables are made where there are none. `wait` is how
        many seconds a write waits for another process's. Raises `OutdatedDatabaseError` or
        `NewerDatabaseError` when another notthat's tables are found, another `StorageError` when the
        database can't be used, and `InvalidInputError` when `url` is none.
        """
        address = database_url(url, home)
        make_folder(home)
        engine = connect(address, wait=wait)
        try:
            make_ready(engine, address)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, ImageStore(home / "images"))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

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
        _check(turn)
        sha256 = self.images.save(picture, text)
        session = SessionRow(id=secrets.token_hex(8), created_at=_now(), model=model, policies=list(policies), head=0)
        with self._writing() as db:
            db.add(session)
            db.flush()
            return self._insert(db, session, turn, sha256, picture, text)

    def add_turn(self, session_id: str, turn: NewTurn, picture: Image, text: Mapping[str, str]) -> TurnRecord:
        """Keep a finished turn and make it the session's head.

        The picture is on disk, with `text` as its PNG's text chunks, before the turn is in the database.
        The turn's number is the next free one, which is `turn.number` unless another process was faster;
        then the exclusions that this turn brought are given the new number as well.
        """
        if turn.parent is None:
            raise InvalidInputError("every turn but a session's first grows from another: name its parent")
        _check(turn)
        self.turn(session_id, turn.parent)  # a turn that can't be kept leaves no picture behind
        sha256 = self.images.save(picture, text)
        with self._writing() as db:
            session = _find_session(db, session_id, for_update=True)
            number = _count_turns(db, session_id)
            return self._insert(db, session, _renumbered(turn, number), sha256, picture, text)

    def move_head(self, session_id: str, number: int) -> TurnRecord:
        """Let the session's next turn grow from turn `number`, and return that; nothing is erased."""
        with self._writing() as db:
            session = _find_session(db, session_id, for_update=True)
            turn = self._record(_find_turn(db, session, number))
            session.head = number
        return turn

    # Reading

    def next_number(self, session_id: str) -> int:
        """The number that the session's next turn will have, unless another process takes it first."""
        return self.session(session_id).turns

    def session(self, session_id: str) -> SessionRecord:
        """The session as it is now."""
        with self._reading() as db:
            session = _find_session(db, session_id)
            head = _find_turn(db, session, session.head)
            return _session_record(session, _count_turns(db, session_id), head.prompt)

    def sessions(self) -> list[SessionRecord]:
        """All sessions, newest first."""
        turns = select(func.count()).where(TurnRow.session_id == SessionRow.id).scalar_subquery()
        head = aliased(TurnRow)
        newest_first = (
            select(SessionRow, turns, func.coalesce(head.prompt, ""))
            .outerjoin(head, (head.session_id == SessionRow.id) & (head.number == SessionRow.head))
            .order_by(SessionRow.created_at.desc(), SessionRow.id)
        )
        with self._reading() as db:
            return [_session_record(*row) for row in db.execute(newest_first)]

    def turn(self, session_id: str, number: int | None = None) -> TurnRecord:
        """Turn `number` of the session, by default its head."""
        with self._reading() as db:
            session = _find_session(db, session_id)
            return self._record(_find_turn(db, session, session.head if number is None else number))

    def turns(self, session_id: str) -> list[TurnRecord]:
        """All turns of the session in order of creation, those of abandoned branches too."""
        with self._reading() as db:
            session = _find_session(db, session_id)
            return [self._record(turn) for turn in db.scalars(_turns_of(session).order_by(TurnRow.number))]

    # Maintenance

    @contextmanager
    def pictures_in_use(self) -> Iterator[frozenset[str]]:
        """The hashes of the pictures that turns name; no turn is written while the block runs."""
        with self._writing() as db:
            yield frozenset(db.scalars(select(TurnRow.image)))

    def damage(self) -> list[str]:
        """What the database finds wrong with itself, in a line each."""
        if self._engine.dialect.name != "sqlite":
            return []
        with self._reading() as db:
            report = [str(line) for line in db.scalars(sql("PRAGMA integrity_check")) if line != "ok"]
            orphans = db.execute(sql("PRAGMA foreign_key_check"))
            report += [f"row {row} of “{table}” belongs to none of “{to}”" for table, row, to, _ in orphans]
            return report

    # Inside

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with explained(self.place), Session(self._engine) as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """A transaction that has the write lock from its start; all of it is kept, or nothing."""
        with explained(self.place), Session(self._writer) as db, db.begin():
            db.connection()
            yield db

    def _insert(
        self,
        db: Session,
        session: SessionRow,
        turn: NewTurn,
        sha256: str,
        picture: Image,
        text: Mapping[str, str],
    ) -> TurnRecord:
        row = _turn_row(session.id, turn, sha256)
        session.head = turn.number
        db.add(row)
        db.flush()
        if not self.images.path(sha256).exists():
            # It had no turn when `prune` ran, a moment ago. The next one waits for this transaction.
            self.images.save(picture, text)
        db.expire(row)  # what is told is what was kept, read back
        return self._record(row)

    def _record(self, row: TurnRow) -> TurnRecord:
        return TurnRecord(
            session=row.session_id,
            number=row.number,
            parent=row.parent,
            created_at=row.created_at,
            feedback=row.feedback,
            edits=tuple(row.edits),
            reply=row.reply,
            prompt=row.prompt,
            negative=row.negative,
            exclusions=tuple(
                ExclusionRecord(each.term, each.weight, each.source, each.since, each.words) for each in row.exclusions
            ),
            seed=row.seed,
            request=row.request,
            sha256=row.image,
            image=self.images.path(row.image),
            seconds=row.seconds,
        )


def _find_session(db: Session, session_id: str, *, for_update: bool = False) -> SessionRow:
    session = db.get(SessionRow, session_id, with_for_update=for_update)
    if session is None:
        raise UnknownSessionError(f"no session “{session_id}”: see notthat sessions")
    return session


def _find_turn(db: Session, session: SessionRow, number: int) -> TurnRow:
    count = _count_turns(db, session.id)
    if not 0 <= number < count:
        there_are = "only turn 0" if count == 1 else f"turns 0 to {count - 1}"
        raise UnknownTurnError(f"no turn {number} in session “{session.id}”: it has {there_are}")
    return db.scalars(_turns_of(session).where(TurnRow.number == number)).one()


def _turns_of(session: SessionRow) -> Select[TurnRow]:
    return select(TurnRow).where(TurnRow.session_id == session.id).options(selectinload(TurnRow.exclusions))


def _count_turns(db: Session, session_id: str) -> int:
    """How many turns there are, and so the next one's number: none is ever erased."""
    return db.scalar(select(func.count()).where(TurnRow.session_id == session_id)) or 0


def _check(turn: NewTurn) -> None:
    if turn.seed not in _SEEDS:
        raise InvalidInputError(f"seed {turn.seed} is too large: use one between -2^63 and 2^63-1")


def _renumbered(turn: NewTurn, number: int) -> NewTurn:
    """The turn under the number it gets, with what it brought dated to that number."""
    if number == turn.number:
        return turn
    exclusions = tuple(replace(each, since=number) if each.since == turn.number else each for each in turn.exclusions)
    return replace(turn, number=number, exclusions=exclusions)


def _turn_row(session_id: str, turn: NewTurn, sha256: str) -> TurnRow:
    return TurnRow(
        session_id=session_id,
        number=turn.number,
        parent=turn.parent,
        created_at=_now(),
        feedback=turn.feedback,
        edits=list(turn.edits),
        reply=turn.reply,
        prompt=turn.prompt,
        negative=turn.negative,
        exclusions=[
            ExclusionRow(
                position=position,
                term=each.term,
                weight=each.weight,
                source=each.source,
                since=each.since,
                words=each.words,
            )
            for position, each in enumerate(turn.exclusions)
        ],
        seed=turn.seed,
        request=turn.request,
        image=sha256,
        seconds=turn.seconds,
    )


def _session_record(row: SessionRow, turns: int, prompt: str) -> SessionRecord:
    return SessionRecord(
        id=row.id,
        created_at=row.created_at,
        model=row.model,
        policies=tuple(row.policies),
        head=row.head,
        turns=turns,
        prompt=prompt,
    )


def _now() -> datetime:
    return datetime.now(UTC)
