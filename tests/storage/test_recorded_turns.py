"""Turns from their words to their pictures: recorded, prepared, settled, dropped, cancelled, retried, taken over.

A second store on the same database stands for another process.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, event

from notthat.errors import InvalidInputError
from notthat.storage import (
    AlreadyRequestedError,
    Attempt,
    IdempotencyKey,
    LeaseTimes,
    NewTurn,
    SessionStart,
    StorageError,
    Store,
    TurnRecord,
    UnknownSessionError,
    check,
    new_session_id,
)

Begin = Callable[..., TurnRecord]
MakeTurn = Callable[..., NewTurn]
MakePicture = Callable[..., Image.Image]
OpenStore = Callable[..., Store]

COMMAND = {"kind": "say", "feedback": {"lines": ["no fog"]}}
EXPIRED = LeaseTimes(seconds=0.0)
"""Leases that have always run out, as those of a process that can't reach the database."""
PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""


def key_of(name: str, fingerprint: str = "f") -> IdempotencyKey:
    return IdempotencyKey(name * 64, fingerprint * 64)


@contextmanager
def before_statement(part: str, call: Callable[[], Any]) -> Iterator[None]:
    """Call this once, before this thread's first statement that has `part` in it."""
    thread, waiting = threading.get_ident(), [call]

    def hear(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if waiting and threading.get_ident() == thread and part in statement:
            waiting.pop()()

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert not waiting


def test_words_are_recorded_before_they_are_interpreted(
    store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session = begin().session
    recorded = store.attempts.record(session, "no fog", COMMAND)
    assert (recorded.turn.number, recorded.turn.parent, recorded.turn.feedback) == (1, 0, "no fog")
    assert (recorded.status, recorded.command) == ("pending", COMMAND)
    assert store.attempts.all(session) == [recorded]

    prepared = store.attempts.prepare(recorded, turn(1, 0, feedback="no fog"))
    assert (prepared.id, prepared.turn.number, prepared.command) == (recorded.id, 1, None)
    assert store.attempts.all(session) == [prepared]
    kept = store.attempts.finish(prepared, picture(1), {}, 0.5)
    assert (kept.number, kept.feedback, kept.seconds) == (1, "no fog", 0.5)
    assert store.attempts.all() == []
    assert check(store) == []


def test_a_session_can_be_recorded_with_what_follows_it(store: Store, turn: MakeTurn, picture: MakePicture) -> None:
    session, start = new_session_id(), SessionStart("stub", ("quality",))
    first = store.attempts.record(session, "a harbour", {"kind": "start"}, start=start)
    second = store.attempts.record(session, "no fog", COMMAND)
    assert [(each.turn.number, each.turn.parent) for each in (first, second)] == [(0, None), (1, 0)]
    with pytest.raises(UnknownSessionError):
        store.attempts.prepare(second, turn(1, 0))  # there is nothing yet that it could grow from

    first = store.attempts.prepare(first, turn(0, None), SessionStart("mini", ()))
    assert store.attempts.finish(first, picture(0), {}, 0.1).number == 0
    assert (store.session(session).model, store.session(session).policies) == ("mini", ())
    second = store.attempts.prepare(second, turn(1, 0))
    assert store.attempts.finish(second, picture(1), {}, 0.1).parent == 0
    assert check(store) == []


def test_what_is_recorded_at_once_after_a_pending_first_turn_gets_numbers_of_its_own(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    stores = [open_store() for _ in range(4)]
    session = new_session_id()
    first = stores[0].attempts.record(session, "a harbour", {"kind": "start"}, start=SessionStart("stub", ()))

    def record(k: int) -> Attempt:
        return stores[k % 4].attempts.record(session, f"no fog {k}", COMMAND)

    with ThreadPoolExecutor(16) as pool:
        recorded = list(pool.map(record, range(32)))
    assert sorted(each.turn.number for each in recorded) == list(range(1, 33))

    stores[0].attempts.finish(stores[0].attempts.prepare(first, turn(0, None)), picture(0), {}, 0.1)
    for each in recorded[:2]:
        prepared = stores[0].attempts.prepare(each, turn(each.turn.number, 0))
        assert stores[0].attempts.finish(prepared, picture(1), {}, 0.1).number == each.turn.number


def test_a_turn_that_grows_from_a_later_one_gets_a_later_number_and_is_found_under_both(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    recorded = here.attempts.record(session, "no fog", COMMAND)
    faster = elsewhere.attempts.begin(session, turn(1, 0))
    elsewhere.attempts.finish(faster, picture(2), {}, 0.1)

    prepared = here.attempts.prepare(recorded, turn(recorded.turn.number, 2))
    assert (recorded.turn.number, prepared.turn.number) == (1, 3)
    assert [each.since for each in prepared.turn.exclusions] == [3]
    kept = here.attempts.finish(prepared, picture(3), {}, 0.1)
    assert (kept.number, kept.parent, elsewhere.attempts.alias(session, 1)) == (3, 2, 3)
    assert check(here) == []


def test_words_that_change_nothing_are_answered_by_the_turn_that_is_shown(
    store: Store, begin: Begin, turn: MakeTurn
) -> None:
    session = begin().session
    key = key_of("a")
    recorded = store.attempts.record(session, "thank you", COMMAND, idempotency_key=key)
    store.attempts.settle(recorded, 0)
    assert store.attempts.all() == []
    assert (store.attempts.alias(session, 1), store.session(session).head) == (0, 0)
    with pytest.raises(AlreadyRequestedError) as again:
        store.attempts.record(session, "thank you", COMMAND, idempotency_key=key)
    assert (again.value.session, again.value.number) == (session, 0)


def test_going_back_moves_the_head_and_ends_the_recorded_turn_at_once(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    here.add_turn(session, turn(1, 0), picture(1), {})
    recorded = here.attempts.record(session, "undo", COMMAND)
    elsewhere.attempts.cancel(session, 2, "not needed")
    with pytest.raises(StorageError, match="was cancelled"):
        here.attempts.settle(recorded, 0, moves_head=True)
    assert here.session(session).head == 1  # neither of the two happened

    again = here.attempts.retry(session)
    assert again.command == COMMAND
    here.attempts.settle(again, 0, moves_head=True)
    assert (here.session(session).head, here.attempts.all(session)) == (0, [])
    assert here.attempts.alias(session, 2) == 0


def test_a_refused_turn_is_dropped_with_its_words(store: Store, begin: Begin) -> None:
    session = begin().session
    key = key_of("a")
    recorded = store.attempts.record(session, "", COMMAND, idempotency_key=key)
    store.attempts.drop(recorded)
    assert (store.attempts.all(), store.attempts.alias(session, 1)) == ([], None)
    again = store.attempts.record(session, "no fog", COMMAND, idempotency_key=key)
    assert again.turn.number == 1


def test_a_turn_that_another_process_cancels_is_lost_and_can_be_retried(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(LeaseTimes(seconds=60, renewal=0.01)), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    lost = threading.Event()
    heard: list[tuple[str, int]] = []

    def hear(of_session: str, number: int) -> None:
        heard.append((of_session, number))
        lost.set()

    here.attempts.on_lost(hear)
    attempt = here.attempts.begin(session, turn(1, 0, feedback="no fog"))
    assert elsewhere.attempts.cancel(session, 1, "not\nneeded")
    assert not elsewhere.attempts.cancel(session, 1, "twice")
    assert lost.wait(PATIENCE)
    assert heard == [(session, 1)]
    with pytest.raises(StorageError, match="was cancelled"):
        here.attempts.finish(attempt, picture(5), {}, 0.1)
    assert check(here) == []  # not even a picture is left
    (cancelled,) = here.attempts.all(session)
    assert (cancelled.status, cancelled.reason) == ("cancelled", "not needed")
    again = elsewhere.attempts.retry(session)
    assert elsewhere.attempts.finish(again, picture(5), {}, 0.1).feedback == "no fog"


def test_a_listener_that_fails_does_not_end_the_renewal_of_leases(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    here, elsewhere = open_store(LeaseTimes(seconds=60, renewal=0.01)), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    heard: dict[int, threading.Event] = {1: threading.Event(), 2: threading.Event()}

    def fall(_: str, number: int) -> None:
        heard[number].set()
        raise RuntimeError("the event loop is closed")

    here.attempts.on_lost(fall)
    for number in (1, 2):
        here.attempts.begin(session, turn(number, 0))
        assert elsewhere.attempts.cancel(session, number, "stop")
        assert heard[number].wait(PATIENCE)
        elsewhere.attempts.finish(elsewhere.attempts.retry(session), picture(number), {}, 0.1)


def test_a_lease_that_ran_out_is_taken_over_and_the_late_picture_is_refused(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(EXPIRED), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    attempt = here.attempts.begin(session, turn(1, 0, feedback="no fog"))
    (seen,) = elsewhere.attempts.all(session)
    assert seen.status == "failed"

    again = elsewhere.attempts.retry(session)
    with pytest.raises(StorageError, match="was taken over"):
        here.attempts.finish(attempt, picture(1), {}, 0.1)
    with pytest.raises(StorageError, match="was taken over"):
        here.attempts.end(attempt, "failed", "too late")
    assert [each.status for each in elsewhere.attempts.all(session)] == ["pending"]
    assert elsewhere.attempts.finish(again, picture(1), {}, 0.1).number == 1
    assert check(here) == []


def test_a_lease_that_ran_out_keeps_its_turn_while_nobody_takes_it(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(EXPIRED), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    attempt = here.attempts.begin(session, turn(1, 0))
    assert elsewhere.attempts.begin(session, turn(1, 0)).turn.number == 2  # nor does anybody get its number
    assert here.attempts.finish(attempt, picture(1), {}, 0.1).number == 1


def test_a_lease_from_a_clock_that_was_far_ahead_is_worth_nothing(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(LeaseTimes(seconds=7200.0)), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    here.attempts.begin(session, turn(1, 0))
    assert elsewhere.attempts.mark_interrupted() == 1
    assert elsewhere.attempts.retry(session).status == "pending"


def test_a_request_that_is_on_its_way_is_not_recorded_twice(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    key = key_of("a")
    recorded = here.attempts.record(session, "no fog", COMMAND, idempotency_key=key)
    with pytest.raises(AlreadyRequestedError) as pending:
        elsewhere.attempts.record(session, "no fog", COMMAND, idempotency_key=key)
    assert (pending.value.number, pending.value.fingerprint) == (1, key.fingerprint)
    here.attempts.finish(here.attempts.prepare(recorded, turn(1, 0)), picture(1), {}, 0.1)
    with pytest.raises(AlreadyRequestedError) as done:
        elsewhere.attempts.record(session, "no fog", COMMAND, idempotency_key=key)
    assert done.value.number == 1


def test_a_request_whose_lease_ran_out_is_drawn_once_when_it_is_repeated(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(EXPIRED), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    late = here.attempts.begin(session, turn(1, 0), key_of("a"))
    again = elsewhere.attempts.begin(session, turn(1, 0), key_of("a"))
    with pytest.raises(StorageError, match="was taken over"):
        here.attempts.finish(late, picture(1), {}, 0.1)
    kept = elsewhere.attempts.finish(again, picture(1), {}, 0.1)
    assert [each.number for each in here.turns(session)] == [0, kept.number]


def test_a_request_that_is_done_while_it_is_repeated_is_drawn_once(
    store: Store, open_store: OpenStore, begin: Begin, turn: MakeTurn, picture: MakePicture, backend: str
) -> None:
    elsewhere, session = open_store(), begin().session
    attempt = elsewhere.attempts.begin(session, turn(1, 0), key_of("a"))

    def finish() -> None:
        elsewhere.attempts.finish(attempt, picture(1), {}, 0.1)

    if backend == "postgres":  # SQLite's writers wait for each other: this can't be in between there
        with before_statement("FROM attempts", finish), pytest.raises(AlreadyRequestedError) as done:
            store.attempts.record(session, "no fog", COMMAND, idempotency_key=key_of("a"))
    else:
        finish()
        with pytest.raises(AlreadyRequestedError) as done:
            store.attempts.record(session, "no fog", COMMAND, idempotency_key=key_of("a"))
    assert done.value.number == 1
    assert store.attempts.all() == []


def test_an_alias_of_a_turn_that_exists_stays_when_an_attempt_of_its_number_is_retried(
    store: Store, begin: Begin, grow: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session = begin().session
    failed = store.attempts.begin(session, turn(1, 0, feedback="no gulls"))
    store.attempts.end(failed, "failed", "the device went away")
    assert grow(session).number == 1
    praise = store.attempts.record(session, "lovely", COMMAND)
    other = store.attempts.begin(session, turn(3, 1))
    store.attempts.settle(praise, 1)
    store.attempts.finish(other, picture(3), {}, 0.1)

    again = store.attempts.retry(session)
    assert (failed.turn.number, again.turn.number) == (1, 4)
    assert store.attempts.alias(session, praise.turn.number) == 1  # not the retried turn
    assert store.turn(session, 1).feedback != "no gulls"


def test_a_turn_of_a_session_that_is_deleted_meanwhile_is_not_kept(
    open_store: OpenStore, turn: MakeTurn, picture: MakePicture
) -> None:
    here, elsewhere = open_store(), open_store()
    session = here.begin_session("mini", (), turn(0, None), picture(0), {}).session
    recorded = here.attempts.record(session, "no fog", COMMAND)
    drawn = here.attempts.begin(session, turn(1, 0))
    elsewhere.delete_session(session)
    for end in (
        lambda: here.attempts.prepare(recorded, turn(1, 0)),
        lambda: here.attempts.settle(recorded, 0),
        lambda: here.attempts.drop(recorded),
        lambda: here.attempts.finish(drawn, picture(1), {}, 0.1),
        lambda: here.attempts.end(drawn, "failed", "gone"),
        lambda: here.attempts.record(session, "no fog", COMMAND),
    ):
        with pytest.raises(UnknownSessionError):
            end()
    with pytest.raises(InvalidInputError, match="nothing to retry"):
        here.attempts.retry(session)
    assert (here.attempts.all(), check(here)) == ([], [])
