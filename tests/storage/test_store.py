"""The contract of a store, on every database."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import Engine, event

from notthat.errors import InvalidInputError
from notthat.storage import (
    ExclusionRecord,
    NewTurn,
    Store,
    TurnRecord,
    UnknownSessionError,
    UnknownTurnError,
    check,
    tables,
)

Begin = Callable[..., TurnRecord]
Grow = Callable[..., TurnRecord]
MakeTurn = Callable[..., NewTurn]
MakePicture = Callable[..., Image.Image]

a_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
an_exclusion = st.builds(
    ExclusionRecord,
    term=a_text,
    weight=st.floats(0, 10),
    source=a_text,
    since=st.just(0),
    words=a_text,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | a_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(a_text, inner, max_size=3),
    max_leaves=6,
)
a_first_turn = st.builds(
    NewTurn,
    number=st.just(0),
    parent=st.none(),
    feedback=a_text,
    edits=st.lists(st.dictionaries(a_text, json_values, max_size=3), max_size=3).map(tuple),
    reply=a_text,
    prompt=a_text,
    negative=a_text,
    exclusions=st.lists(an_exclusion, max_size=3).map(tuple),
    seed=st.integers(-(2**63), 2**63 - 1),
    request=st.dictionaries(a_text, json_values, max_size=3),
    seconds=st.floats(0, 1e6),
)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements sent by any engine during the block."""
    sent: list[str] = []

    def listen(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


class TestStore:
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(turn=a_first_turn)
    def test_gives_back_a_turn_as_it_was_handed_in(self, store: Store, turn: NewTurn) -> None:
        kept = store.begin_session("mini", ("quality", "brand"), turn, Image.new("RGB", (2, 2)), {})

        assert {each.name: getattr(kept, each.name) for each in fields(turn)} == vars(turn)
        assert store.turn(kept.session) == kept
        assert store.turns(kept.session) == [kept]

    def test_tells_at_once_what_it_will_tell_later(self, store: Store, begin: Begin) -> None:
        fog = ExclusionRecord("fog", 1, "user", 0, "no fog")
        request = {"size": (512, 768), "steps": 20}
        begun = begin(request=request, exclusions=(fog,))
        request["steps"] = 21

        assert begun == store.turn(begun.session)
        assert begun.request == {"size": [512, 768], "steps": 20}

    def test_gives_back_a_session_as_it_was_begun(self, store: Store, turn: MakeTurn, picture: MakePicture) -> None:
        before = datetime.now(UTC)
        begun = store.begin_session("mini", ("quality", "brand"), turn(0, None), picture(), {})
        after = datetime.now(UTC)

        session = store.session(begun.session)
        assert (session.model, session.policies, session.head, session.turns) == (
            "mini",
            ("quality", "brand"),
            0,
            1,
        )
        assert before <= session.created_at <= begun.created_at <= after
        assert session.created_at.tzinfo is UTC

    def test_keeps_all_of_it_when_it_is_closed_and_opened_again(
        self, store: Store, home: Path, begin: Begin, grow: Grow
    ) -> None:
        first = begin()
        second = grow(first.session)
        session = store.session(first.session)
        store.close()

        with Store.open(home=home) as again:
            assert again.session(first.session) == session
            assert again.turns(first.session) == [first, second]

    def test_session_ids_are_long_and_differ(self, begin: Begin) -> None:
        ids = {begin().session for _ in range(20)}

        assert len(ids) == 20
        assert all(len(id) == 16 and int(id, 16) >= 0 for id in ids)

    def test_lists_the_newest_session_first(self, store: Store, begin: Begin, grow: Grow) -> None:
        assert (store.sessions(), store.count_sessions()) == ([], 0)
        ids = [begin().session for _ in range(3)]
        grow(ids[1])

        assert store.sessions() == [store.session(id) for id in reversed(ids)]
        assert [session.turns for session in store.sessions()] == [1, 2, 1]
        assert store.count_sessions() == 3

    def test_keeps_the_picture_with_its_text(self, store: Store, turn: MakeTurn, picture: MakePicture) -> None:
        shown = picture(7)
        text = {"parameters": "a café\nNegative prompt: fog", "notthat": '{"prompt": "日本 🎨"}'}
        kept = store.begin_session("mini", (), turn(0, None), shown, text)

        assert kept.sha256 == sha256(shown.tobytes()).hexdigest()
        with Image.open(kept.image) as file:
            assert file.format == "PNG"
            assert file.tobytes() == shown.tobytes()
            assert file.text == text  # type: ignore[attr-defined]

    def test_two_turns_of_the_same_picture_share_its_file(
        self, store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
    ) -> None:
        first = begin()
        second = store.add_turn(first.session, turn(1, 0), picture(0), {"parameters": "another"})

        assert second.image == first.image
        assert len(list(store.images.pictures())) == 1


class TestTree:
    def test_a_turn_grows_from_its_parent_and_becomes_the_head(self, store: Store, begin: Begin, grow: Grow) -> None:
        session = begin().session
        grow(session)
        grow(session)
        branch = grow(session, parent=0)

        assert (branch.number, branch.parent) == (3, 0)
        assert store.turn(session) == branch
        assert [(turn.number, turn.parent) for turn in store.turns(session)] == [
            (0, None),
            (1, 0),
            (2, 1),
            (3, 0),
        ]

    def test_moving_the_head_erases_nothing_and_frees_no_number(self, store: Store, begin: Begin, grow: Grow) -> None:
        session = begin().session
        grow(session)
        grow(session)
        before = store.turns(session)

        assert store.move_head(session, 0) == before[0]
        assert store.session(session).head == 0
        assert store.turn(session) == before[0]
        assert store.turns(session) == before
        assert store.next_number(session) == 3
        assert grow(session).number == 3
        assert store.turns(session)[:3] == before

    def test_the_path_to_a_turn_leaves_out_what_was_undone(self, store: Store, begin: Begin, grow: Grow) -> None:
        session, other = begin().session, begin().session
        grow(session)
        grow(session)
        grow(session, parent=1)
        grow(session)
        grow(other)

        turns = store.turns(session)
        assert store.path(session, 4) == [turns[k] for k in (0, 1, 3, 4)]
        assert store.path(session, 2) == turns[:3]
        assert store.path(session, 4, last=2) == [turns[3], turns[4]]
        assert store.path(session, 0, last=3) == [turns[0]]

    def test_moves_one_session_only(self, store: Store, begin: Begin, grow: Grow) -> None:
        mine, other = begin().session, begin().session
        grow(mine)
        grow(other)
        store.move_head(mine, 0)

        assert (store.session(mine).head, store.session(other).head) == (0, 1)

    def test_a_turn_that_was_overtaken_is_renumbered_with_what_it_brought(
        self, store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
    ) -> None:
        session = begin().session
        promised = store.next_number(session)
        exclusions = (
            ExclusionRecord("fog", 1.0, "user", 0, "no fog"),
            ExclusionRecord("rain", 1.0, "user", promised, "no rain"),
        )
        fast = store.add_turn(session, turn(promised, 0, exclusions=exclusions), picture(1), {})
        slow = store.add_turn(session, turn(promised, 0, exclusions=exclusions), picture(2), {})

        assert (fast.number, slow.number) == (1, 2)
        assert [each.since for each in fast.exclusions] == [0, 1]
        assert [each.since for each in slow.exclusions] == [0, 2]
        assert store.turns(session)[1:] == [fast, slow]

    @pytest.mark.parametrize(("number", "parent"), [(0, 0), (1, None), (1, 0)])
    def test_the_first_turn_is_a_root(
        self,
        store: Store,
        turn: MakeTurn,
        picture: MakePicture,
        number: int,
        parent: int | None,
    ) -> None:
        with pytest.raises(InvalidInputError):
            store.begin_session("mini", (), turn(number, parent), picture(), {})
        assert store.sessions() == []

    def test_a_session_has_one_root(self, store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture) -> None:
        session = begin().session
        with pytest.raises(InvalidInputError, match="parent"):
            store.add_turn(session, turn(1, None), picture(), {})
        assert store.next_number(session) == 1


class TestUnknown:
    def test_sessions(self, store: Store, turn: MakeTurn, picture: MakePicture) -> None:
        asks: list[Callable[[], object]] = [
            lambda: store.session("abc"),
            lambda: store.turn("abc"),
            lambda: store.turns("abc"),
            lambda: store.next_number("abc"),
            lambda: store.move_head("abc", 0),
            lambda: store.add_turn("abc", turn(1, 0), picture(), {}),
        ]
        for ask in asks:
            with pytest.raises(UnknownSessionError, match=r"^no session “abc”: see notthat sessions$"):
                ask()
        assert not list(store.images.pictures())

    @pytest.mark.parametrize("number", [2, -1, 2**80])
    def test_turns(
        self,
        store: Store,
        begin: Begin,
        grow: Grow,
        turn: MakeTurn,
        picture: MakePicture,
        number: int,
    ) -> None:
        session = begin().session
        grow(session)
        before = store.turns(session)
        asks: list[Callable[[], object]] = [
            lambda: store.turn(session, number),
            lambda: store.path(session, number),
            lambda: store.move_head(session, number),
            lambda: store.add_turn(session, turn(2, number), picture(99), {}),
        ]
        for ask in asks:
            with pytest.raises(UnknownTurnError, match=f"no turn {number} in session .*turns 0 to 1"):
                ask()
        assert store.turns(session) == before
        assert len(list(store.images.pictures())) == 2

    @pytest.mark.parametrize(
        "changes", [{"seed": 2**63}, {"seed": -(2**63) - 1}, {"feedback": "\udc80"}, {"reply": "a\0"}]
    )
    def test_what_can_t_be_stored_is_refused_whole(
        self,
        store: Store,
        begin: Begin,
        turn: MakeTurn,
        picture: MakePicture,
        changes: dict[str, Any],
    ) -> None:
        session = begin().session
        with pytest.raises(InvalidInputError):
            store.add_turn(session, turn(1, 0, **changes), picture(1), {})
        with pytest.raises(InvalidInputError):
            store.begin_session("mini", (), turn(0, None, **changes), picture(1), {})
        assert [each.turns for each in store.sessions()] == [1]
        assert all(finding.is_harmless for finding in check(store))


class TestNumberOfQueries:
    def test_does_not_grow_with_sessions_or_turns(self, store: Store, begin: Begin, grow: Grow) -> None:
        def queries() -> tuple[int, ...]:
            with statements() as for_sessions:
                store.sessions()
            with statements() as for_turns:
                store.turns(session)
            with statements() as for_path:
                store.path(session, store.session(session).head)
            return len(for_sessions), len(for_turns), len(for_path)

        session = begin().session
        few = queries()
        for _ in range(5):
            begin()
            grow(session)
        assert queries() == few


class TestPlainSQL:
    """The query in the docstring of `tables` works as documented."""

    def test_tells_which_turn_brought_a_term_and_in_whose_words(self, home: Path, begin: Begin, grow: Grow) -> None:
        session = begin(exclusions=()).session
        brought = ExclusionRecord("watermark", 1.0, "user", 1, "no watermark please")
        grow(session, feedback="no watermark please", exclusions=(brought,))
        heavier = ExclusionRecord("watermark", 1.3, "user", 1, "no watermark please")
        fog = ExclusionRecord("fog", 1.0, "policy", 2, "clear weather")
        grow(session, feedback="still there", exclusions=(heavier, fog))
        other = begin(exclusions=(ExclusionRecord("watermark", 9.0, "user", 0, "mine"),)).session

        documented = (tables.__doc__ or "").partition("\n    SELECT")
        query = "SELECT" + documented[2].partition("\n\n")[0]
        with closing(sqlite3.connect(home / "notthat.db")) as database:

            def ask(session: str, term: str) -> list[Any]:
                return database.execute(query, {"session": session, "term": term}).fetchall()

            assert ask(session, "watermark") == [(1, "no watermark please", "user", "no watermark please", 1.3)]
            assert ask(session, "fog") == [(2, "still there", "policy", "clear weather", 1.0)]
            assert ask(session, "rain") == []
            assert [row[0] for row in ask(other, "watermark")] == [0]

    def test_reads_texts_as_they_were_typed(self, store: Store, home: Path, begin: Begin) -> None:
        begin(request={"prompt": "日本"})

        with closing(sqlite3.connect(home / "notthat.db")) as database:
            assert database.execute("SELECT request FROM turns").fetchone() == ('{"prompt": "日本"}',)
