"""Pictures that turns start from: kept as long as a turn needs them, exported, and deleted with the last one."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from notthat.errors import InvalidInputError
from notthat.storage import (
    MissingPictureError,
    NewTurn,
    SessionStart,
    Store,
    TurnRecord,
    check,
    export,
    import_,
    prune,
)
from notthat.storage.maintenance import STALE_SECONDS

Begin = Callable[..., TurnRecord]
Grow = Callable[..., TurnRecord]
MakeTurn = Callable[..., NewTurn]
MakePicture = Callable[..., Image.Image]


def age(path: Path) -> None:
    """Make a file older than those that are about to be used."""
    then = path.stat().st_mtime - STALE_SECONDS - 1
    os.utime(path, (then, then))


def unused(store: Store) -> set[Path]:
    return set(prune(store, dry_run=True).pictures)


def test_a_turn_keeps_its_source_and_its_mask(store: Store, begin: Begin, grow: Grow, picture: MakePicture) -> None:
    source, mask = (store.images.save_source(picture(number)) for number in (501, 502))
    for sha256 in (source, mask):
        age(store.images.source_path(sha256))
    assert len(unused(store)) == 2
    turn = begin(source_image=source, mask_image=mask)
    assert store.turn(turn.session).source_images == (source, mask)
    assert not unused(store)
    assert not check(store)
    assert store.images.open(source).getpixel((0, 0)) == picture(501).getpixel((0, 0))
    assert grow(turn.session).source_images == ()
    assert [found.session if (found := store.turn_of_source(each)) else None for each in (mask, "0" * 64)] == [
        turn.session,
        None,
    ]


def test_a_fresh_source_is_not_pruned_before_a_turn_names_it(store: Store, picture: MakePicture) -> None:
    path = store.images.source_path(store.images.save_source(picture(501)))
    assert not unused(store)
    age(path)
    assert unused(store) == {path}
    store.images.save_source(picture(501))
    assert not unused(store)


def test_a_turn_without_a_picture_keeps_its_source(store: Store, turn: MakeTurn, picture: MakePicture) -> None:
    sources = [store.images.save_source(picture(number)) for number in (501, 502)]
    for sha256 in sources:
        age(store.images.source_path(sha256))
    store.attempts.begin_session(SessionStart("mini", ()), turn(0, None, source_image=sources[0]))
    command = {"kind": "start", "options": {"source": {"image": sources[1]}}}
    recorded = store.attempts.record("f" * 16, "a man", command, start=SessionStart("mini", ()))
    assert not unused(store)
    store.attempts.end(recorded, "failed", "no reason")
    assert not unused(store)  # it can be retried
    store.delete_session("f" * 16)
    assert [store.images.source_path(sha256).exists() for sha256 in sources] == [True, False]


def test_a_source_goes_with_the_last_session_that_needs_it(store: Store, begin: Begin, picture: MakePicture) -> None:
    source = store.images.save_source(picture(501))
    first, second = (begin(source_image=source) for _ in range(2))
    store.delete_session(first.session)
    assert store.images.source_path(source).exists()
    store.delete_session(second.session)
    assert not store.images.source_path(source).exists()


def test_a_turn_whose_source_is_gone_is_not_stored(store: Store, begin: Begin, picture: MakePicture) -> None:
    source = store.images.save_source(picture(501))
    kept = begin(source_image=source)
    store.images.source_path(source).unlink()
    with pytest.raises(MissingPictureError, match="give it again"):
        begin(source_image=source)
    assert [session.id for session in store.sessions()] == [kept.session]
    assert "missing picture" in [finding.kind for finding in check(store)]


def test_the_newest_turn_of_a_picture_is_found(store: Store, begin: Begin, grow: Grow) -> None:
    turn = begin()
    later = store.add_turn(turn.session, grow(turn.session), store.images.open(turn.sha256), {})
    found = store.newest_turn_of_picture(turn.sha256)
    assert found is not None
    assert found.number == later.number
    assert store.newest_turn_of_picture(turn.sha256, owner="somebody") is None


def test_sources_travel_in_archives(store: Store, begin: Begin, picture: MakePicture, tmp_path: Path) -> None:
    source = store.images.save_source(picture(501))
    turn, plain = begin(source_image=source), begin()
    for each in (turn, plain):
        export(store, each.session, tmp_path / each.session, lambda _: {})
    assert b'"version": 2' in read_manifest(tmp_path / turn.session)
    assert b'"version": 1' in read_manifest(tmp_path / plain.session)
    with Store.open(home=tmp_path / "other") as other:
        import_(other, tmp_path / turn.session, lambda _: None, lambda _: {})
        assert other.turn(turn.session).source_images == (source,)
        assert other.images.open(source).tobytes() == picture(501).tobytes()
        assert not check(other)


def test_an_archive_without_a_source_is_refused(
    store: Store, begin: Begin, picture: MakePicture, tmp_path: Path
) -> None:
    source = store.images.save_source(picture(501))
    turn = begin(source_image=source)
    export(store, turn.session, tmp_path / "whole", lambda _: {})
    (tmp_path / "part").write_bytes(without(tmp_path / "whole", f"pictures/{source}.png"))
    with Store.open(home=tmp_path / "other") as other:
        with pytest.raises(InvalidInputError, match="its files are not those"):
            import_(other, tmp_path / "part", lambda _: None, lambda _: {})
        assert not list(other.images.pictures())


def read_manifest(path: Path) -> bytes:

    with zipfile.ZipFile(path) as archive:
        return archive.read("manifest.json")


def without(path: Path, name: str) -> bytes:
    """The archive without one of its files."""

    result = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(result, "w") as copy:
        for entry in archive.infolist():
            if entry.filename != name:
                copy.writestr(entry, archive.read(entry.filename))
    return result.getvalue()
