"""`notthat serve` as a process: how it starts, and all the ways in which it ends."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from notthat.agent import Studio
from notthat.storage import Store, check

from ..conftest import PATIENCE, GatedEngine, Process, Running, Serve, events

Start = Callable[..., Process]


def test_the_server_prints_its_address_and_logs_to_stdout(start_process: Start) -> None:
    server = start_process()
    assert server.ready == f"notthat: {server.url} (no keys: only for this machine)"
    assert httpx.get(f"{server.url}/healthz").json()["status"] == "ok"
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"400"
    server.process.send_signal(signal.SIGTERM)
    code, out, err = server.end()
    assert (code, err) == (0, "")
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["request", "server"]


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--port", "70000"], ["--host", "not.a.host.invalid"]])
def test_an_unusable_address_is_an_error_of_one_line(start_process: Start, arguments: list[str]) -> None:
    server = start_process(*arguments)
    code, out, err = server.end()
    assert (code, out, err) == (2, "", "")
    assert server.ready.startswith("notthat: ")
    if "0.0.0.0" in arguments:
        assert "create a key with notthat keys add NAME" in server.ready


@pytest.mark.parametrize(
    ("device", "line"),
    [
        ("gpu", "notthat: no device “gpu”: use cpu, cuda, cuda:1 or mps"),
        ("cuda:99", "notthat: no device “cuda:99” here: "),
    ],
)
def test_an_unknown_device_is_refused_at_start(start_process: Start, device: str, line: str) -> None:
    server = start_process("--device", "cpu", "--device", device)
    code, out, err = server.end()
    assert (code, out, err) == (2, "", "")
    assert server.ready.startswith(line)


def test_each_device_draws_a_picture_of_its_own_at_the_same_time(
    start_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # so that two drawings don't wait for each other's threads
    server = start_process("--device", "cpu", "--device", "cpu")
    body = {"prompt": "portrait of a man without mustache", "seed": 7, "steps": 20}
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        for _ in "ab":  # each device gets one, and loads the model for it
            assert client.post("/api/sessions", json={**body, "steps": 2}).status_code == 200
        assert client.get("/readyz").json()["ready"]
        pending = [client.post("/api/sessions", json=body, headers={"Prefer": "respond-async"}).json() for _ in "ab"]
        with closing(events(client, pending[0]["events"])) as one, closing(events(client, pending[1]["events"])) as two:
            for told in (one, two):
                while next(told)[1] != "step":
                    pass
            looked = [client.get(f"/api/sessions/{each['session']}/turns/0").status_code for each in pending]
            assert looked == [202, 202]  # both are begun, and neither is done
            turns = [list(told)[-1][2] for told in (one, two)]
        assert turns[0]["sha256"] == turns[1]["sha256"]
        memory = [line for line in client.get("/metrics").text.splitlines() if line.startswith("notthat_memory_bytes{")]
        assert [line.split()[0] for line in memory] == ['notthat_memory_bytes{device="cpu"}']


def test_a_server_with_a_key_may_listen_on_other_addresses(start_process: Start) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "notthat", "keys", "add", "bot"], capture_output=True, text=True, check=True
    )
    server = start_process("--host", "0.0.0.0")
    url = server.url.replace("0.0.0.0", "127.0.0.1")
    assert server.ready == f"notthat: {server.url}"
    assert httpx.get(f"{url}/api/sessions").status_code == 401
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    assert httpx.get(f"{url}/api/sessions", headers=headers).json()["sessions"] == []


def test_a_kill_and_a_restart_lose_no_finished_turn(start_process: Start, home: Path) -> None:
    server = start_process()
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        body = {"prompt": "portrait of a man without mustache", "seed": 7, "steps": 2}
        session = client.post("/api/sessions", json=body).json()["session"]
        said = f"/api/sessions/{session}/turns"
        told = [client.post(said, json={"feedback": f"no {word}"}).json() for word in ("hat", "beard", "glasses")]
        later = client.post(said, json={"feedback": "no fog"}, headers={"Prefer": "respond-async"}).json()
        with suppress(httpx.TransportError):
            for _, name, _ in events(client, later["events"]):
                if name == "interpreted":
                    server.process.kill()
    assert server.end()[0] == -signal.SIGKILL
    again = start_process()
    with httpx.Client(base_url=again.url, timeout=PATIENCE) as client:
        kept = client.get(f"/api/sessions/{session}/turns", params={"limit": 1000}).json()["turns"]
        by_number = {turn["turn"]: turn["sha256"] for turn in kept}
        assert all(by_number[turn["turn"]] == turn["sha256"] for turn in told)
        ended = list(events(client, f"/api/sessions/{session}/turns/{told[-1]['turn']}/events"))
        assert ended[-1][1] == "done"
        assert client.get(kept[-1]["image"].replace(server.url, again.url)).status_code == 200
    with Store.open(home=home) as store:
        assert [finding for finding in check(store) if not finding.is_harmless] == []
        assert all(attempt.status == "failed" for attempt in store.attempts.all())  # what the kill interrupted


def stopping(server: Running) -> httpx.Response:
    server.stop()
    server.wait_until(lambda: server.service.is_stopping)
    return server.client.post("/api/sessions", json={"prompt": "late"})


def test_a_stop_finishes_what_is_drawn_and_gives_back_what_waits(serve: Serve, home: Path) -> None:
    engine = GatedEngine()
    server = serve(engine)
    later = {"Prefer": "respond-async"}
    drawn = server.client.post("/api/sessions", json={"prompt": "drawn"}, headers=later).json()
    engine.begun.acquire()
    waits = server.client.post("/api/sessions", json={"prompt": "waits"}, headers=later).json()
    with (
        closing(events(server.client, waits["events"])) as of_waits,
        closing(events(server.client, drawn["events"])) as told,
    ):
        while next(of_waits)[1] != "interpreted":
            pass
        next(told)
        late = stopping(server)
        assert (late.status_code, late.json()["type"]) == (503, "urn:notthat:problem:stopping")
        assert server.client.get("/readyz").json()["stopping"] is True
        assert list(of_waits)[-1][1] == "cancelled"
        engine.gate.set()
        assert list(told)[-1][1] == "done"
    with Studio(Store.open(home=home), server.studio.interpreter) as studio:
        (attempt,) = studio.store.attempts.all()
        assert (attempt.session, attempt.status) == (waits["session"], "cancelled")
        assert attempt.reason == "the server was stopped before it was drawn: it can be retried"
        assert [session.prompt for session in studio.store.sessions()] == ["drawn"]


def test_a_shutdown_waits_for_the_grace_period_at_most(serve: Serve) -> None:
    engine = GatedEngine()
    server = serve(engine, grace=0.05)
    pending = server.client.post("/api/sessions", json={"prompt": "drawn"}, headers={"Prefer": "respond-async"}).json()
    engine.begun.acquire()
    with closing(events(server.client, pending["events"])) as told:
        next(told)
        server.stop()
        run = server.service.jobs.list_drawing()[0]
        server.wait_until(lambda: run.cancel_reason is not None)
        engine.let_go(1)  # the step at hand; the next is never begun
        assert list(told)[-1][1] == "cancelled"
    assert [attempt.status for attempt in server.studio.store.attempts.all()] == ["cancelled"]
