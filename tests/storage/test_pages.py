"""Pages of a session list: every session is on exactly one page, whatever happens in between."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from notthat.errors import InvalidInputError
from notthat.storage import FinishedTurn, NewTurn, SessionRecord, Store, TurnRecord

Begin = Callable[..., TurnRecord]
MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def sessions(store: Store, begin: Begin, turn: Callable[..., NewTurn]) -> list[str]:
    """Seven sessions in list order. Three of them have the same creation time."""
    picture = begin()
    made = []
    for k, seconds in enumerate((0, 5, 5, 5, 0.000001, 9, 3)):
        created = MOMENT + timedelta(seconds=seconds)
        record = SessionRecord(
            f"{(k * 5) % 7:016x}", created, "mini", (), 0, 1, "", picture.sha256, owner="ab"[k % 2] * 16
        )
        store.restore_session(record, [FinishedTurn(**vars(turn(0, None)), sha256=picture.sha256, created_at=created)])
        made.append(record)
    by_place = sorted(made, key=lambda each: (-each.created_at.timestamp(), each.id))
    return [each.id for each in by_place]


def walked(store: Store, limit: int, **owner: str) -> list[list[str]]:
    """All pages of the list, from first to last."""
    pages, cursor = [], None
    while True:
        page = store.session_page(limit, cursor, **owner)
        pages.append([each.id for each in page.sessions])
        if page.next is None:
            return pages
        cursor = page.next


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 100])
def test_pages_put_together_are_the_list(store: Store, sessions: list[str], limit: int) -> None:
    pages = walked(store, limit)
    assert [each for page in pages for each in page] == [each.id for each in store.sessions()]
    assert [each for page in pages for each in page][1:] == sessions  # the first began just now
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


def test_the_pages_of_a_key_are_its_own(store: Store, sessions: list[str]) -> None:
    mine = [each for page in walked(store, 2, owner="a" * 16) for each in page]
    assert mine == [each.id for each in store.sessions(owner="a" * 16)]
    assert len(mine) == 4
    assert set(mine) <= set(sessions)


def test_pages_stay_the_same_while_sessions_are_begun_and_deleted(
    store: Store, begin: Begin, sessions: list[str]
) -> None:
    first = store.session_page(3)
    for each in first.sessions:
        store.delete_session(each.id)  # the one that the cursor names, too
    begin()
    assert first.next is not None
    second = store.session_page(100, first.next)
    assert [each.id for each in second.sessions] == sessions[2:]
    assert second.next is None


def test_an_empty_list_is_one_page(store: Store) -> None:
    page = store.session_page(10)
    assert (page.sessions, page.next) == ([], None)


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "\0", "日本", "a" * 5000),
        *(
            base64.urlsafe_b64encode(text.encode()).decode()
            for text in ("no time 0", "2026-05-01T12:00:00+00:00", "2026-05-01T12:00:00+00:00 a\0b", "0001-01-01 0")
        ),
    ],
)
def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor is invalid"):
        store.session_page(10, cursor)
