"""Imports of the storage package, and their cost."""

import subprocess
import sys

import pytest

import notthat.storage


def modules_after(statement: str) -> set[str]:
    """The modules that are loaded after a statement in a new Python process."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_it_loads_no_library() -> None:
    assert not modules_after("import notthat.storage") & {"sqlalchemy", "alembic", "PIL"}


def test_it_stands_on_its_own_floor() -> None:
    loaded = modules_after("from notthat.storage import *")

    assert "notthat.storage.store" in loaded
    assert not loaded & {"notthat.agent", "notthat.generation", "notthat.prompts", "torch", "alembic"}


@pytest.mark.parametrize("name", notthat.storage.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(notthat.storage, name).__name__ == name
    assert name in dir(notthat.storage)


def test_no_other_name_is() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = notthat.storage.nonsense
