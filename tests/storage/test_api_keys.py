"""API keys and idempotency keys."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from notthat.errors import InvalidInputError
from notthat.storage import (
    AlreadyRequestedError,
    IdempotencyKey,
    KeyLimits,
    NewTurn,
    SessionStart,
    Store,
    new_session_id,
)

RECEIPT = IdempotencyKey("a" * 64, "b" * 64)


def test_a_token_names_its_key_and_nothing_else_does(store: Store) -> None:
    assert not store.keys.any_exist()
    limits = KeyLimits(60, 30, 512)
    key, token = store.keys.add("bot", admin=True, policies=("quality",), limits=limits)
    assert (key.name, key.admin, key.policies, key.limits, key.revoked_at) == ("bot", True, ("quality",), limits, None)
    assert (store.keys.find_by_token(token), store.keys.all(), store.keys.any_exist()) == (key, [key], True)
    other, others = store.keys.add("other")
    mixed = f"nt_{key.id}_{others.rpartition('_')[2]}"
    assert store.keys.find_by_token(others) == other
    for wrong in (token[:-1], token + "x", token.upper(), mixed, "", "nt_", f"nt_{'0' * 16}_{'x' * 43}", "\0"):
        assert store.keys.find_by_token(wrong) is None


def test_what_is_revoked_opens_nothing_and_can_be_added_again(store: Store) -> None:
    key, token = store.keys.add("bot", policies=("quality",))
    revoked = store.keys.revoke("bot")
    assert revoked.revoked_at is not None
    assert (store.keys.find_by_token(token), store.keys.any_exist()) == (None, True)
    again, new = store.keys.add("bot")
    assert (again.id, again.policies, new != token) == (key.id, (), True)
    assert (store.keys.find_by_token(token), store.keys.find_by_token(new)) == (None, again)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a/b", "ü", "a\0"])
def test_a_name_that_cannot_be_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a valid key name"):
        store.keys.add(name)


def test_a_name_in_use_is_refused_and_so_is_revoking_nobody(store: Store) -> None:
    store.keys.add("bot")
    with pytest.raises(InvalidInputError, match="there is a key “bot” already"):
        store.keys.add("bot")
    for nobody in ("other", "\0"):
        with pytest.raises(InvalidInputError, match="to revoke"):
            store.keys.revoke(nobody)


def test_a_session_is_its_owners(
    store: Store, turn: Callable[..., NewTurn], picture: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    mine, _ = store.keys.add("mine")
    session = new_session_id()
    attempt = store.attempts.begin_session(SessionStart("mini", (), mine.id), turn(0, None), session)
    assert attempt.start is not None
    assert (attempt.session, attempt.start.owner, store.sessions()) == (session, mine.id, [])
    store.attempts.end(attempt, "failed", "for a reason")
    record = store.attempts.finish(store.attempts.retry(session), picture(), {}, 0.1)
    nobodys = begin()
    assert [each.id for each in store.sessions(owner=mine.id)] == [record.session]
    assert {each.owner for each in store.sessions()} == {mine.id, None}
    assert store.session(nobodys.session).owner is None
    assert store.sessions(owner="0" * 16) == []


def test_a_request_that_came_to_no_turn_may_be_made_again(
    store: Store, turn: Callable[..., NewTurn], picture: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    first = begin()
    attempt = store.attempts.begin(first.session, turn(1, 0), RECEIPT)
    store.idempotency_keys.require_new(RECEIPT)
    store.attempts.end(attempt, "cancelled", "stopped")
    store.idempotency_keys.require_new(RECEIPT)
    store.attempts.finish(store.attempts.retry(first.session), picture(1), {}, 0.1)
    store.idempotency_keys.forget_old()
    with pytest.raises(AlreadyRequestedError) as earlier:
        store.idempotency_keys.require_new(RECEIPT)
    known = earlier.value
    assert (known.fingerprint, known.session, known.number) == (RECEIPT.fingerprint, first.session, 1)


def test_a_request_makes_one_turn(
    store: Store, turn: Callable[..., NewTurn], picture: Callable[..., Any], begin: Callable[..., Any]
) -> None:
    first = begin()
    attempt = store.attempts.record(first.session, "no fog", {}, idempotency_key=RECEIPT)
    with pytest.raises(AlreadyRequestedError):  # while it is pending
        store.attempts.record(first.session, "no fog", {}, idempotency_key=RECEIPT)
    store.attempts.finish(store.attempts.prepare(attempt, turn(1, 0)), picture(1), {}, 0.1)
    with pytest.raises(AlreadyRequestedError):  # after it is done
        store.attempts.record(first.session, "no fog", {}, idempotency_key=RECEIPT)
    assert [each.number for each in store.turns(first.session)] == [0, 1]
    with pytest.raises(InvalidInputError, match="made before"):
        store.move_head(first.session, 0, RECEIPT)
    assert store.session(first.session).head == 1
    store.move_head(first.session, 0, replace(RECEIPT, key="c" * 64))
    assert store.session(first.session).head == 0


def test_turns_are_read_in_parts(store: Store, begin: Callable[..., Any], grow: Callable[..., Any]) -> None:
    session = begin().session
    for _ in range(4):
        grow(session)
    assert [each.number for each in store.turns(session, 2, 2)] == [2, 3]
    assert [each.number for each in store.turns(session, first=4)] == [4]
    assert store.turns(session, 9) == []
