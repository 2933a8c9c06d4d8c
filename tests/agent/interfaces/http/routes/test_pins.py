"""Pins over HTTP: they are in the turn's JSON, and can be released."""

from typing import Any

from ...conftest import Running

HAT = {"kind": "keep", "term": "hat", "words": "keep the hat", "since": 0}


def test_a_pin_is_listed_and_released(server: Running) -> None:
    session = server.begin("a man with a hat")["session"]
    assert server.client.get(f"/api/sessions/{session}/turns/0").json()["pins"] == []
    server.studio.store.set_pins(session, [HAT])
    assert server.client.get(f"/api/sessions/{session}/turns/0").json()["pins"] == [HAT]
    missing = server.client.delete(f"/api/sessions/{session}/pins/scarf")
    assert (missing.status_code, missing.json()["detail"]) == (400, "“scarf” is not pinned")
    released: dict[str, Any] = server.client.delete(f"/api/sessions/{session}/pins/hat").json()
    assert (released["turn"], released["pins"]) == (0, [])
    assert server.client.delete("/api/sessions/0123456789abcdef/pins/hat").status_code == 404
