"""Stores, turns, pictures and a PostgreSQL server for the tests."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from postgres import PostgresServer
from sqlalchemy import create_engine, text

from notthat.storage import ExclusionRecord, LeaseTimes, NewTurn, Store, TurnRecord, upgrade

CONTRACT = (
    "test_store",
    "test_attempts",
    "test_recorded_turns",
    "test_api_keys",
    "test_deletion",
    "test_pages",
    "test_questions",
    "test_sources",
    "test_statistics",
)
"""Tests that run on every database, except those that inspect the files of a home."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the contract tests on every database, and all other tests on SQLite."""
    if "backend" in metafunc.fixturenames:
        missing = [name for name in CONTRACT if not Path(__file__).with_name(f"{name}.py").is_file()]
        assert not missing, "a contract test was renamed: list its new name"
        contract = metafunc.module.__name__.rpartition(".")[2] in CONTRACT
        looks_inside = "home" in inspect.signature(metafunc.function).parameters
        backends = ["sqlite", "postgres"] if contract and not looks_inside else ["sqlite"]
        metafunc.parametrize("backend", backends, scope="session")


@pytest.fixture
def open_store(backend: str, home: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Store]]:
    """Opens stores on one database, as several processes do; it is empty at first."""
    url = request.getfixturevalue("postgres")() if backend == "postgres" else None
    with ExitStack() as opened:

        def open_store(lease: LeaseTimes | None = None) -> Store:
            return opened.enter_context(Store.open(url, home=home, lease=lease))

        yield open_store


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """An empty store, one for each kind of database there is."""
    return open_store()


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[str], str]]:
    """Creates a database on a server that runs for the whole test session, and returns its address."""
    with PostgresServer() as server:
        yield server.new_database


@pytest.fixture(scope="session")
def postgres(new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Returns the address of a database with empty tables."""
    url = new_database("contract")
    upgrade(url, home=tmp_path_factory.mktemp("migrated"))

    def emptied() -> str:
        engine = create_engine(url.replace(":", "+psycopg:", 1))
        with engine.begin() as connection:
            connection.execute(
                text(
                    "TRUNCATE sessions, turns, exclusions, attempts, turn_aliases, receipts, questions, keys, "
                    "turn_events, rate_limits"
                )
            )
        engine.dispose()
        return url

    return emptied


def make_picture(number: int = 0, size: tuple[int, int] = (8, 8)) -> Image.Image:
    """A small picture that is different for each number below 2^24."""
    return Image.new("RGB", size, (number >> 16 & 255, number >> 8 & 255, number & 255))


def make_turn(number: int, parent: int | None, **changes: Any) -> NewTurn:
    """A turn that adds the exclusion "watermark", unless `changes` replace it."""
    values: dict[str, Any] = {
        "number": number,
        "parent": parent,
        "feedback": "there is a watermark in the corner",
        "edits": ({"op": "exclude", "term": "watermark", "weight": 1.2},),
        "reply": "Without a watermark.",
        "prompt": "portrait photo of a woman",
        "negative": "(watermark:1.2)",
        "exclusions": (ExclusionRecord("watermark", 1.2, "user", number, "there is a watermark in the corner"),),
        "seed": 42,
        "request": {"prompt": "portrait photo of a woman", "steps": 20, "guidance": 7.5},
        "seconds": 0.25,
    }
    return NewTurn(**(values | changes))


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return make_picture


@pytest.fixture
def turn() -> Callable[..., NewTurn]:
    return make_turn


@pytest.fixture
def begin(store: Store) -> Callable[..., TurnRecord]:
    """Start a session with its own picture."""

    def begin(**changes: Any) -> TurnRecord:
        return store.begin_session("mini", (), make_turn(0, None, **changes), make_picture(len(store.sessions())), {})

    return begin


@pytest.fixture
def grow(store: Store) -> Callable[..., TurnRecord]:
    """Add a turn to a session, by default after its head."""

    def grow(session: str, *, parent: int | None = None, **changes: Any) -> TurnRecord:
        number = store.next_number(session)
        parent = store.session(session).head if parent is None else parent
        return store.add_turn(
            session, make_turn(number, parent, **changes), make_picture(1000 + number), {"parameters": "x"}
        )

    return grow
