"""What those who run it see."""

import json
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client.parser import text_string_to_metric_families

from notthat.agent.edits import State
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.generation import GenerationRequest, StubEngine

from ...conftest import Running, Serve


def numbers(server: Running) -> dict[tuple[str, ...], float]:
    """Every number of `/metrics`, by its name and the values of its labels."""
    text = server.client.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_is_ready_when_it_can_draw(serve: Serve) -> None:
    loading = threading.Event()
    server = serve(loading=loading)
    not_yet = server.client.get("/readyz")
    assert (not_yet.status_code, not_yet.json()["model"], not_yet.json()["database"]) == (503, False, True)
    assert server.client.get("/healthz").json()["status"] == "ok"
    loading.set()
    server.wait_until(lambda: server.studio.find_loaded("stub") is not None)
    assert server.client.get("/readyz").json() == {"ready": True, "model": True, "database": True, "stopping": False}


@pytest.mark.parametrize("name", ["notthat.db", "images"])
def test_it_is_not_ready_and_takes_nothing_where_what_it_keeps_was_moved_away(
    server: Running, home: Path, name: str
) -> None:
    session = server.begin()["session"]
    (home / name).rename(home / "elsewhere")
    not_ready = server.client.get("/readyz")
    assert (not_ready.status_code, not_ready.json()["database"]) == (503, False)
    refused = server.client.post(f"/api/sessions/{session}/turns", json={"feedback": "no fog"})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:notthat:problem:storage")
    assert any("was moved or replaced while in use" in line.get("exception", "") for line in server.logged())
    (home / "elsewhere").rename(home / name)
    assert server.client.get("/readyz").status_code == 200
    assert server.say(session, "no boats")["negative"] == "boats"


def test_the_numbers_tell_what_was_done(serve: Serve) -> None:
    class Falling(OfflineInterpreter):
        name = "llm"

        def interpret(self, feedback: str, state: State, picture: Any = None) -> Interpretation:
            return super().interpret(feedback, state, picture).model_copy(update={"fallback": True})

    server = serve(interpreter=Falling())
    session = server.begin("a man without hat", policies=["quality"])["session"]
    server.say(session, "no fog, no boats")
    server.say(session, "lovely")
    server.say(session, "let me talk to a human")
    found = numbers(server)
    assert found["notthat_turns_total", "done"] == 2
    assert found["notthat_turns_total", "unchanged"] == 2
    assert found["notthat_handoffs_total",] == 1
    assert found["notthat_edits_total", "exclude"] == 3
    assert found["notthat_steps_total",] == 8
    assert found["notthat_exclusions_total", "user"] == 3
    assert found["notthat_exclusions_total", "policy:quality"] > 3
    assert found["notthat_interpreter_fallbacks_total",] == 2
    for phase in ("interpret", "queue", "draw"):
        assert found["notthat_turn_phase_seconds_count", phase] >= 2
    assert found["notthat_steps_per_second_count",] == 2
    assert found["notthat_memory_bytes", "cpu"] > 1e6
    assert found["notthat_http_requests_total", "POST", "/api/sessions/{session}/turns", "200"] == 3
    assert (found["notthat_queue_waiting",], found["notthat_queue_drawing",]) == (0, 0)


def test_the_numbers_are_told_while_torch_is_half_imported(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    assert [name for name in numbers(server) if name[0] == "notthat_memory_bytes"] == [("notthat_memory_bytes", "cpu")]


@pytest.mark.parametrize("words", [False, True])
def test_the_log_names_sessions_and_turns_and_words_only_where_asked(serve: Serve, words: bool) -> None:
    server = serve(log_words=words)
    session = server.begin("a secretive harbour")["session"]
    server.say(session, "no quicksilver")
    server.client.get(f"/api/sessions/{session}/why", params={"term": "quicksilver"})
    server.client.get("/quicksilver%0a{}")
    text = server.log.getvalue()
    assert ("quicksilver" in text, "secretive" in text) == (words, words)
    turns = [line for line in server.logged() if line["event"] == "turn"]
    assert [(line["session"], line["turn"], line["outcome"]) for line in turns] == [
        (session, k, "done") for k in (0, 1)
    ]
    assert set(turns[0]["phases"]) == {"order", "interpret", "queue", "draw"}
    requests = [line for line in server.logged() if line["event"] == "request"]
    assert requests[1]["route"] == "/api/sessions/{session}/turns"
    assert requests[1]["session"] == session


def test_what_nobody_expected_is_in_the_log_and_nowhere_else(serve: Serve) -> None:
    class Broken(StubEngine):
        def run(self, request: GenerationRequest) -> Any:
            raise ZeroDivisionError("a detail that is nobody's business")

    server = serve(Broken())
    answer = server.client.post("/api/sessions", json={"prompt": "a boat"})
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:notthat:problem:unexpected")
    (line,) = [line for line in server.logged() if line["level"] == "error"]
    assert "ZeroDivisionError" in line["exception"]
    assert "business" not in answer.text


def traced(server: Running, spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    """The span of this name, once it has ended."""
    server.wait_until(lambda: any(span.name == name for span in spans.get_finished_spans()))
    (found,) = [span for span in spans.get_finished_spans() if span.name == name]
    return found


def test_a_turn_is_traced_by_whoever_brings_an_sdk(server: Running, spans: InMemorySpanExporter) -> None:
    session = server.begin()["session"]
    turn = traced(server, spans, "turn")
    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert set(by_name) == {"turn", "order", "interpret", "queue", "draw"}
    attributes = dict(turn.attributes or {})
    assert (attributes["notthat.session"], attributes["notthat.outcome"]) == (session, "done")
    parent = by_name["draw"].parent
    assert parent is not None
    assert (parent.span_id, turn.parent) == (turn.context.span_id, None)
    assert "harbour" not in json.dumps([span.to_json() for span in by_name.values()])


def test_a_turn_is_traced_below_the_span_of_who_asked_for_it(server: Running, spans: InMemorySpanExporter) -> None:
    theirs = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    session = server.begin()["session"]
    traced(server, spans, "turn")
    spans.clear()
    server.say(session, "no fog", **theirs)
    turn = traced(server, spans, "turn")
    assert turn.parent is not None
    assert turn.parent.is_remote
    assert format_trace_id(turn.context.trace_id) == "0af7651916cd43dd8448eb211c80319c"
    assert format_span_id(turn.parent.span_id) == "b7ad6b7169203331"
    assert {span.context.trace_id for span in spans.get_finished_spans()} == {turn.context.trace_id}
    server.client.post(f"/api/sessions/{session}/replay", headers=theirs)
    replay = traced(server, spans, "replay")
    assert (replay.parent, dict(replay.attributes or {})["notthat.identical"]) == (turn.parent, 2)


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{'0' * 16}-01", "ff-" + "x" * 5000])
def test_a_header_that_names_no_span_changes_nothing(server: Running, spans: InMemorySpanExporter, header: str) -> None:
    server.turn(server.client.post("/api/sessions", json={"prompt": "a boat"}, headers={"traceparent": header}))
    assert traced(server, spans, "turn").parent is None
