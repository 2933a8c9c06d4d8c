"""A database or picture folder that is moved or replaced while in use."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from notthat.storage import NewTurn, StorageError, Store, TurnRecord

MOVED = "was moved or replaced while in use: put it back, or restart notthat"


@pytest.fixture
def keep(store: Store, turn: Callable[..., NewTurn], picture: Callable[..., Image.Image]) -> Callable[[], TurnRecord]:
    """Stores a new session."""
    return lambda: store.begin_session("mini", (), turn(0, None), picture(len(store.sessions())), {})


def move_away(path: Path) -> Path:
    return path.rename(path.with_name(f"{path.name}.old"))


def move_and_make_anew(path: Path) -> Path:
    moved = move_away(path)
    if moved.is_dir():
        path.mkdir()
    else:
        shutil.copy(moved, path)
    return moved


@pytest.mark.parametrize("name", ["notthat.db", "images"])
@pytest.mark.parametrize("move", [move_away, move_and_make_anew])
def test_nothing_is_kept_in_what_was_moved_or_replaced(
    store: Store, home: Path, keep: Callable[[], TurnRecord], name: str, move: Callable[[Path], Path]
) -> None:
    first = keep()
    moved = move(home / name)
    for use in (keep, store.check_ready):
        with pytest.raises(StorageError, match=re.escape(f"{home / name} {MOVED}")):
            use()
    assert list(home.glob("images/*/*")) == [] or name == "notthat.db"  # and nothing is made in its place
    if (home / name).is_dir():
        (home / name).rmdir()
    moved.rename(home / name)
    store.check_ready()
    assert {each.id for each in store.sessions()} == {first.session}
    keep()


def test_the_database_is_not_read_from_a_file_that_came_later(store: Store, home: Path) -> None:
    move_away(home / "notthat.db")
    with pytest.raises(StorageError, match=MOVED):
        store.sessions()
    assert not (home / "notthat.db").exists()


def test_a_folder_that_is_made_with_the_first_picture_is_known_from_then_on(
    store: Store, home: Path, keep: Callable[[], TurnRecord]
) -> None:
    store.check_ready()
    keep()
    store.check_ready()
    shutil.rmtree(home / "images")
    with pytest.raises(StorageError, match=MOVED):
        store.check_ready()
