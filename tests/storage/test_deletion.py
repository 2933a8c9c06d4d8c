"""Deleting a session removes all of its data, and no other session's."""

import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from notthat.storage import (
    AlreadyRequestedError,
    ExclusionRecord,
    IdempotencyKey,
    NewTurn,
    SessionStart,
    StorageError,
    Store,
    TurnRecord,
    UnknownSessionError,
    check,
    prune,
)

Begin = Callable[..., TurnRecord]
Grow = Callable[..., TurnRecord]
MakeTurn = Callable[..., NewTurn]
MakePicture = Callable[..., Image.Image]


def files_with(home: Path, word: str) -> list[str]:
    """The files of a home that contain a word."""
    return [str(path) for path in home.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def private(turn: MakeTurn, number: int, parent: int | None, word: str) -> NewTurn:
    """A turn with a word in every text field."""
    return turn(
        number,
        parent,
        feedback=f"no {word}" + 50 * number * " and on",
        reply=f"Without {word}.",
        prompt=f"a {word}",
        negative=word,
        edits=({"op": "exclude", "term": word},),
        exclusions=(ExclusionRecord(word, 1.0, "user", number, word),),
        request={"prompt": word},
        provenance={"interpreter": {"raw": word}},
    )


def test_a_session_goes_with_its_turns_attempts_receipts_and_pictures(
    store: Store, begin: Begin, grow: Grow, turn: MakeTurn, picture: MakePicture
) -> None:
    first, other = begin(), begin()
    second = grow(first.session)
    store.move_head(first.session, 0, IdempotencyKey("a" * 64, "b" * 64))
    store.move_head(other.session, 0, IdempotencyKey("c" * 64, "d" * 64))
    store.attempts.end(store.attempts.begin(first.session, turn(2, 0)), "failed", "no power")
    kept = store.attempts.begin(other.session, turn(1, 0))
    deleted = store.delete_session(first.session)
    assert (deleted.turns, deleted.pictures) == (2, 2)
    assert (first.image.exists(), second.image.exists(), other.image.exists()) == (False, False, True)
    assert [each.id for each in store.sessions()] == [other.session]
    assert [each.id for each in store.attempts.all()] == [kept.id]
    store.idempotency_keys.require_new(IdempotencyKey("a" * 64, "b" * 64))
    with pytest.raises(AlreadyRequestedError):
        store.idempotency_keys.require_new(IdempotencyKey("c" * 64, "b" * 64))
    store.attempts.finish(kept, picture(7), {}, 0.1)
    assert check(store) == []
    for ask in (store.session, store.turns, store.delete_session, store.next_number):
        with pytest.raises(UnknownSessionError):
            ask(first.session)


@pytest.mark.parametrize("name", ["0123456789abcdef", "", "a\0b", "?" * 500])
def test_a_session_that_is_not_there_can_not_be_deleted(store: Store, begin: Begin, name: str) -> None:
    begin()
    with pytest.raises(UnknownSessionError):
        store.delete_session(name)
    assert len(store.sessions()) == 1


def test_a_picture_that_another_session_has_stays(store: Store, turn: MakeTurn, picture: MakePicture) -> None:
    one, two = (store.begin_session("mini", (), turn(0, None), picture(5), {}) for _ in range(2))
    assert one.image == two.image
    assert store.delete_session(one.session).pictures == 0
    assert store.images.open(two.sha256)
    assert store.delete_session(two.session).pictures == 1
    assert not two.image.exists()


def test_a_session_without_a_picture_is_deleted(store: Store, turn: MakeTurn, picture: MakePicture) -> None:
    attempt = store.attempts.begin_session(SessionStart("mini", ()), turn(0, None))
    assert store.delete_session(attempt.session).turns == 0
    assert store.attempts.all() == []
    with pytest.raises(UnknownSessionError):
        store.attempts.finish(attempt, picture(), {}, 0.1)  # which would begin it again
    assert store.sessions() == []
    assert list(store.images.pictures()) == []


def test_a_turn_that_is_drawn_meanwhile_leaves_no_picture(
    store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session = begin().session
    attempt = store.attempts.begin(session, turn(1, 0))
    store.delete_session(session)
    with pytest.raises(UnknownSessionError):
        store.attempts.finish(attempt, picture(9), {}, 0.1)
    with pytest.raises(UnknownSessionError):
        store.attempts.end(attempt, "failed", "no power")
    assert (list(store.images.pictures()), store.attempts.all()) == ([], [])


def test_a_session_of_many_pictures_is_deleted(
    store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notthat.storage.deletion._BATCH", 3)
    session = begin().session
    for k in range(1, 8):
        store.add_turn(session, turn(k, k - 1), picture(100 + k), {})
    assert store.delete_session(session).pictures == 8
    assert list(store.images.pictures()) == []


def test_no_race_loses_the_picture_of_another_turn(store: Store, turn: MakeTurn, picture: MakePicture) -> None:
    kept: list[TurnRecord] = []

    def begin_often() -> None:
        kept.extend(store.begin_session("mini", (), turn(0, None), picture(5), {}) for _ in range(15))

    writer = threading.Thread(target=begin_often)
    writer.start()
    for _ in range(15):
        store.delete_session(store.begin_session("mini", (), turn(0, None), picture(5), {}).session)
    writer.join()
    assert len(store.sessions()) == 15
    assert store.images.open(kept[0].sha256)
    assert check(store) == []


def test_two_who_delete_a_session_at_once_do_it_once(store: Store, begin: Begin, grow: Grow) -> None:
    session = begin().session
    grow(session)
    outcomes: list[str] = []

    def delete() -> None:
        try:
            outcomes.append(str(store.delete_session(session).turns))
        except UnknownSessionError:
            outcomes.append("unknown")

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["2", "unknown", "unknown", "unknown"]
    assert check(store) == []


def test_what_a_crash_leaves_is_pruned(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    session = begin()

    def crash(pictures: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "discard_pictures", crash)
        with pytest.raises(KeyboardInterrupt):
            store.delete_session(session.session)
    assert store.sessions() == []
    assert [finding.kind for finding in check(store)] == ["unused picture"]
    assert prune(store).pictures == (session.image,)
    assert check(store) == []


def test_a_picture_that_can_not_be_deleted_is_told(store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    session = begin().session

    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError, match=r"can't be deleted .*then run “notthat db prune”") as caught:
        store.delete_session(session)
    assert len(str(caught.value).splitlines()) == 1
    assert store.sessions() == []


# What is in the files


def test_no_file_holds_a_word_of_a_deleted_session(
    store: Store, home: Path, turn: MakeTurn, picture: MakePicture
) -> None:
    """Terms of many lengths in no order make SQLite split the pages of its index, and copy rows between them."""
    chance = random.Random(0)
    sessions: dict[str, str] = {}
    for n in range(80):
        word = f"zyxw{chance.randrange(6)}zyxw"
        terms = [f"{chance.choice('abcdefgh') * chance.randrange(1, 60)}{word}{k}" for k in range(20)]
        exclusions = tuple(ExclusionRecord(term, 1.0, "user", 0, word) for term in terms)
        if word in sessions:
            number = store.next_number(sessions[word])
            grown = replace(private(turn, number, number - 1, word), exclusions=exclusions)
            store.add_turn(sessions[word], grown, picture(n), {"parameters": word})
        else:
            first = replace(private(turn, 0, None, word), exclusions=exclusions)
            sessions[word] = store.begin_session("mini", (), first, picture(n), {"parameters": word}).session
    for word in sorted(sessions)[:5]:
        assert files_with(home, word) != []
        store.delete_session(sessions.pop(word))
        assert files_with(home, word) == []
    ((word, session),) = sessions.items()
    assert store.turn(session).prompt == f"a {word}"
    assert check(store) == []


def test_the_words_are_gone_while_other_programs_have_the_database_open(
    store: Store, home: Path, turn: MakeTurn, picture: MakePicture
) -> None:
    with Store.open(home=home) as other:
        session = store.begin_session("mini", (), private(turn, 0, None, "zyxwv"), picture(), {})
        assert other.turn(session.session).prompt == "a zyxwv"
        other.delete_session(session.session)
        assert files_with(home, "zyxwv") == []


def test_a_reader_that_does_not_end_is_told_of(home: Path, turn: MakeTurn, picture: MakePicture) -> None:
    with Store.open(home=home, wait=0.05) as store:
        session = store.begin_session("mini", (), private(turn, 0, None, "zyxwv"), picture(), {}).session
        with closing(sqlite3.connect(home / "notthat.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM turns").fetchone() == (1,)
            with pytest.raises(StorageError, match=r"being read by another program.*notthat db prune"):
                store.delete_session(session)
            assert store.sessions() == []
        prune(store)
        assert files_with(home, "zyxwv") == []


def test_pruning_clears_what_an_earlier_release_left_in_free_pages(
    store: Store, home: Path, turn: MakeTurn, picture: MakePicture
) -> None:
    session = store.begin_session("mini", (), private(turn, 0, None, "zyxwv"), picture(), {}).session
    with closing(sqlite3.connect(home / "notthat.db")) as old:  # which didn't overwrite what it deleted
        old.execute("PRAGMA secure_delete=OFF")
        for table, column in (("exclusions", "turn_id"), ("turns", "id"), ("sessions", "id")):
            old.execute(f"DELETE FROM {table} WHERE {column} IS NOT NULL")
        old.commit()
    assert session not in [each.id for each in store.sessions()]
    assert files_with(home, "zyxwv") != []
    prune(store)
    assert files_with(home, "zyxwv") == []
