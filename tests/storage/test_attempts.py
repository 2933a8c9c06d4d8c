"""Attempts: turns are recorded before they are drawn, and their end is recorded, too."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from notthat.errors import InvalidInputError
from notthat.storage import (
    LeaseTimes,
    NewTurn,
    SessionStart,
    StorageError,
    Store,
    TurnRecord,
    UnknownSessionError,
    check,
    prune,
)
from notthat.storage.images import pixels_sha256

Begin = Callable[..., TurnRecord]
MakeTurn = Callable[..., NewTurn]
MakePicture = Callable[..., Image.Image]
Grow = Callable[..., TurnRecord]


def test_a_session_is_there_when_its_first_picture_is(store: Store, turn: MakeTurn, picture: MakePicture) -> None:
    attempt = store.attempts.begin_session(SessionStart("mini", ("quality",)), turn(0, None, provenance={"k": 1}))
    assert attempt.status == "pending"
    assert store.sessions() == []
    assert store.attempts.all(attempt.session) == [attempt]

    kept = store.attempts.finish(attempt, picture(1), {}, 1.5)
    assert (kept.session, kept.number, kept.seconds, kept.provenance) == (attempt.session, 0, 1.5, {"k": 1})
    session = store.session(kept.session)
    assert (session.model, session.policies, session.head) == ("mini", ("quality",), 0)
    assert store.turn(kept.session) == kept
    assert store.attempts.all() == []


def test_two_at_once_are_two_children_and_the_last_one_done_is_shown(
    store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session = begin().session
    one, two = (store.attempts.begin(session, turn(1, 0)) for _ in range(2))
    assert (one.turn.number, two.turn.number) == (1, 2)
    assert two.turn.exclusions[0].since == 2

    store.attempts.finish(two, picture(2), {}, 0.1)
    assert store.attempts.other_turns_since(two).pending == (1,)
    store.attempts.finish(one, picture(1), {}, 0.1)
    assert store.attempts.other_turns_since(one).done == (2,)
    assert store.session(session).head == 1
    assert [(each.number, each.parent) for each in store.turns(session)] == [(0, None), (1, 0), (2, 0)]
    assert check(store) == []


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_came_to_no_picture_can_be_begun_again(
    store: Store, begin: Begin, grow: Begin, turn: MakeTurn, picture: MakePicture, status: str
) -> None:
    session = begin().session
    attempt = store.attempts.begin(session, turn(1, 0, feedback="no fog"))
    store.attempts.end(attempt, status, "the device\nwent away")  # type: ignore[arg-type]
    (ended,) = store.attempts.all(session)
    assert (ended.status, ended.reason) == (status, "the device went away")
    assert grow(session).number == 1  # which it keeps

    again = store.attempts.retry(session)
    assert (again.status, again.turn.number, again.turn.exclusions[0].since) == ("pending", 2, 2)
    kept = store.attempts.finish(again, picture(7), {}, 0.1)
    assert (kept.number, kept.parent, kept.feedback) == (2, 0, "no fog")
    with pytest.raises(InvalidInputError, match="nothing to retry"):
        store.attempts.retry(session)
    assert check(store) == []


def test_what_is_being_drawn_is_not_begun_again(store: Store, begin: Begin, turn: MakeTurn) -> None:
    session = begin().session
    store.attempts.begin(session, turn(1, 0))
    with pytest.raises(InvalidInputError, match="being drawn right now"):
        store.attempts.retry(session, 1)
    assert store.attempts.mark_interrupted() == 0


def test_a_turn_ends_once(store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture) -> None:
    attempt = store.attempts.begin(begin().session, turn(1, 0))
    store.attempts.end(attempt, "cancelled", "stopped")
    with pytest.raises(StorageError, match="was cancelled"):
        store.attempts.finish(attempt, picture(1), {}, 0.1)
    assert [each.status for each in store.attempts.all()] == ["cancelled"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_a_killed_process_left_is_marked(home: Path, turn: MakeTurn, picture: MakePicture) -> None:
    with Store.open(home=home) as store:
        session = store.begin_session("mini", (), turn(0, None), picture(0), {}).session
    child = os.fork()
    if child == 0:
        with Store.open(home=home) as store:
            store.attempts.begin(session, turn(1, 0, feedback="no fog"))
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(1)
    os.waitpid(child, 0)

    with Store.open(home=home) as store:
        assert [each.status for each in store.attempts.all()] == ["failed"]
        assert store.attempts.mark_interrupted() == 1
        (left,) = store.attempts.all(session)
        assert (left.status, left.turn.feedback) == ("failed", "no fog")
        assert "interrupted" in left.reason
        assert store.attempts.retry(session).status == "pending"
        assert check(store) == []


def expired(store: Store) -> Store:
    """The store, whose leases end at once and are not renewed, as if its process were gone."""
    store.attempts.close()
    return store


def test_a_picture_that_was_being_verified_becomes_the_turn(
    open_store: Callable[..., Store], begin: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session, gone = begin().session, expired(open_store(LeaseTimes(seconds=0.01)))
    start = SessionStart("mini", ("quality",), verification={"tries": 2})
    for attempt, seed in (
        (gone.attempts.begin(session, turn(1, 0, feedback="no fog")), 1),
        (gone.attempts.begin_session(start, turn(0, None, feedback="a cat")), 2),
    ):
        held = gone.attempts.keep_drawn(attempt, picture(seed), {}, 0.5)
        assert (held.turn.seconds, held.drawn) == (
            0.5,
            gone.images.path(pixels_sha256(picture(seed)), attempt.turn.request),
        )
    time.sleep(0.02)

    store = open_store()
    assert prune(store).pictures == ()
    assert store.attempts.mark_interrupted() == 0
    assert store.attempts.all() == []
    assert (store.turn(session).number, store.turn(session).feedback, store.turn(session).seconds) == (1, "no fog", 0.5)
    (newest, _) = store.sessions()
    assert (newest.turns, newest.policies, newest.verification) == (1, ("quality",), {"tries": 2})
    assert store.turn(newest.id).feedback == "a cat"
    assert check(store) == []


def test_a_session_that_went_on_keeps_its_head(
    open_store: Callable[..., Store], begin: Begin, turn: MakeTurn, grow: Grow, picture: MakePicture
) -> None:
    session, gone = begin().session, expired(open_store(LeaseTimes(seconds=0.01)))
    gone.attempts.keep_drawn(gone.attempts.begin(session, turn(1, 0)), picture(1), {}, 0.5)
    head = grow(session).number
    time.sleep(0.02)

    store = open_store()
    assert store.attempts.mark_interrupted() == 0
    assert store.turn(session).number == head != 1
    assert store.turn(session, 1).parent == 0


def test_verdicts_are_stored_with_their_exclusions(
    store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session, new = begin().session, turn(1, 0)
    verdict = {"verdict": "there", "judge": "mini", "probability": 0.875}
    exclusions = tuple(replace(each, **verdict) for each in new.exclusions)
    attempt = store.attempts.begin(session, replace(new, exclusions=exclusions))
    kept = store.attempts.finish(attempt, picture(1), {}, 0.1)

    assert exclusions
    assert kept.exclusions == store.turn(session).exclusions == exclusions
    assert {each.verdict for each in store.turn(session, 0).exclusions} <= {None}


def test_how_a_session_is_verified_can_be_changed(store: Store, begin: Begin) -> None:
    session = begin().session
    assert store.session(session).verification is None
    store.set_verification(session, {"tries": 1})
    assert store.session(session).verification == {"tries": 1}
    store.set_verification(session, None)
    assert store.session(session).verification is None
    with pytest.raises(UnknownSessionError):
        store.set_verification("0" * 16, None)


def test_a_claim_is_of_a_process_and_not_of_its_number() -> None:
    owners = sys.modules["notthat.storage.process_owner"]
    host, namespace, pid, start, nonce = owners.new_claim().rsplit("/", 4)
    assert not owners.is_gone(f"{host}/{namespace}/{pid}/{start}/{nonce}")
    assert owners.is_gone(f"{host}/{namespace}/{pid}/{float(start) - 100}/{nonce}")  # an earlier one of this number
    for elsewhere in (f"pod-1/{namespace}/{pid}/1.0/{nonce}", f"{host}/1/{pid}/1.0/{nonce}", "pod-1/1/1.0", ""):
        assert not owners.is_gone(elsewhere)  # not decidable from here: only the lease tells
