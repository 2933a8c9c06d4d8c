"""A question over HTTP: asked instead of drawing, shown with its session, and answered by feedback or by an edit."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from asking import AskingInterpreter

from ...conftest import PATIENCE, GatedEngine, Running, Serve, events

QUESTION = {
    "text": "Leave out “beard”?",
    "edits": [{"op": "exclude", "term": "beard", "weight": 1.0}],
    "otherwise": [],
    "choose": False,
}
YES = {"edits": [{"op": "confirm", "yes": True}]}


@pytest.fixture
def server(serve: Serve) -> Running:
    """A server whose interpreter asks."""
    return serve(interpreter=AskingInterpreter())


@pytest.fixture
def session(server: Running) -> str:
    return str(server.begin("a man")["session"])


def edit(server: Running, session: str, *edits: dict[str, Any], **headers: str) -> httpx.Response:
    return server.client.post(f"/api/sessions/{session}/edits", json={"edits": list(edits)}, headers=headers)


def test_feedback_in_doubt_answers_with_the_shown_turn_and_a_question(server: Running, session: str) -> None:
    shown = server.client.get(f"/api/sessions/{session}/turns/0").json()
    asked = server.say(session, "hm, that beard")
    assert asked["question"] == QUESTION
    assert asked == {
        **shown,
        "feedback": "hm, that beard",
        "edits": [],
        "reply": "Leave out “beard”?",
        "question": QUESTION,
    }
    status = server.client.get(f"/api/sessions/{session}").json()
    assert (status["question"], status["turns"], status["pending"]) == (QUESTION, 1, [])
    assert server.client.get(f"/api/sessions/{session}/turns/0").json()["question"] == QUESTION


def test_the_edit_confirm_makes_the_turn(server: Running, session: str) -> None:
    server.say(session, "hm, that beard")
    made = server.turn(edit(server, session, {"op": "confirm", "yes": True}))
    assert (made["turn"], made["negative"], made["question"]) == (1, "beard", None)
    assert made["exclusions"][0]["words"] == "hm, that beard"
    assert server.client.get(f"/api/sessions/{session}").json()["question"] is None


def test_feedback_answers_too(server: Running, session: str) -> None:
    server.say(session, "hm, that beard")
    assert server.say(session, "yes, and no scarf")["negative"] == "beard, scarf"


def test_a_choice_is_made_by_its_index(server: Running, session: str) -> None:
    server.say(session, "that thing on him")
    refused = edit(server, session, {"op": "confirm", "yes": True})
    assert (refused.status_code, "say which one is meant" in refused.json()["detail"]) == (400, True)
    made = server.turn(edit(server, session, {"op": "confirm", "yes": True, "choice": 1}))
    assert made["negative"] == "scarf"


def test_an_answer_without_a_question_is_409_and_leaves_nothing(server: Running, session: str) -> None:
    answer = edit(server, session, {"op": "confirm", "yes": True})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:notthat:problem:no-question")
    assert answer.json()["detail"].startswith("no question is open")
    status = server.client.get(f"/api/sessions/{session}").json()
    assert (status["turns"], status["unfinished"], status["retry"]) == (1, [], None)


@pytest.mark.parametrize("edit_", [{"op": "confirm"}, {"op": "confirm", "yes": "no"}, {"op": "confirm", "choice": -1}])
def test_a_malformed_answer_is_422(server: Running, session: str, edit_: dict[str, Any]) -> None:
    server.say(session, "hm, that beard")
    assert edit(server, session, edit_).status_code == 422
    assert server.client.get(f"/api/sessions/{session}").json()["question"] == QUESTION


def test_a_background_request_ends_with_the_question(server: Running, session: str) -> None:
    url = server.say_later(session, "hm, that beard")
    *_, (_, name, data) = events(server.client, url)
    assert (name, data["turn"], data["question"]) == ("done", 0, QUESTION)
    promised = server.client.get(url.removesuffix("/events"))
    assert (promised.status_code, promised.json()["turn"], promised.json()["question"]) == (200, 0, QUESTION)


def test_the_sessions_events_show_the_question_and_its_end(server: Running, session: str) -> None:
    following = events(server.client, f"/api/sessions/{session}/events")
    assert next(following)[2]["question"] is None
    with ThreadPoolExecutor(1) as threads:
        threads.submit(server.say, session, "hm, that beard").result(PATIENCE)
        while (status := next(following)[2])["question"] is None:
            pass
        assert status["question"] == QUESTION
        threads.submit(server.say, session, "no").result(PATIENCE)
        while (status := next(following)[2])["question"] is not None:
            pass
    assert status["turns"] == 1
    following.close()  # type: ignore[attr-defined]


def test_a_question_and_its_answer_are_idempotent(server: Running, session: str) -> None:
    asked = [server.say(session, "hm, that beard", **{"Idempotency-Key": "ask"}) for _ in range(2)]
    assert asked[0] == asked[1]
    key = {"Idempotency-Key": "answer"}
    made = [server.turn(edit(server, session, {"op": "confirm", "yes": True}, **key)) for _ in range(2)]
    assert made[0] == made[1]
    assert len(server.studio.store.turns(session)) == 2


def test_an_idempotent_question_is_answered_after_a_restart(serve: Serve) -> None:
    first = serve(interpreter=AskingInterpreter())
    session = first.begin("a man")["session"]
    first.say(session, "hm, that beard", **{"Idempotency-Key": "ask"})
    second = serve(interpreter=AskingInterpreter())
    assert second.say(session, "hm, that beard", **{"Idempotency-Key": "ask"})["question"] == QUESTION
    assert second.turn(edit(second, session, {"op": "confirm", "yes": True}))["negative"] == "beard"


def test_two_answers_at_once_make_one_turn(serve: Serve) -> None:
    engine = GatedEngine()
    server, other = serve(engine, AskingInterpreter()), serve(engine, AskingInterpreter())
    engine.let_go(4)
    session = server.begin("a man")["session"]
    server.say(session, "hm, that beard")

    def answer(running: Running) -> httpx.Response:
        return httpx.post(f"{running.url}/api/sessions/{session}/edits", json=YES, timeout=PATIENCE)

    with ThreadPoolExecutor(2) as threads:
        engine.begun.acquire()  # the first picture
        first = threads.submit(answer, server)
        engine.begun.acquire()
        assert server.client.get(f"/api/sessions/{session}").json()["question"] is None
        assert answer(other).status_code == 409
        waiting = threads.submit(answer, server)
        engine.gate.set()
        assert (first.result().status_code, waiting.result().status_code) == (200, 409)
    assert len(server.studio.store.turns(session)) == 2


def test_an_answer_by_another_key_is_refused(server: Running) -> None:
    (_, ours), (_, theirs) = server.studio.store.keys.add("one"), server.studio.store.keys.add("two")
    mine, other = ({"Authorization": f"Bearer {token}"} for token in (ours, theirs))
    session = server.client.post("/api/sessions", json={"prompt": "a man"}, headers=mine).json()["session"]
    server.client.post(f"/api/sessions/{session}/turns", json={"feedback": "hm, that beard"}, headers=mine)
    assert edit(server, session, {"op": "confirm", "yes": True}, **other).status_code == 404
    assert server.client.get(f"/api/sessions/{session}", headers=other).status_code == 404
    assert server.client.get(f"/api/sessions/{session}", headers=mine).json()["question"] == QUESTION
    assert edit(server, session, {"op": "confirm", "yes": True}, **mine).json()["negative"] == "beard"


def test_a_deleted_session_has_no_question_to_answer(server: Running, session: str) -> None:
    server.say(session, "hm, that beard")
    assert server.client.delete(f"/api/sessions/{session}").status_code == 204
    assert edit(server, session, {"op": "confirm", "yes": True}).status_code == 404


def test_the_document_describes_the_answer_and_the_question(server: Running) -> None:
    schemas = server.client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["Confirm"]["required"] == ["op", "yes"]
    assert "question" in schemas["TurnResponse"]["properties"]
    assert "question" in schemas["SessionStatusResponse"]["properties"]
