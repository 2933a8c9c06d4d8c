"""What holds wherever pictures are kept: in a folder and in an object store."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from object_store import ObjectStoreServer
from PIL import Image

from notthat.errors import InvalidInputError
from notthat.storage import (
    DamagedPictureError,
    ImageStore,
    MissingPictureError,
    StorageError,
    Store,
    check,
    export,
    import_,
    prune,
    repair,
)
from notthat.storage.object_store import parse_bucket_url
from notthat.storage.picture_files import PictureFile

from .conftest import make_picture, make_turn

REQUEST = {"prompt": "a harbour", "steps": 20}
OTHER = {"prompt": "a port", "steps": 20}

Overwrite = Callable[[PictureFile, bytes], object]


@pytest.fixture(params=["folder", "object store"])
def url(request: pytest.FixtureRequest) -> str | None:
    """`NOTTHAT_IMAGES` of an empty place."""
    if request.param == "folder":
        return None
    server: ObjectStoreServer = request.getfixturevalue("s3")
    return f"{server.new_bucket()}/team/pictures"


@pytest.fixture
def images(url: str | None, home: Path) -> ImageStore:
    return ImageStore.at(url, home)


@pytest.fixture
def overwrite(request: pytest.FixtureRequest, url: str | None) -> Overwrite:
    """Writes a file past notthat."""
    if url is None:
        return lambda file, content: Path(str(file)).write_bytes(content)
    server: ObjectStoreServer = request.getfixturevalue("s3")
    return lambda file, content: server.put(str(file), content)


@pytest.fixture
def store(url: str | None, home: Path) -> Iterator[Store]:
    with Store.open(home=home, images=url) as store:
        yield store


def begin(store: Store, number: int = 0) -> str:
    return store.begin_session("mini", (), make_turn(0, None), make_picture(number), {"parameters": "x"}).session


class TestPictures:
    def test_a_picture_comes_back_as_it_was_saved(self, images: ImageStore) -> None:
        picture = make_picture(7)
        sha256 = images.save(picture, {"parameters": "é"}, REQUEST)
        file = images.path(sha256, REQUEST)

        assert sha256 == hashlib.sha256(picture.tobytes()).hexdigest()
        assert images.open(sha256).tobytes() == images.verified(file).tobytes() == picture.tobytes()
        assert file.name.startswith(f"{sha256}-")
        assert str(file) == f"{images.place}/{sha256[:2]}/{file.name}"
        assert file.exists()
        assert file.read_bytes() == images.png(file, {"parameters": "é"})
        assert list(images.pictures()) == [(sha256, file)]
        assert images.existing(sha256, REQUEST) == file
        assert list(images.temporary()) == []

    def test_each_request_has_a_file_of_its_own_and_a_sound_one_is_kept(self, images: ImageStore) -> None:
        sha256 = images.save(make_picture(7), {"parameters": "first"}, REQUEST)
        images.save(make_picture(7), {"parameters": "second"}, REQUEST)
        images.save(make_picture(7), {"parameters": "third"}, OTHER)

        assert b"first" in images.path(sha256, REQUEST).read_bytes()
        assert images.copies(sha256) == sorted([images.path(sha256, REQUEST), images.path(sha256, OTHER)], key=str)
        images.save(make_picture(7), {"parameters": "fourth"}, OTHER, rewrite=True)
        assert b"fourth" in images.path(sha256, OTHER).read_bytes()

    def test_damaged_and_missing_pictures_are_named(self, images: ImageStore, overwrite: Overwrite) -> None:
        sha256 = images.save(make_picture(7), {}, REQUEST)
        other = images.path(images.save(make_picture(8), {}, REQUEST), REQUEST)
        file = images.path(sha256, REQUEST)

        overwrite(file, other.read_bytes())
        with pytest.raises(DamagedPictureError, match="do not match its name"):
            images.open(sha256)
        overwrite(file, b"damaged")
        with pytest.raises(DamagedPictureError, match=str(file)):
            images.png(file, {})
        images.save(make_picture(7), {}, REQUEST)
        assert images.open(sha256).tobytes() == make_picture(7).tobytes()
        assert images.files.delete(file)
        assert not images.files.delete(file)
        with pytest.raises(MissingPictureError, match=sha256):
            images.open(sha256)
        with pytest.raises(FileNotFoundError):
            file.read_bytes()

    @pytest.mark.parametrize("name", ["", "../../../etc/passwd", "A" * 64, "a" * 65])
    def test_only_a_hash_names_a_picture(self, images: ImageStore, name: str) -> None:
        for use in (lambda: images.path(name, REQUEST), lambda: images.open(name), lambda: images.copies(name)):
            with pytest.raises(InvalidInputError):
                use()


class TestStores:
    def test_a_session_is_checked_repaired_and_deleted(self, store: Store, overwrite: Overwrite) -> None:
        session, other = begin(store), begin(store, 1)
        turn = store.turn(session, 0)
        assert store.images.verified(turn.image).tobytes() == make_picture(0).tobytes()
        assert check(store) == []

        overwrite(turn.image, b"damaged")
        assert [finding.kind for finding in check(store)] == ["damaged picture"]
        lines = repair(store, check(store), lambda _: make_picture(0), lambda _: {})
        assert "drawn again" in lines[-1]
        assert check(store) == []
        store.images.files.delete(turn.image)
        assert [finding.kind for finding in check(store)] == ["missing picture"]

        assert store.delete_session(session).pictures == 0
        assert store.delete_session(other).pictures == 1
        assert list(store.images.pictures()) == []

    def test_prune_deletes_what_no_turn_has(self, store: Store) -> None:
        session = begin(store)
        unused = store.images.path(store.images.save(make_picture(5), {}, OTHER), OTHER)
        size = len(unused.read_bytes())

        for dry_run in (True, False):
            result = prune(store, dry_run=dry_run)
            assert (result.pictures, result.bytes) == ((unused,), size)
            assert unused.exists() is dry_run
        assert [file for _, file in store.images.pictures()] == [store.turn(session, 0).image]

    def test_a_session_is_exported_and_imported(self, store: Store, tmp_path: Path) -> None:
        session = begin(store)
        before = store.turn(session, 0)
        file = tmp_path / "session.zip"

        assert export(store, session, file, lambda turn: {"parameters": turn.prompt}) == 1
        store.delete_session(session)
        assert import_(store, file, lambda _: None, lambda turn: {"parameters": turn.prompt}) == session
        assert store.turn(session, 0) == before
        assert check(store) == []

    def test_a_turn_whose_picture_was_pruned_in_between_has_one(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save = store.images.save
        is_first = True

        def save_and_prune(*args: object, **options: object) -> str:
            nonlocal is_first
            sha256 = save(*args, **options)  # type: ignore[arg-type]
            if is_first:
                is_first = False
                prune(store)
            return sha256

        monkeypatch.setattr(store.images, "save", save_and_prune)
        assert store.turn(begin(store), 0).image.exists()


class TestObjectStore:
    def test_objects_are_named_below_the_prefix(self, s3: ObjectStoreServer) -> None:
        bucket = s3.new_bucket()
        images = ImageStore.at(f"{bucket}/a/b/", Path("unused"))
        sha256 = images.save(make_picture(1), {}, REQUEST)

        assert s3.keys(bucket.removeprefix("s3://")) == [f"a/b/{sha256[:2]}/{images.path(sha256, REQUEST).name}"]
        assert s3.get(str(images.path(sha256, REQUEST))) == images.path(sha256, REQUEST).read_bytes()
        assert not Path("unused").exists()

    def test_a_store_that_is_away_changes_nothing(self, s3: ObjectStoreServer, home: Path) -> None:
        bucket = s3.new_bucket()
        with Store.open(home=home, images=bucket) as store:
            session = begin(store)
            attempt = store.attempts.begin(session, make_turn(1, 0))
            with s3.away():
                for use in (
                    store.check_ready,
                    lambda: store.images.open(store.turn(session, 0).sha256),
                    lambda: store.attempts.finish(attempt, make_picture(1), {}, 1.0),
                    lambda: prune(store),
                ):
                    with pytest.raises(StorageError, match=f"{bucket} can't be reached") as caught:
                        use()
                    assert len(str(caught.value)) < 300
                    assert "\n" not in str(caught.value)
                store.attempts.end(attempt, "failed", str(caught.value))
                assert [turn.number for turn in store.turns(session)] == [0]

            again = store.attempts.retry(session)
            assert store.attempts.finish(again, make_picture(1), {}, 1.0).image.exists()

    def test_a_missing_bucket_and_wrong_addresses_are_named(self, s3: ObjectStoreServer, home: Path) -> None:
        with pytest.raises(StorageError, match="s3://no-such-bucket does not exist: create the bucket"):
            ImageStore.at("s3://no-such-bucket", home).save(make_picture(1), {}, REQUEST)
        with pytest.raises(StorageError, match="does not exist"):
            ImageStore.at("s3://no-such-bucket/x", home).check_ready()
        for wrong in ("", "s3://", "https://pictures", "s3://UPPER/x", "s3://ab/../c", "s3://abc/a//b", "s3://abc/x?y"):
            with pytest.raises(InvalidInputError, match="NOTTHAT_IMAGES: write s3://bucket/prefix"):
                parse_bucket_url(wrong)
        assert parse_bucket_url("s3://abc") == ("abc", "")
        assert parse_bucket_url("s3://abc/de/f/") == ("abc", "de/f")

    def test_a_picture_that_arrives_changed_is_refused(
        self, s3: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        images = ImageStore.at(s3.new_bucket(), Path("unused"))
        exists = images.files._head  # type: ignore[attr-defined]

        def overwritten(file: PictureFile) -> object:
            s3.put(str(file), b"another writer's")
            return exists(file)

        monkeypatch.setattr(images.files, "_head", overwritten)
        with pytest.raises(StorageError, match="was not stored as it was sent"):
            images.save(Image.new("RGB", (8, 8)), {}, REQUEST)
