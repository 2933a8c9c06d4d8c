"""A server whose pictures are in an object store, also while that is away."""

from pathlib import Path

import pytest
from object_store import ObjectStoreServer

from notthat.agent import Settings, Studio
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.turn_serialization import turn_json
from notthat.generation import StubEngine
from notthat.storage import Store

from ..conftest import Serve


def test_a_server_reads_and_writes_pictures_of_a_bucket(s3: ObjectStoreServer, serve: Serve, home: Path) -> None:
    server = serve(images=f"{s3.new_bucket()}/pictures")
    turn = server.begin()
    assert turn["image"].startswith(server.url)
    picture = server.client.get(turn["image"])
    with Store.open(home=home, images=server.studio.store.images.place) as store:
        stored = store.turn(turn["session"], 0)
        assert turn_json(stored)["image"] == str(stored.image)
        assert str(stored.image).startswith("s3://")
        assert picture.content == s3.get(str(stored.image))
    assert not (home / "images").exists()

    with s3.away():
        answer = server.client.get(turn["image"])
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert server.client.get("/readyz").status_code == 503
        refused = server.client.post(f"/api/sessions/{turn['session']}/turns", json={"feedback": "no fog"})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:notthat:problem:storage")
        (failed,) = server.studio.store.attempts.all(turn["session"])
        assert failed.status == "failed"
        assert "can't be reached" in failed.reason

    drawn = server.turn(server.client.post(f"/api/sessions/{turn['session']}/retry", json={}))
    assert (drawn["turn"], drawn["negative"]) == (1, "fog")
    assert server.client.get(drawn["image"]).status_code == 200
    assert server.client.get("/readyz").status_code == 200


def test_the_environment_names_the_bucket(s3: ObjectStoreServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTTHAT_IMAGES", s3.new_bucket())
    monkeypatch.setenv("NOTTHAT_INTERPRETER", "offline")
    with Studio.open(Settings.load()) as studio:
        assert studio.store.images.place.startswith("s3://")
        assert studio.store.home == home
        again = Studio(studio.store, OfflineInterpreter(), model="stub", load_engine=StubEngine)
        assert again.engine("stub").read_image == studio.store.images.open
