"""Studios to test with: a real store and the embedded interpreter, and an engine without a model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from notthat.agent import Studio
from notthat.agent.interpreters import Interpreter, OfflineInterpreter
from notthat.generation import Engine, StubEngine
from notthat.storage import Store

OpenStudio = Callable[..., Studio]


@pytest.fixture
def open_studio(home: Path) -> Iterator[OpenStudio]:
    """Opens another studio on the test's home, with an engine and an interpreter of the test's choice."""
    with ExitStack() as opened:

        def open_studio(engine: Engine | None = None, interpreter: Interpreter | None = None) -> Studio:
            return opened.enter_context(
                Studio(
                    Store.open(home=home),
                    interpreter or OfflineInterpreter(),
                    model="stub",
                    load_engine=lambda model: engine or StubEngine(model),
                )
            )

        yield open_studio


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    """A studio on the test's home whose engine is a stub."""
    return open_studio()
