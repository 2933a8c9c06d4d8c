"""What takes its time is timed by a clock that no change of the date moves."""

import time

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ..conftest import GatedEngine, Serve, events

DAY = 86_400.0


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_date_that_jumps_changes_no_duration(
    serve: Serve, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    engine, now = GatedEngine(), time.time
    server = serve(engine)
    address = server.client.post("/api/sessions", json={"prompt": "a boat"}, headers={"Prefer": "respond-async"})
    engine.begun.acquire()
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    engine.gate.set()
    assert list(events(server.client, address.json()["events"]))[-1][1] == "done"
    server.wait_until(lambda: any(span.name == "turn" for span in spans.get_finished_spans()))
    (line,) = [line for line in server.logged() if line["event"] == "turn"]
    assert 0 <= line["seconds"] < DAY / 2
    assert all(0 <= seconds < DAY / 2 for seconds in line["phases"].values())
    for span in spans.get_finished_spans():
        assert span.start_time is not None
        assert span.end_time is not None
        assert 0 <= span.end_time - span.start_time < DAY / 2 * 1e9
        assert abs(span.start_time / 1e9 - now()) < DAY / 2
    numbers = dict(line.rsplit(" ", 1) for line in server.client.get("/metrics").text.splitlines() if line[0] != "#")
    assert 0 <= float(numbers["notthat_uptime_seconds"]) < DAY / 2
    assert 0 <= float(numbers['notthat_turn_seconds_sum{outcome="done"}']) < DAY / 2
