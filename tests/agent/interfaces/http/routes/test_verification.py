"""Sessions that are verified, over HTTP."""

from typing import Any

import pytest


def test_a_session_is_verified_if_it_is_asked_for(serve: Any) -> None:
    server = serve()
    first = server.begin("a harbour without fog", verify=True)
    turn = server.say(first["session"], "no rain")

    assert first["tries"] == turn["tries"] == 1
    assert [each["verdict"] for each in turn["exclusions"]] == ["unknown"] * 2
    assert "judge" not in turn["exclusions"][0]  # nobody could tell
    assert turn["reply"] == "Excluded “rain”. No judge can tell whether “rain” is gone."
    record = server.studio.store.session(first["session"])
    assert record.verification == {"judges": [], "tries": 2, "new_seeds": False}


def test_other_sessions_have_no_verdicts(serve: Any) -> None:
    turn = serve().begin("a harbour without fog")
    assert "tries" not in turn
    assert "verdict" not in turn["exclusions"][0]


def test_a_session_is_verified_from_when_that_is_changed(serve: Any) -> None:
    server = serve()
    session = server.begin("a harbour without fog")["session"]
    address = f"/api/sessions/{session}/verification"
    assert "verification" not in server.client.get(f"/api/sessions/{session}").json()

    changed = server.client.put(address, json={"verify": True, "tries": 1, "new_seeds": True}).json()
    assert changed["verification"] == {"tries": 1, "new_seeds": True, "judges": []}
    assert server.say(session, "no rain")["tries"] == 1
    assert "verification" not in server.client.put(address, json={"verify": False}).json()
    assert "tries" not in server.say(session, "no snow")
    assert server.client.put(address, json={"verify": True, "tries": 9}).status_code == 422
    assert server.client.put("/api/sessions/0123456789abcdef/verification", json={"verify": True}).status_code == 404


def test_verdicts_are_metrics_and_in_the_report(serve: Any) -> None:
    server = serve()
    server.begin("a harbour without fog", verify=True)

    metrics = server.client.get("/metrics").text
    assert 'notthat_verdicts_total{verdict="unknown"} 1.0' in metrics
    assert "notthat_turn_pictures_count 1.0" in metrics
    report = server.client.get("/api/report", params={"terms": True}).json()
    assert report["terms"][0]["unjudged"] == report["exclusions"][0]["unjudged"] == 1
    assert (report["models"][0]["verified"], report["models"][0]["tries"]) == (1, 1.0)


def test_an_audit_says_what_each_exclusion_does(serve: Any) -> None:
    server = serve()
    session = server.begin("a harbour without fog and boats")["session"]
    server.say(session, "no rain")
    audit = server.client.post(f"/api/sessions/{session}/audit", json={"turn": 0}).json()

    assert (audit["turn"], [each["term"] for each in audit["exclusions"]]) == (0, ["fog", "boats"])
    assert all(each["has_effect"] and each["changed"] > 0 for each in audit["exclusions"])
    assert audit["exclusions"][0]["summary"].startswith("Without “fog”, ")
    latest = server.client.post(f"/api/sessions/{session}/audit", json={"limit": 1}).json()
    assert (latest["turn"], [each["term"] for each in latest["exclusions"]]) == (1, ["rain"])
    assert len(server.studio.store.turns(session)) == 2
    assert [line["exclusions"] for line in server.logged() if line["event"] == "audit"] == [2, 1]


def test_an_audit_is_its_owners_and_of_a_turn_that_there_is(serve: Any) -> None:
    server = serve()
    _, mine = server.studio.store.keys.add("mine")
    _, yours = server.studio.store.keys.add("yours")
    server.client.headers["Authorization"] = f"Bearer {mine}"
    session = server.begin("a harbour without fog")["session"]
    for body, status in (({"turn": 7}, 404), ({"limit": 0}, 422), ({"limit": 101}, 422)):
        assert server.client.post(f"/api/sessions/{session}/audit", json=body).status_code == status
    server.client.headers["Authorization"] = f"Bearer {yours}"
    for method, path in (("POST", "audit"), ("PUT", "verification")):
        answer = server.client.request(
            method, f"/api/sessions/{session}/{path}", json={"verify": True} if method == "PUT" else {}
        )
        assert answer.status_code == 404


@pytest.mark.parametrize("options", [{"tries": 6}, {"tries": -1}, {"verify": "yes"}, {"judge": "/etc"}])
def test_what_a_caller_may_not_ask_for(serve: Any, options: dict[str, object]) -> None:
    answer = serve().client.post("/api/sessions", json={"prompt": "a harbour", **options})
    assert answer.status_code in (400, 422)
