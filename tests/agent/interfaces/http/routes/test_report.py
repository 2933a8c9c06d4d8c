"""`GET /api/report`: for admins, and words only on request."""

import httpx

from ...conftest import Running


def test_a_report_counts_what_is_stored(server: Running) -> None:
    session = server.begin("a harbour without boats")["session"]
    server.say(session, "no fog")
    report = server.client.get("/api/report").json()
    assert report["sessions"] == {"sessions": 1, "turns": 2, "longest": 2}
    (counts,) = report["exclusions"]
    assert {name: number for name, number in counts.items() if number} == {"source": "user", "terms": 2, "excluded": 2}
    assert (report["since"], report["terms"]) == (None, None)
    listed = server.client.get("/api/report", params={"terms": True, "limit": 1, "since": "7d"}).json()
    assert [term["term"] for term in listed["terms"]] == ["boats"]
    assert listed["since"].endswith("Z")


def test_a_period_that_is_none_is_refused(server: Running) -> None:
    answer = server.client.get("/api/report", params={"since": "yesterday"})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:notthat:problem:refused")
    assert answer.json()["detail"].startswith("since: “yesterday” is no date")


def test_only_an_admin_reads_it(server: Running) -> None:
    keys = server.studio.store.keys
    _, bot = keys.add("bot")
    _, boss = keys.add("boss", admin=True)
    for token, status in ((bot, 403), (boss, 200), ("nonsense", 401)):
        answer = httpx.get(f"{server.url}/api/report", headers={"X-API-Key": token}, timeout=60)
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["type"] == "urn:notthat:problem:admin-needed"
