"""Checking, repairing and pruning a store."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from notthat.storage import Finding, Store, TurnRecord, check, prune

Begin = Callable[..., TurnRecord]
Grow = Callable[..., TurnRecord]


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


@pytest.fixture
def crashed(store: Store) -> Path:
    """A temporary file that is two hours old."""
    file = store.images.folder / "ab" / f"ab{'0' * 62}.0123456789abcdef.tmp"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a picture")
    os.utime(file, (time.time() - 7200, time.time() - 7200))
    return file


def test_nothing_is_wrong_with_a_new_store(store: Store) -> None:
    assert check(store) == []


def test_every_turn_s_picture_is_looked_at(store: Store, begin: Begin, grow: Grow) -> None:
    session = begin().session
    gone, damaged, changed = grow(session), grow(session), grow(session)
    gone.image.unlink()
    damaged.image.write_bytes(damaged.image.read_bytes()[:-30])
    Image.new("RGB", (8, 8), "white").save(changed.image)

    findings = check(store)
    assert kinds(findings) == ["missing picture", "damaged picture", "damaged picture"]
    assert [finding.place for finding in findings] == [str(each.image) for each in (gone, damaged, changed)]
    for number, finding in enumerate(findings, start=1):
        assert finding.message.startswith(f"turn {number} of session “{session}”")
        assert len(finding.message.splitlines()) == 1
        assert not finding.is_harmless


def test_a_database_that_contradicts_itself(store: Store, home: Path, begin: Begin) -> None:
    session = begin().session
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        database.execute("UPDATE sessions SET head = 7")
        database.execute("UPDATE exclusions SET turn_id = 77")

    findings = check(store)
    assert kinds(findings) == ["database", "database"]
    assert "exclusions" in findings[0].message
    assert session in findings[1].message
    assert not any(finding.is_harmless for finding in findings)


def test_a_value_that_can_t_be_read(store: Store, home: Path, begin: Begin) -> None:
    begin()
    with closing(sqlite3.connect(home / "notthat.db")) as database, database:
        database.execute("UPDATE turns SET request = '{half'")

    findings = check(store)
    assert kinds(findings) == ["database"]
    assert "damaged" in findings[0].message


def test_a_damaged_database(home: Path, store: Store, begin: Begin, grow: Grow) -> None:
    session = begin().session
    for _ in range(30):
        grow(session, feedback="long " * 400)
    store.close()
    file = home / "notthat.db"
    content = bytearray(file.read_bytes())
    half = len(content) // 8192 * 4096  # the schema lies before that
    content[half:] = b"\x55" * (len(content) - half)
    file.write_bytes(content)

    with Store.open(home=home) as damaged:
        findings = check(damaged)
    assert findings
    assert set(kinds(findings)) == {"database"}
    assert all(len(finding.message.splitlines()) == 1 for finding in findings)


def test_prune_deletes_what_no_turn_names(store: Store, begin: Begin, grow: Grow, crashed: Path) -> None:
    session = begin().session
    grow(session)
    store.move_head(session, 0)  # an undone turn keeps its picture
    unused = store.images.path(store.images.save(Image.new("RGB", (5, 5), "red"), {}, {}), {})
    turns = store.turns(session)

    findings = check(store)
    assert kinds(findings) == ["unused picture", "temporary file"]
    assert all(finding.is_harmless for finding in findings)

    would = prune(store, dry_run=True)
    assert (would.pictures, would.temporary) == ((unused,), (crashed,))
    assert would.bytes == unused.stat().st_size + crashed.stat().st_size
    assert kinds(check(store)) == kinds(findings)

    assert prune(store) == would
    assert not unused.exists()
    assert not crashed.exists()
    assert check(store) == []
    assert store.turns(session) == turns
    assert prune(store).bytes == 0


def test_prune_leaves_a_file_that_is_being_written(store: Store, crashed: Path) -> None:
    os.utime(crashed)

    assert prune(store).temporary == ()
    assert crashed.exists()


def test_prune_leaves_what_is_not_a_picture(store: Store, begin: Begin) -> None:
    notes = begin().image.with_name("notes.png")
    notes.write_text("mine")

    assert prune(store).pictures == ()
    assert notes.exists()
