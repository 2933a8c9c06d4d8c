"""Sessions and turns over HTTP: what is asked, and what is answered."""

import hashlib
import io
import json
import re
from typing import Any

import httpx
import pytest
from PIL import Image

from notthat.agent import Conversation
from notthat.agent.interfaces.http.auth import Principal
from notthat.generation import GenerationRequest, StubEngine
from notthat.storage import SessionRecord, UnknownSessionError

from ...conftest import Running, Serve

TURN_KEYS = {
    *("session", "turn", "parent", "feedback", "edits", "reply", "prompt", "negative", "exclusions", "seed", "steps"),
    *("guidance", "model", "image", "sha256", "seconds", "source", "pins", "question", "handoff", "links"),
}


def test_a_session_is_found_that_gets_its_first_picture_while_it_is_looked_up(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = server.begin()["session"]
    found, looked = server.service.reader.load_session, []

    async def too_early_at_first(caller: Principal, name: str) -> SessionRecord:
        looked.append(name)
        if len(looked) == 1:
            raise UnknownSessionError(name)
        return await found(caller, name)

    monkeypatch.setattr(server.service.reader, "load_session", too_early_at_first)
    answer = server.client.get(f"/api/sessions/{session}")
    assert (answer.status_code, looked) == (200, [session, session])
    assert answer.json()["turns"] == 1
    assert server.client.get(f"/api/sessions/{16 * '0'}").status_code == 404


def test_a_session_is_begun_and_talked_to(server: Running) -> None:
    first = server.begin("portrait of a man without mustache", seed=7)
    assert set(first) == TURN_KEYS
    assert (first["turn"], first["parent"], first["seed"], first["model"]) == (0, None, 7, "stub")
    assert (first["prompt"], first["negative"]) == ("portrait of a man", "mustache")
    second = server.say(first["session"], "too cartoonish")
    assert (second["turn"], second["parent"], second["negative"]) == (1, 0, "mustache, cartoon")
    assert second["edits"] == [{"op": "exclude", "term": "cartoon", "weight": 1.0}]
    assert second["exclusions"][1] == {
        "term": "cartoon", "weight": 1.0, "source": "user", "since": 1, "words": "too cartoonish"
    }  # fmt: skip
    kept = Conversation.open(first["session"], server.studio)
    assert (kept.head.number, kept.head.sha256) == (1, second["sha256"])


def test_a_picture_has_an_address_that_never_changes(server: Running) -> None:
    turn = server.begin()
    answer = server.client.get(turn["image"])
    assert turn["image"] == f"{server.url}/api/images/{turn['sha256']}.png?session={turn['session']}&turn=0"
    assert (answer.headers["content-type"], "immutable" in answer.headers["cache-control"]) == ("image/png", True)
    image = Image.open(io.BytesIO(answer.content))
    assert hashlib.sha256(image.convert("RGB").tobytes()).hexdigest() == turn["sha256"]
    again = server.client.get(turn["image"], headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert server.client.get(f"/api/images/{'0' * 64}.png").status_code == 404


def test_everything_can_be_asked_for(server: Running) -> None:
    asked = {"steps": 6, "guidance": 3.5, "width": 64, "height": 40, "method": "apg", "policies": ["quality"]}
    turn = server.begin("a man", negative="hat, (fog:1.3)", **asked)
    assert (turn["steps"], turn["guidance"]) == (6, 3.5)
    kept = server.studio.store.turn(turn["session"])
    request = GenerationRequest.create(**kept.request)
    assert (request.width, request.height, request.method) == (64, 40, "apg")
    assert {e["source"] for e in turn["exclusions"]} == {"policy:quality", "user"}
    assert turn["negative"].endswith("hat, (fog:1.3)")


def test_the_former_name_of_lookahead_is_accepted_but_not_shown(server: Running) -> None:
    turn = server.begin("a man without hat", method="dynamic")
    assert server.studio.store.turn(turn["session"]).request["method"] == "lookahead"
    document = str(server.client.get("/openapi.json").json())
    assert "lookahead" in document
    assert "dynamic" not in document


def test_where_nothing_changes_the_turn_that_is_shown_is_answered(server: Running) -> None:
    first = server.begin()
    same = server.say(first["session"], "lovely, thank you")
    assert (same["turn"], same["feedback"], same["edits"]) == (0, "lovely, thank you", [])
    assert server.say(first["session"], "no fog")["turn"] == 1


def test_exclusions_are_changed_without_words(server: Running) -> None:
    session = server.begin("a man without hat")["session"]

    def edit(*edits: dict[str, Any]) -> dict[str, Any]:
        return server.turn(server.client.post(f"/api/sessions/{session}/edits", json={"edits": edits}))

    assert edit({"op": "reweight", "term": "hat", "weight": 1.4})["negative"] == "(hat:1.4)"
    turn = edit({"op": "allow", "term": "hat"}, {"op": "exclude", "term": "fog"})
    assert (turn["turn"], turn["negative"]) == (2, "fog")
    assert turn["exclusions"][0]["words"] == "Excluded “fog”. “hat” is allowed again."
    assert edit({"op": "undo", "turns": 2})["negative"] == "hat"


def test_another_one_comes_from_another_seed(server: Running) -> None:
    first = server.begin()
    seeded = server.turn(server.client.post(f"/api/sessions/{first['session']}/seed", json={"seed": 99}))
    another = server.turn(server.client.post(f"/api/sessions/{first['session']}/seed", json={}))
    assert (seeded["seed"], seeded["turn"], another["turn"]) == (99, 1, 2)
    assert len({first["sha256"], seeded["sha256"], another["sha256"]}) == 3


def test_going_back_and_on_from_anywhere_erases_nothing(server: Running) -> None:
    session = server.begin()["session"]
    for words in ("no fog", "no boats", "no gulls"):
        server.say(session, words)
    back = server.turn(server.client.post(f"/api/sessions/{session}/undo", json={"turns": 2}))
    assert (back["turn"], back["negative"]) == (1, "fog")
    assert server.turn(server.client.post(f"/api/sessions/{session}/branch", json={"turn": 2}))["turn"] == 2
    assert server.say(session, "no clouds")["parent"] == 2
    answer = server.client.get(f"/api/sessions/{session}/turns").json()
    assert [turn["turn"] for turn in answer["turns"]] == [0, 1, 2, 3, 4]
    some = server.client.get(f"/api/sessions/{session}/turns", params={"first": 1, "limit": 2}).json()
    assert [turn["turn"] for turn in some["turns"]] == [1, 2]
    too_far = server.client.post(f"/api/sessions/{session}/undo", json={"turns": 9})
    assert (too_far.status_code, too_far.json()["detail"]) == (400, "Only 3 turns can be undone, not 9.")


def test_sessions_are_listed_and_looked_at(server: Running) -> None:
    one, two = server.begin("a harbour"), server.begin("a boat")
    server.say(one["session"], "no fog")
    listed = server.client.get("/api/sessions").json()["sessions"]
    assert [(each["session"], each["turns"], each["head"]) for each in listed] == [
        (two["session"], 1, 0),
        (one["session"], 2, 1),
    ]
    assert server.client.get("/api/sessions", params={"limit": 1}).json()["sessions"] == listed[:1]
    assert server.client.get(f"/api/sessions/{one['session']}").json() == {
        **listed[1],
        "question": None,
        "retry": None,
        "unfinished": [],
    }
    assert server.client.get(f"/api/sessions/{one['session']}/turns/1").json()["negative"] == "fog"


def test_a_term_has_a_story_and_a_session_a_replay(server: Running) -> None:
    session = server.begin()["session"]
    server.say(session, "no fog")
    server.say(session, "bring the fog back")
    story = server.client.get(f"/api/sessions/{session}/why", params={"term": "fog"}).json()
    assert [(e["turn"], e["weight"], e["words"]) for e in story["events"]] == [
        (1, 1.0, "no fog"),
        (2, None, "bring the fog back"),
    ]
    before = server.client.get(f"/api/sessions/{session}/why", params={"term": "fog", "turn": 1}).json()
    assert before["events"] == story["events"][:1]
    assert server.client.get(f"/api/sessions/{session}/why", params={"term": "fog", "turn": 9}).status_code == 404
    replay = server.client.post(f"/api/sessions/{session}/replay").json()
    assert (replay["identical"], [t["turn"] for t in replay["turns"]]) == (3, [0, 1, 2])
    page = server.client.get(f"/api/sessions/{session}/replay.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "bring the fog back" in page.text
    policy = page.headers["content-security-policy"]
    (carried,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page.text)
    assert policy == f"{carried}; frame-ancestors 'none'"
    assert "unsafe" not in policy


def test_a_turn_that_came_to_no_picture_can_be_retried(serve: Serve) -> None:
    class Broken(StubEngine):
        broken = True

        def run(self, request: GenerationRequest) -> Any:
            if self.broken:
                raise RuntimeError("the device went away")
            yield from super().run(request)

    engine = Broken()
    server = serve(engine)
    answer = server.client.post("/api/sessions", json={"prompt": "a harbour"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "device went away" not in answer.text  # what nobody expected is for the log alone
    assert "device went away" in server.log.getvalue()
    (attempt,) = server.studio.store.attempts.all()
    address = f"/api/sessions/{attempt.session}"
    standing = server.client.get(address)
    assert "device went away" not in standing.text
    assert (standing.json()["prompt"], standing.json()["head"], standing.json()["turns"]) == ("a harbour", None, 0)
    retry = standing.json()["retry"]
    assert (retry["turn"], retry["parent"], retry["feedback"], retry["status"]) == (0, None, "a harbour", "failed")
    engine.broken = False
    turn = server.turn(server.client.post(f"{address}/retry", json={}))
    assert (turn["session"], turn["turn"], turn["prompt"]) == (attempt.session, 0, "a harbour")
    again = server.client.post(f"{address}/retry", json={})
    assert (again.status_code, "nothing to retry" in again.json()["detail"]) == (400, True)
    assert server.client.get(address).json()["retry"] is None
    engine.broken = True
    assert server.client.post(f"{address}/turns", json={"feedback": "no fog"}).status_code == 500
    retry = server.client.get(address).json()["retry"]
    assert (retry["turn"], retry["parent"], retry["feedback"]) == (1, 0, "no fog")
    engine.broken = False
    server.say(attempt.session, "no boats")
    assert server.client.get(address).json()["retry"] is None  # another turn has come since


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"prompt": "a man", "steps": 0}, 422, "body.steps"),
        ({"prompt": "a man", "colour": 1}, 422, "body.colour"),
        ({"prompt": "a man", "model": "other"}, 400, "no model “other”: there is stub"),
        ({"prompt": "no hat"}, 400, "say what the picture should show, too"),
        ({"prompt": "a man", "policies": ["unheard-of"]}, 400, "no policy “unheard-of”"),
        ({"prompt": "a nude man", "policies": ["brand-safety"]}, 400, "the policy “brand-safety” forbids it"),
        ({"prompt": "a man", "steps": 151}, 403, "steps: 151 is over the limit of 150"),
        ({"prompt": "a man", "width": 4096}, 403, "width: 4096 is over the limit of 2048"),
    ],
)
def test_what_cannot_be_done_is_a_problem(server: Running, body: dict[str, Any], status: int, detail: str) -> None:
    answer = server.client.post("/api/sessions", json=body)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert problem["type"].startswith("urn:notthat:problem:")
    assert (problem["status"], detail in problem["detail"]) == (status, True)
    assert server.studio.store.sessions() == []


@pytest.mark.parametrize("path", ["", "/turns", "/turns/0", "/turns/0/events", "/why?term=fog", "/replay.html"])
def test_what_is_not_there_is_a_404(server: Running, path: str) -> None:
    answer = server.client.get(f"/api/sessions/0123456789abcdef{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:notthat:problem:unknown-session")


@pytest.mark.parametrize("session", ["..%2f..%2fetc", "x'%20OR%201=1", "0123456789ABCDEF", "%00"])
def test_an_id_is_nothing_but_an_id(server: Running, session: str) -> None:
    assert server.client.get(f"/api/sessions/{session}").status_code in (404, 422)
    assert server.client.get(f"/api/images/{session}.png").status_code in (404, 422)


def test_a_person_takes_over_when_asked_for_or_when_it_goes_on_being_wrong(server: Running) -> None:
    session = server.begin()["session"]
    assert not server.say(session, "still not right, there is fog")["handoff"]
    server.say(session, "no boats")
    turn = server.say(session, "it's still not right, no gulls")
    assert (turn["turn"], turn["handoff"]) == (3, True)
    assert turn["links"]["page"] == f"{server.url}/?session={session}"
    assert server.client.get(turn["links"]["replay"]).status_code == 200
    assert server.client.get(f"/api/sessions/{session}/turns/3").json()["handoff"] is True
    assert server.say(session, "can I talk to a human?")["handoff"] is True


def test_the_catalogue(server: Running) -> None:
    server.begin()
    assert server.client.get("/api/models").json()["models"] == [
        {"name": "stub", "default": True, "steps": 4, "guidance": 5.0, "width": 32, "height": 32}
    ]
    policies = {each["name"]: each for each in server.client.get("/api/policies").json()["policies"]}
    assert "watermark" in policies["brand-safety"]["exclude"]
    assert "nude" in policies["brand-safety"]["forbid"]


def test_openapi_has_an_example_of_everything_that_is_sent(server: Running) -> None:
    document = server.client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            content = operation.get("requestBody", {}).get("content", {})
            if content and path != "/api/archives":  # which takes a file
                schema = content["application/json"]["schema"]
                if "$ref" in schema:
                    schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                assert schema.get("examples"), (method, path)
    body = document["paths"]["/api/sessions"]["post"]["requestBody"]["content"]["application/json"]
    example = body["schema"]["examples"][0]
    assert server.client.post("/api/sessions", json=example).status_code == 200


def test_mini_draws_over_http(serve: Serve) -> None:
    from notthat.generation import LocalEngine

    server = serve(LocalEngine.load("mini"), models=("mini",))
    turn = server.begin("portrait of a man without mustache", steps=4)
    address = server.say_later(turn["session"], "too cartoonish")
    with httpx.Client() as client, client.stream("GET", address) as answer:
        told = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert (told[-1]["turn"], told[-1]["negative"]) == (1, "mustache, cartoon")
    assert any(str(each.get("image", "")).startswith("data:image/png;base64,") for each in told)
