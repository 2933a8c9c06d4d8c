"""Several answers to one message, and what a language model took to read it."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from typing import Any

import openai
import pytest
from llm_server import Server as LanguageModel
from llm_server import send_answer
from openai import OpenAI

from notthat.agent.interpreters import LLMInterpreter
from notthat.agent.interpreters.llm import LLMClient
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine
from notthat.storage import KeyLimits

from ...conftest import ConnectOpenAI, Running, Serve


def user(words: str) -> Any:
    return {"role": "user", "content": words}


def assistant(words: str | None) -> Any:
    return {"role": "assistant", "content": words}


@pytest.fixture
def client(server: Running, connect_openai: ConnectOpenAI) -> OpenAI:
    return connect_openai(server)


def test_a_chat_begins_with_several_choices_from_other_seeds(server: Running, client: OpenAI) -> None:
    answer = client.chat.completions.create(model="stub", messages=[user("a harbour without fog")], n=3, seed=7)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    turns = [(choice.model_extra or {})["notthat"] for choice in answer.choices]
    assert turns[0] == (answer.model_extra or {})["notthat"]
    assert [(turn["turn"], turn["negative"]) for turn in turns] == [(0, "fog"), (1, "fog"), (2, "fog")]
    assert turns[0]["seed"] == 7
    assert len({turn["seed"] for turn in turns}) == len({turn["sha256"] for turn in turns}) == 3
    assert len(server.studio.store.sessions()) == 1
    chosen = answer.choices[1].message.content
    more = client.chat.completions.create(
        model="stub", messages=[user("a harbour without fog"), assistant(chosen), user("no gulls")]
    )
    turn = (more.model_extra or {})["notthat"]
    assert (turn["parent"], turn["seed"], turn["negative"]) == (1, turns[1]["seed"], "fog, gulls")


@pytest.mark.parametrize("stream", [False, True])
def test_feedback_has_several_choices_too(client: OpenAI, stream: bool) -> None:
    first = client.chat.completions.create(model="stub", messages=[user("a harbour")], seed=7)
    history = [user("a harbour"), assistant(first.choices[0].message.content), user("no fog")]
    said: dict[int, str] = {0: "", 1: ""}
    if stream:
        finished = []
        options: Any = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = list(client.chat.completions.create(model="stub", messages=history, n=2, **options))
        for choice in (choice for chunk in chunks for choice in chunk.choices):
            said[choice.index] += choice.delta.content or ""
            finished += [choice.index] if choice.finish_reason else []
        assert (finished, chunks[-1].choices) == ([0, 1], [])
        assert chunks[-1].usage is not None
    else:
        answer = client.chat.completions.create(model="stub", messages=history, n=2)
        said = {choice.index: choice.message.content or "" for choice in answer.choices}
    assert said[0].startswith("Excluded “fog”.\n\n![turn 1](")
    assert said[1].startswith("The same again from another seed.\n\n![turn 2](")


def test_choices_are_drawn_once_for_one_key(server: Running, client: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "stub", "messages": [user("a harbour")], "n": 3}
    answers = [client.chat.completions.create(**asked, extra_headers={"Idempotency-Key": "5f1c"}) for _ in range(2)]
    contents = [[choice.message.content for choice in answer.choices] for answer in answers]
    assert contents[0] == contents[1]
    (session,) = server.studio.store.sessions()
    assert len(server.studio.store.turns(session.id)) == 3


def test_choices_are_found_again_after_a_restart(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    asked: dict[str, Any] = {
        "model": "stub",
        "messages": [user("a harbour")],
        "n": 2,
        "extra_headers": {"Idempotency-Key": "5f1c"},
    }
    running = serve()
    connect_openai(running).chat.completions.create(**asked)
    running.stop()
    running = serve()
    again = connect_openai(running).chat.completions.create(**asked)
    (session,) = running.studio.store.sessions()
    turns = [(choice.model_extra or {})["notthat"] for choice in again.choices]
    assert [(turn["session"], turn["turn"]) for turn in turns] == [(session.id, 0), (session.id, 1)]


@pytest.mark.parametrize("stream", [False, True])
def test_every_choice_counts_as_a_request(serve: Serve, connect_openai: ConnectOpenAI, stream: bool) -> None:
    running = serve()
    _, token = running.studio.store.keys.add("shop", limits=KeyLimits(requests_per_minute=2))
    with pytest.raises(openai.RateLimitError):
        connect_openai(running, token).chat.completions.create(
            model="stub", messages=[user("a harbour")], n=3, stream=stream
        )
    running.wait_until(lambda: not running.service.jobs.list_unfinished())


@pytest.mark.parametrize("n", [0, 11])
def test_a_number_of_choices_that_there_cannot_be_is_refused(client: OpenAI, n: int) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="stub", messages=[user("a harbour")], n=n)
    assert refused.value.param == "n"


def test_a_choice_that_fails_ends_the_stream(serve: Serve, connect_openai: ConnectOpenAI) -> None:
    class Failing(StubEngine):
        drawn = 0

        def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
            self.drawn += 1
            yield from super().run(request)
            if self.drawn > 1:
                raise GenerationError("the device went away")

    running = serve(Failing())
    stream = connect_openai(running).chat.completions.create(
        model="stub", messages=[user("a harbour")], n=3, stream=True
    )
    said: list[str] = []
    with pytest.raises(openai.APIError, match="the device went away"):
        said.extend(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert "![turn 0](" in "".join(said)
    running.wait_until(lambda: not running.service.jobs.list_unfinished())


# What a language model took


PROMPT = json.dumps({"edits": [{"op": "prompt", "text": "a harbour"}], "reply": "A harbour."})
NO_FOG = json.dumps({"edits": [{"op": "exclude", "term": "fog"}], "reply": "No fog."})
NOTHING = json.dumps({"edits": [], "reply": "Thank you."})


@pytest.fixture
def model() -> Iterator[LanguageModel]:
    """A language model that hears a prompt first, then praise where it is said, and else fog."""
    with closing(LanguageModel()) as model:

        def answer(handler: BaseHTTPRequestHandler) -> None:
            content = model.requests[-1]["messages"][-1]["content"]  # with the picture, where there is one
            asked = json.loads(content if isinstance(content, str) else content[0]["text"])
            text = NOTHING if "lovely" in asked["feedback"] else NO_FOG if asked["prompt"] else PROMPT
            send_answer(handler, text, model.usage)

        model.say(answer)
        model.usage = {"prompt_tokens": 700, "completion_tokens": 11, "total_tokens": 711}
        yield model


def reading(model: LanguageModel) -> LLMInterpreter:
    return LLMInterpreter(LLMClient("test", base_url=model.url, timeout=60))


def test_what_a_language_model_took_is_told(serve: Serve, connect_openai: ConnectOpenAI, model: LanguageModel) -> None:
    running = serve(None, reading(model))
    client = connect_openai(running)
    session = running.begin()["session"]
    taken = model.usage
    asked: dict[str, Any] = {"model": "stub", "messages": [user("no fog")], "extra_body": {"session": session}}
    answer = client.chat.completions.create(**asked, extra_headers={"Idempotency-Key": "1"})
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_none=True) == taken
    same = client.chat.completions.create(**asked, extra_headers={"Idempotency-Key": "1"})
    assert same.usage == answer.usage
    chunks = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    (usage,) = [chunk.usage for chunk in chunks if chunk.usage]
    assert usage.model_dump(exclude_none=True) == taken
    images = client.images.generate(prompt="no gulls", extra_body={"session": session})
    assert images.usage is not None
    assert (images.usage.input_tokens, images.usage.output_tokens, images.usage.total_tokens) == (700, 11, 711)
    (completed,) = client.images.generate(prompt="no fog", stream=True, extra_body={"session": session})
    assert completed.usage.total_tokens == 711


def test_all_lines_of_a_chat_that_is_read_again_are_counted(
    serve: Serve, connect_openai: ConnectOpenAI, model: LanguageModel
) -> None:
    answer = connect_openai(serve(None, reading(model))).chat.completions.create(
        model="stub", messages=[user("a harbour"), assistant("ok"), user("no fog"), assistant("ok"), user("no gulls")]
    )
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (2100, 33, 2133)


def test_words_that_change_nothing_took_something_too(
    serve: Serve, connect_openai: ConnectOpenAI, model: LanguageModel
) -> None:
    running = serve(None, reading(model))
    session = running.begin()["session"]
    model.usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    answer = connect_openai(running).chat.completions.create(
        model="stub", messages=[user("lovely")], extra_body={"session": session}
    )
    assert answer.usage is not None
    assert answer.usage.total_tokens == 3


@pytest.mark.parametrize("counts", [False, True])
def test_nothing_is_told_that_nobody_counted(
    serve: Serve, connect_openai: ConnectOpenAI, model: LanguageModel, counts: bool
) -> None:
    model.usage = None
    client = connect_openai(serve(None, reading(model) if counts else None))
    answer = client.chat.completions.create(model="stub", messages=[user("a harbour")])
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0
