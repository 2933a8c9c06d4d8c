"""What OpenAI's own client, which sends requests again by itself, makes of errors and of `Idempotency-Key`."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest

from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine
from notthat.storage import KeyLimits

from ...conftest import ConnectOpenAI, GatedEngine, Serve

ONCE = {"Idempotency-Key": "5f1c"}


class Counting(StubEngine):
    """A stub that counts the pictures it begins, and fails where it is told to."""

    def __init__(self, *, failing: bool = False) -> None:
        super().__init__()
        self.drawn = 0
        self.failing = failing

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        self.drawn += 1
        if self.failing:
            raise GenerationError("the device went away")
        yield from super().run(request)


def sessions(answer: Any) -> list[tuple[str, int]]:
    return [(data.model_extra["session"], data.model_extra["turn"]) for data in answer.data]


def test_a_picture_that_was_cancelled_is_not_drawn_again(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    engine = GatedEngine()
    running = serve(engine)
    client = connect_openai(running, max_retries=openai.DEFAULT_MAX_RETRIES)
    with ThreadPoolExecutor(1) as thread:
        drawing = thread.submit(client.images.generate, prompt="a pier")
        assert engine.begun.acquire(timeout=60)
        (run,) = running.service.jobs.list_drawing()
        running.loop.call_soon_threadsafe(run.cancel, "not needed any more")
        engine.gate.set()
        with pytest.raises(openai.ConflictError, match="not needed any more") as cancelled:
            drawing.result()
    assert cancelled.value.response.headers["x-should-retry"] == "false"
    assert engine.order == ["a pier"]


@pytest.mark.parametrize("chat", [False, True])
def test_a_picture_that_failed_is_not_drawn_again(serve: Serve, connect_openai: ConnectOpenAI, chat: bool) -> None:
    engine = Counting(failing=True)
    client = connect_openai(serve(engine), max_retries=openai.DEFAULT_MAX_RETRIES)
    asked = {"model": "stub", "messages": [{"role": "user", "content": "a pier"}]} if chat else {"prompt": "a pier"}
    create: Any = client.chat.completions.create if chat else client.images.generate
    with pytest.raises(openai.InternalServerError, match="the device went away"):
        create(**asked)
    assert engine.drawn == 1


def test_a_key_that_was_used_before_is_refused_at_once(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    client = connect_openai(serve(), max_retries=openai.DEFAULT_MAX_RETRIES)
    client.images.generate(prompt="a pier", extra_headers=ONCE)
    with pytest.raises(openai.ConflictError) as refused:
        client.images.generate(prompt="a house", extra_headers=ONCE)
    assert refused.value.code == "idempotency_key_reused"
    assert refused.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_who_asked_too_often_may_come_again(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    running = serve()
    _, token = running.studio.store.keys.add("shop", limits=KeyLimits(requests_per_minute=1))
    client = connect_openai(running, token)
    client.images.generate(prompt="a pier")
    with pytest.raises(openai.RateLimitError) as refused:
        client.images.generate(prompt="a pier")
    assert "x-should-retry" not in refused.value.response.headers
    assert int(refused.value.response.headers["Retry-After"]) > 0


def test_a_full_queue_is_come_back_to_by_the_client(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    engine = GatedEngine()
    running = serve(engine, queue=1)
    client = connect_openai(running, max_retries=5)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(client.images.generate, prompt="a pier")
        assert engine.begun.acquire(timeout=60)
        second = threads.submit(client.images.generate, prompt="a harbour")
        running.wait_until(lambda: len(running.service.jobs.list_waiting()) == 1)
        refused = threading.Event()
        third = threads.submit(
            connect_openai(running, max_retries=5, http_client=_watched(refused)).images.generate, prompt="a house"
        )
        assert refused.wait(60)
        engine.gate.set()
        assert all(each.result().data for each in (first, second, third))


def _watched(refused: threading.Event) -> Any:
    """A client of HTTP that says when a queue was full."""

    def look(response: Any) -> None:
        if response.status_code == 429:
            refused.set()

    return httpx2.Client(timeout=60, event_hooks={"response": [look]})


@pytest.mark.parametrize("restarted", [False, True])
def test_all_pictures_of_a_request_are_drawn_once(serve: Serve, connect_openai: ConnectOpenAI, restarted: bool) -> None:
    engine = Counting()
    running = serve(engine)
    asked: dict[str, Any] = {"prompt": "a pier", "n": 3, "extra_headers": ONCE}
    first = connect_openai(running).images.generate(**asked)
    if restarted:
        running.stop()
        running = serve(engine)
    again = connect_openai(running).images.generate(**asked)
    assert sessions(again) == sessions(first)
    assert len(set(sessions(first))) == engine.drawn == 3
    assert [data.b64_json for data in again.data or []] == [data.b64_json for data in first.data or []]


def test_more_pictures_of_a_session_are_drawn_once(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    engine = Counting()
    running = serve(engine)
    session = running.begin()["session"]
    client = connect_openai(running)
    asked: dict[str, Any] = {
        "prompt": "no fog",
        "n": 2,
        "extra_headers": ONCE,
        "extra_body": {"session": session},
    }
    assert sessions(client.images.generate(**asked)) == [(session, 1), (session, 2)]
    assert sessions(client.images.generate(**asked)) == [(session, 1), (session, 2)]
    assert engine.drawn == 3


def test_what_is_missing_of_a_request_is_drawn_when_it_is_sent_again(
    serve: Serve, connect_openai: ConnectOpenAI
) -> None:
    engine = GatedEngine()
    running = serve(engine)
    client = connect_openai(running)
    asked: dict[str, Any] = {"prompt": "a pier", "n": 2, "extra_headers": ONCE}
    with ThreadPoolExecutor(1) as thread:
        drawing = thread.submit(client.images.generate, **asked)
        assert engine.begun.acquire(timeout=60)
        engine.let_go(20)
        assert engine.begun.acquire(timeout=60)
        (run,) = running.service.jobs.list_drawing()
        running.loop.call_soon_threadsafe(run.cancel, "not needed any more")
        engine.gate.set()
        with pytest.raises(openai.ConflictError):
            drawing.result()
    again = client.images.generate(**asked)
    assert len(sessions(again)) == 2
    assert len(running.studio.store.sessions()) == 2
    assert len(engine.order) == 3


def test_a_request_that_is_sent_again_meanwhile_is_not_given_up_with_the_second(
    serve: Serve, connect_openai: ConnectOpenAI
) -> None:
    engine = GatedEngine()
    running = serve(engine)
    _, token = running.studio.store.keys.add("shop", limits=KeyLimits(requests_per_minute=3))
    client = connect_openai(running, token)
    asked: dict[str, Any] = {"prompt": "a pier", "n": 2, "extra_headers": ONCE}
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(client.images.generate, **asked)
        running.wait_until(lambda: [run.subscribers for run in running.service.jobs.list_unfinished()] == [1, 1])
        with pytest.raises(openai.RateLimitError):
            client.images.generate(**asked)
        engine.gate.set()
        assert len(first.result().data or []) == 2
