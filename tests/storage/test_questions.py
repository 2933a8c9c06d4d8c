"""The open question of a session: asked, found, claimed by the turn that answers it, and closed.

A second store on the same database stands for another process.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from PIL import Image

from notthat.storage import (
    LeaseTimes,
    NewQuestion,
    NewTurn,
    QuestionClosedError,
    QuestionRecord,
    Store,
    TurnRecord,
    UnknownSessionError,
    UnknownTurnError,
)

Begin = Callable[..., TurnRecord]
MakeTurn = Callable[..., NewTurn]
MakePicture = Callable[..., Image.Image]

BEARD = QuestionRecord("Leave out “beard”?", ({"op": "exclude", "term": "beard", "weight": 1.0},))
CONTEXT: dict[str, Any] = {"line": "hm, that beard — ☂"}


def ask(store: Store, session: str, turn: int = 0) -> str:
    """Ask about a turn's picture, and return the id of the question."""
    store.questions.replace(session, None, NewQuestion(turn, BEARD, CONTEXT))
    found = store.questions.find(session)
    assert found is not None
    return found.id


def test_a_question_is_found_by_every_process(store: Store, open_store: Callable[..., Store], begin: Begin) -> None:
    session = begin().session
    question = ask(store, session)
    found = open_store().questions.find(session)
    assert found is not None
    assert (found.id, found.turn, found.question, found.context) == (question, 0, BEARD, CONTEXT)
    assert store.turn(session).question == store.turn(session, 0).question == BEARD


def test_a_new_question_replaces_the_old_one(store: Store, begin: Begin) -> None:
    session = begin().session
    first, second = ask(store, session), ask(store, session)
    assert first != second
    with pytest.raises(QuestionClosedError, match="answered meanwhile"):
        store.questions.replace(session, first, None)
    store.questions.replace(session, second, None)
    assert store.questions.find(session) is None
    assert store.turn(session).question is None


def test_a_question_needs_a_session_and_a_turn(store: Store, begin: Begin) -> None:
    with pytest.raises(UnknownSessionError):
        ask(store, "0" * 16)
    session = begin().session
    with pytest.raises(UnknownTurnError):
        ask(store, session, turn=3)
    assert store.questions.find(session) is None


def test_a_question_is_about_one_turn_and_closed_when_the_head_moves(store: Store, begin: Begin, grow: Begin) -> None:
    session = begin().session
    grow(session)
    ask(store, session, turn=1)
    assert store.turn(session, 0).question is None
    assert store.turn(session).question == BEARD
    store.move_head(session, 0)
    store.move_head(session, 1)
    assert store.turn(session).question is None


def test_a_pending_turn_claims_the_question_until_it_ends(
    store: Store, begin: Begin, turn: MakeTurn, picture: MakePicture
) -> None:
    session = begin().session
    question = ask(store, session)
    attempt = store.attempts.begin(session, turn(1, 0), answers=question)
    assert store.questions.find(session) is None
    with pytest.raises(QuestionClosedError):
        store.attempts.begin(session, turn(2, 0), answers=question)
    assert len(store.attempts.all(session)) == 1
    store.attempts.end(attempt, "failed", "no device")
    assert store.turn(session).question == BEARD
    again = store.attempts.retry(session)
    assert store.questions.find(session) is None
    store.attempts.finish(again, picture(7), {}, 0.1)
    store.move_head(session, 0)
    assert store.turn(session).question is None


def test_a_recorded_turn_claims_the_question_when_it_is_prepared(store: Store, begin: Begin, turn: MakeTurn) -> None:
    session = begin().session
    question = ask(store, session)
    first, second = (store.attempts.record(session, "yes", {"kind": "say"}) for _ in range(2))
    assert store.turn(session).question == BEARD
    store.attempts.prepare(first, turn(1, 0), answers=question)
    with pytest.raises(QuestionClosedError):
        store.attempts.prepare(second, turn(2, 0), answers=question)
    with pytest.raises(QuestionClosedError):
        store.attempts.settle(second, 0, answers=question)
    assert [attempt.command is None for attempt in store.attempts.all(session)] == [True, False]


def test_the_claim_of_a_process_that_is_gone_is_void(open_store: Callable[..., Store], turn: MakeTurn) -> None:
    gone, store = open_store(LeaseTimes(seconds=0.0)), open_store()
    session = store.begin_session("mini", (), turn(0, None), Image.new("RGB", (8, 8)), {}).session
    question = ask(store, session)
    gone.attempts.begin(session, turn(1, 0), answers=question)
    assert store.turn(session).question == BEARD
    store.questions.replace(session, question, None)


def test_a_settled_turn_asks_and_answers(store: Store, begin: Begin) -> None:
    session = begin().session
    asking = store.attempts.record(session, "hm, that beard", {"kind": "say"})
    store.attempts.settle(asking, 0, asks=NewQuestion(0, BEARD, CONTEXT))
    found = store.questions.find(session)
    assert found is not None
    answering = store.attempts.record(session, "no", {"kind": "say"})
    store.attempts.settle(answering, 0, answers=found.id)
    assert store.questions.find(session) is None


def test_of_many_answers_at_once_one_is_taken(
    open_store: Callable[..., Store], store: Store, begin: Begin, turn: MakeTurn
) -> None:
    session = begin().session
    question = ask(store, session)
    stores, together = [open_store() for _ in range(4)], Barrier(4)

    def answer(each: Store) -> bool:
        together.wait(60)
        try:
            each.attempts.begin(session, turn(1, 0), answers=question)
        except QuestionClosedError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(answer, stores)) == [False, False, False, True]


def test_a_deleted_session_has_no_question(store: Store, begin: Begin) -> None:
    session = begin().session
    ask(store, session)
    store.delete_session(session)
    assert store.questions.find(session) is None
