"""What those who run it see."""

import json
import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from notthat.agent.edits import State
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.generation import GenerationRequest, StubEngine

from .conftest import Running, Serve


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
    server.wait_until(lambda: server.studio.loaded("stub") is not None)
    assert server.client.get("/readyz").json() == {"ready": True, "model": True, "database": True, "stopping": False}


def test_the_numbers_tell_what_was_done(serve: Serve) -> None:
    class Falling(OfflineInterpreter):
        name = "llm"

        def interpret(self, feedback: str, state: State, picture: Any = None) -> Interpretation:
            return super().interpret(feedback, state, picture).model_copy(update={"fallback": True})

    server = serve(interpreter=Falling())
    session = server.begin("a man without hat", policies=["quality"])["session"]
    server.say(session, "no fog, no boats")
    server.say(session, "lovely")
    found = numbers(server)
    assert found["notthat_turns_total", "done"] == 2
    assert found["notthat_turns_total", "unchanged"] == 1
    assert found["notthat_steps_total",] == 8
    assert found["notthat_exclusions_total", "user"] == 3
    assert found["notthat_exclusions_total", "policy:quality"] > 3
    assert found["notthat_interpreter_fallbacks_total",] == 2
    for phase in ("interpret", "queue", "draw"):
        assert found["notthat_turn_phase_seconds_count", phase] >= 2
    assert found["notthat_steps_per_second_count",] == 2
    assert found["notthat_memory_bytes", "cpu"] > 1e6
    assert found["notthat_http_requests_total", "POST", "/api/sessions/{session}/turns", "200"] == 2
    assert (found["notthat_queue_waiting",], found["notthat_queue_drawing",]) == (0, 0)


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


def test_a_turn_is_traced_by_whoever_brings_an_sdk(server: Running) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    session = server.begin()["session"]
    server.wait_until(lambda: bool(exporter.get_finished_spans()))
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"turn", "order", "interpret", "queue", "draw"}
    attributes = dict(spans["turn"].attributes or {})
    assert (attributes["notthat.session"], attributes["notthat.outcome"]) == (session, "done")
    parent = spans["draw"].parent
    assert parent is not None
    assert parent.span_id == spans["turn"].context.span_id
    assert "harbour" not in json.dumps([span.to_json() for span in spans.values()])
