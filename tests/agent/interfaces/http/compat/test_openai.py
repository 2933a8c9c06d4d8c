"""OpenAI's API, spoken by OpenAI's own client to a real server."""

import base64
import re
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAI
from PIL import Image

from notthat.agent.interpreters import Interpretation
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine

from ...conftest import GatedEngine

Serve = Callable[..., Any]
Connect = Callable[..., OpenAI]


@pytest.fixture
def connect(connect_openai: Connect) -> Connect:
    return connect_openai


@pytest.fixture
def client(server: Any, connect: Connect) -> OpenAI:
    return connect(server)


def picture(content: str | None) -> Image.Image:
    """A picture that came as base64."""
    assert content is not None
    return Image.open(BytesIO(base64.b64decode(content)))


def user(words: str) -> dict[str, Any]:
    return {"role": "user", "content": words}


def assistant(words: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": words}


# Pictures


def test_a_program_that_knows_openai_needs_another_address_and_no_more(server: Any, client: OpenAI) -> None:
    answer = client.images.generate(
        model="gpt-image-1", prompt="a harbour without boats", size="64x32", quality="high", user="somebody"
    )
    (data,) = answer.data or []
    assert picture(data.b64_json).size == (64, 32)
    assert (data.revised_prompt, data.url) == ("a harbour", None)
    assert (answer.background, answer.output_format, answer.size) == ("opaque", "png", "64x32")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0
    type(answer).model_validate(answer.model_dump(), strict=True)  # the client looks at nothing
    turn = server.studio.store.turn((data.model_extra or {})["session"], 0)
    assert turn.negative == "boats"
    assert turn.request["model"] == "stub"


@pytest.mark.parametrize("model", ["gpt-image-1", "gpt-image-2.5-flare", "chatgpt-image-latest", "stub", None])
def test_pictures_come_as_base64_alone_where_nothing_else_is_asked_for(client: OpenAI, model: str | None) -> None:
    (data,) = client.images.generate(prompt="a pier", model=model).data or []
    assert data.url is None
    assert picture(data.b64_json).format == "PNG"


@pytest.mark.parametrize("model", ["dall-e-2", "dall-e-3"])
def test_who_names_dall_e_gets_addresses_as_from_openai(client: OpenAI, model: str) -> None:
    answer = client.images.generate(prompt="a pier", model=model, output_format="webp")
    (data,) = answer.data or []
    assert (data.b64_json, answer.output_format) == (None, "png")
    fetched = httpx.get(data.url or "")
    assert Image.open(BytesIO(fetched.content)).format == "PNG"
    (whole,) = client.images.generate(prompt="a pier", model=model, response_format="b64_json").data or []
    assert (whole.url, picture(whole.b64_json).format) == (None, "PNG")


def test_pictures_come_as_they_are_asked_for(client: OpenAI) -> None:
    (by_url,) = client.images.generate(prompt="a pier", model="gpt-image-1", response_format="url").data or []
    assert (by_url.b64_json, by_url.url is None) == (None, False)
    (whole,) = client.images.generate(prompt="a pier", response_format="b64_json", output_format="webp").data or []
    assert whole.url is None
    assert picture(whole.b64_json).format == "WEBP"


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({"quality": "auto", "background": "opaque", "output_compression": 50}, []),
        ({"background": "transparent"}, ["background: ignored, pictures are always opaque"]),
        ({"quality": "high"}, ["quality: ignored, change `steps` instead"]),
        ({"style": "vivid"}, ["style: ignored, describe it in the prompt"]),
        ({"output_format": "jpeg", "output_compression": 50}, ["output_compression: ignored, it is always 95"]),
    ],
)
def test_what_is_not_honoured_is_told(client: OpenAI, more: dict[str, Any], lines: list[str]) -> None:
    answer = client.images.generate(prompt="a pier", **more)
    assert (answer.model_extra or {})["warnings"] == lines
    (completed,) = client.images.generate(prompt="a pier", stream=True, **more)
    assert completed.model_extra["warnings"] == lines


def test_some_pictures_are_from_seeds_that_follow_each_other(server: Any, client: OpenAI) -> None:
    answer = client.images.generate(
        prompt="a pier", n=3, extra_body={"seed": 7, "negative_prompt": "fog, (rain:1.3)", "steps": 2}
    )
    sessions = [(data.model_extra or {})["session"] for data in answer.data or []]
    turns = [server.studio.store.turn(session, 0) for session in sessions]
    assert [turn.seed for turn in turns] == [7, 8, 9]
    assert {turn.negative for turn in turns} == {"fog, (rain:1.3)"}
    assert {turn.request["num_inference_steps"] for turn in turns} == {2}
    assert len({turn.sha256 for turn in turns}) == 3
    assert (answer.model_extra or {})["session"] == sessions[0]


def test_a_session_goes_on_with_what_is_said(server: Any, client: OpenAI) -> None:
    session = server.begin("a pier without fog")["session"]
    answer = client.images.generate(prompt="no gulls either", n=2, extra_body={"session": session})
    turns = [(data.model_extra or {})["turn"] for data in answer.data or []]
    assert turns == [1, 2]
    kept = server.studio.store.turns(session)
    assert [(turn.parent, turn.negative) for turn in kept] == [(None, "fog"), (0, "fog, gulls"), (1, "fog, gulls")]
    assert kept[1].seed != kept[2].seed
    with pytest.raises(openai.BadRequestError, match="a session keeps its options") as refused:
        client.images.generate(prompt="no gulls", size="32x32", extra_body={"session": session})
    assert refused.value.param == "size"


@pytest.mark.parametrize(("most", "kind"), [(None, "png"), (0, "jpeg"), (1, "png"), (2, "webp"), (3, "jpeg")])
def test_a_picture_is_streamed_with_small_ones_before_it(
    serve: Serve, connect: Connect, most: int | None, kind: Any
) -> None:
    engine = GatedEngine()
    client = connect(serve(engine))
    engine.let_go(3)  # of four steps
    stream = client.images.generate(
        prompt="a harbour without boats", size="64x32", stream=True, partial_images=most, output_format=kind
    )
    partials = [next(stream) for _ in range(most or 0)]
    engine.gate.set()
    completed, *more = stream
    for event in (*partials, completed):
        type(event).model_validate(event.model_dump(), strict=True)  # the client looks at nothing
        shown = picture(event.b64_json)
        assert (shown.format, f"{shown.width}x{shown.height}") == (kind.upper(), event.size)
        assert event.output_format == kind
    assert [(event.type, event.size) for event in partials] == [("image_generation.partial_image", "4x4")] * len(
        partials
    )
    assert [event.partial_image_index for event in partials] == list(range(most or 0))
    assert (completed.type, completed.size, more) == ("image_generation.completed", "64x32", [])
    assert completed.usage.total_tokens == 0
    told = completed.model_extra
    assert (told["revised_prompt"], told["negative_prompt"], told["turn"]) == ("a harbour", "boats", 0)
    session = client.images.generate(prompt="no fog", stream=True, extra_body={"session": told["session"]})
    assert [event.model_extra["negative_prompt"] for event in session] == ["boats, fog"]


def test_an_error_while_a_picture_is_streamed_ends_the_stream(serve: Serve, connect: Connect) -> None:
    class Failing(StubEngine):
        def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
            yield next(iter(super().run(request)))
            raise GenerationError("the device went away")

    with pytest.raises(openai.APIError, match="the device went away"):
        list(connect(serve(Failing())).images.generate(prompt="a pier", stream=True, partial_images=3))


def test_who_goes_away_while_a_picture_is_streamed_gives_it_up(serve: Serve, connect: Connect) -> None:
    engine = GatedEngine()
    running = serve(engine)
    engine.let_go()
    stream = connect(running).images.generate(prompt="a pier", stream=True, partial_images=3)
    next(stream)
    stream.close()
    running.wait_until(lambda: all(run.cancel_reason for run in running.service.jobs.list_unfinished()))
    engine.gate.set()
    running.wait_until(lambda: not running.service.jobs.list_unfinished())
    assert [each.status for each in running.studio.store.attempts.all()] == ["cancelled"]


def test_errors_are_theirs(serve: Serve, connect: Connect) -> None:
    client = connect(serve(size=64))
    for more, kind, code, param in [
        ({"model": "sdxl"}, openai.NotFoundError, "model_not_found", None),
        ({"size": "4000x3000"}, openai.PermissionDeniedError, "beyond_limit", None),
        ({"size": "33x32"}, openai.BadRequestError, "refused", None),
        ({"n": 11}, openai.BadRequestError, "invalid", "n"),
        ({"stream": True, "n": 2}, openai.BadRequestError, "refused", "n"),
        ({"stream": True, "partial_images": 4}, openai.BadRequestError, "invalid", "partial_images"),
        ({"stream": True, "model": "sdxl"}, openai.NotFoundError, "model_not_found", None),
        ({"stream": True, "size": "33x32"}, openai.BadRequestError, "refused", None),
        ({"extra_body": {"session": "0" * 16}}, openai.NotFoundError, "unknown_session", None),
        ({"extra_body": {"policies": ["none"]}}, openai.BadRequestError, "refused", None),
    ]:
        with pytest.raises(kind) as refused:
            list(client.images.generate(**{"prompt": "a pier", **more}))
        assert (refused.value.code, refused.value.param) == (code, param)
        assert refused.value.body["message"] in str(refused.value)
    with pytest.raises(openai.BadRequestError, match="only says what is not wanted"):
        client.images.generate(prompt="no fog")


def test_what_goes_wrong_inside_is_logged_and_not_told(serve: Serve, connect: Connect) -> None:
    class Broken(StubEngine):
        def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
            raise RuntimeError("/secret/place")

    running = serve(Broken())
    with pytest.raises(openai.InternalServerError) as failed:
        connect(running).images.generate(prompt="a pier")
    assert failed.value.type == "server_error"
    assert "/secret" not in str(failed.value)
    assert "/secret/place" in running.log.getvalue()


# Keys, limits, the queue


def test_keys_and_their_limits_apply(serve: Serve, connect: Connect) -> None:
    running = serve()
    keys = running.studio.store.keys
    _, token = keys.add("shop", policies=("quality",))
    with pytest.raises(openai.AuthenticationError, match="unknown or revoked"):
        connect(running).images.generate(prompt="a pier")
    with pytest.raises(openai.AuthenticationError):
        connect(running, "nt_wrong").models.list()
    (data,) = connect(running, token).images.generate(prompt="a pier").data or []
    session = (data.model_extra or {})["session"]
    assert running.studio.store.session(session).policies == ("quality",)
    _, other = keys.add("other")
    with pytest.raises(openai.NotFoundError, match="no session"):
        connect(running, other).images.generate(prompt="no fog", extra_body={"session": session})
    with pytest.raises(openai.NotFoundError, match="no session"):
        connect(running, other).chat.completions.create(
            model="stub", messages=[user("no fog")], extra_body={"session": session}
        )


def test_every_picture_counts_as_a_request(serve: Serve, connect: Connect) -> None:
    from notthat.storage import KeyLimits

    running = serve()
    _, token = running.studio.store.keys.add("shop", limits=KeyLimits(requests_per_minute=3, steps=5))
    client = connect(running, token)
    with pytest.raises(openai.RateLimitError) as refused:
        client.images.generate(prompt="a pier", n=4)
    assert refused.value.code == "rate_limit_exceeded"
    assert int(refused.value.response.headers["Retry-After"]) > 0
    running.wait_until(lambda: not running.service.jobs.list_unfinished())
    _, token = running.studio.store.keys.add("careful", limits=KeyLimits(steps=5))
    with pytest.raises(openai.PermissionDeniedError, match="over the limit of 5"):
        connect(running, token).images.generate(prompt="a pier", extra_body={"steps": 6})


def test_a_full_queue_refuses_all_pictures_of_a_request(serve: Serve, connect: Connect, gated: Any) -> None:
    running = serve(gated, queue=2)
    client = connect(running)
    first = threading.Thread(target=lambda: client.images.generate(prompt="a pier"))
    first.start()
    running.wait_until(lambda: any(run.is_drawing for run in running.service.jobs.list_unfinished()))
    with pytest.raises(openai.RateLimitError) as refused:
        client.images.generate(prompt="a harbour", n=3)
    assert refused.value.code == "queue_full"
    running.wait_until(lambda: len(running.service.jobs.list_unfinished()) == 1)
    gated.gate.set()
    first.join()


@pytest.fixture
def gated() -> Any:
    """A stub that waits before every step until its `gate` is set."""

    class Gated(StubEngine):
        def __init__(self) -> None:
            super().__init__()
            self.gate = threading.Event()

        def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
            for progress in super().run(request):
                if not self.gate.wait(60):
                    raise GenerationError("nobody opened the gate")
                yield progress

    return Gated()


# Models


def test_the_models_are_the_servers(serve: Serve, connect: Connect) -> None:
    client = connect(serve(models=("stub", "/models/sdxl")))
    assert [model.id for model in client.models.list()] == ["stub", "/models/sdxl"]
    assert client.models.retrieve("stub").owned_by == "notthat"
    assert client.models.retrieve("/models/sdxl").id == "/models/sdxl"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-image-1")


# Chats


def test_every_message_of_a_chat_is_feedback_on_the_last_answer(server: Any, client: OpenAI) -> None:
    messages: list[Any] = [{"role": "system", "content": "You are helpful."}, user("a harbour without boats")]
    for words in ("no fog", "undo", "no gulls"):
        answer = client.chat.completions.create(model="stub", messages=messages)
        messages += [assistant(answer.choices[0].message.content), user(words)]
    answer = client.chat.completions.create(model="stub", messages=messages)
    turn = (answer.model_extra or {})["notthat"]
    assert (turn["turn"], turn["parent"], turn["negative"]) == (2, 0, "boats, gulls")
    assert answer.choices[0].finish_reason == "stop"
    content = answer.choices[0].message.content or ""
    assert content == f'Excluded “gulls”.\n\n![turn 2]({turn["image"]} "notthat {turn["session"]}/2")'
    assert len(server.studio.store.sessions()) == 1


def test_an_earlier_message_said_otherwise_is_a_branch(server: Any, client: OpenAI) -> None:
    messages: list[Any] = [user("a harbour")]
    answer = client.chat.completions.create(model="stub", messages=messages)
    messages += [assistant(answer.choices[0].message.content)]
    client.chat.completions.create(model="stub", messages=[*messages, user("no fog")])
    edited = client.chat.completions.create(model="stub", messages=[*messages, user("no boats")])
    turn = (edited.model_extra or {})["notthat"]
    assert (turn["turn"], turn["parent"], turn["negative"]) == (2, 0, "boats")


def test_two_chats_that_say_the_same_are_two_sessions(server: Any, client: OpenAI) -> None:
    for _ in range(2):
        client.chat.completions.create(model="gpt-5.4-mini", messages=[user("a harbour")])
    assert len(server.studio.store.sessions()) == 2


def test_a_chat_streams_its_reply_before_the_picture_is_drawn(serve: Serve, connect: Connect, gated: Any) -> None:
    client = connect(serve(gated))
    gated.gate.set()
    first = client.chat.completions.create(model="stub", messages=[user("a harbour")], seed=4)
    gated.gate.clear()
    history: list[Any] = [user("a harbour"), assistant(first.choices[0].message.content), user("no fog")]
    said, turns, usages = "", [], []
    stream = client.chat.completions.create(
        model="stub", messages=history, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        usages += [chunk.usage] if chunk.usage else []
        turns += [chunk.model_extra["notthat"]] if (chunk.model_extra or {}).get("notthat") else []
        for choice in chunk.choices:
            said += choice.delta.content or ""
            if said == "Excluded “fog”.":
                gated.gate.set()
    (turn,) = turns
    assert (turn["turn"], turn["seed"], turn["negative"]) == (1, 4, "fog")
    assert said == f'Excluded “fog”.\n\n![turn 1]({turn["image"]} "notthat {turn["session"]}/1")'
    assert usages[0].total_tokens == 0


def test_a_chat_may_have_the_picture_itself(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="stub", messages=[user("a harbour")], extra_body={"picture": "data", "negative_prompt": "fog", "steps": 2}
    )
    content = answer.choices[0].message.content or ""
    url = content.split("](")[1].split(" ")[0]
    assert picture(url.removeprefix("data:image/png;base64,")).size == (32, 32)
    more = client.chat.completions.create(
        model="stub", messages=[user("a harbour"), assistant(content), user("no boats")]
    )
    assert (more.model_extra or {})["notthat"]["negative"] == "fog, boats"


def test_what_changes_nothing_is_answered_with_the_picture_that_is_shown(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="stub", messages=[user("a harbour")])
    history: list[Any] = [user("a harbour"), assistant(answer.choices[0].message.content), user("I love it, thanks")]
    stream = client.chat.completions.create(model="stub", messages=history, stream=True)
    said = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert "Nothing to change" in said
    assert "![turn 0](" in said


@pytest.mark.parametrize("stream", [False, True])
def test_words_that_were_not_understood_are_quoted_without_active_markdown(client: OpenAI, stream: bool) -> None:
    answer = client.chat.completions.create(model="stub", messages=[user("a harbour")])
    words = 'flurb the ![x](http://evil.example/a.png) <img src="y"> gronk'
    history: list[Any] = [user("a harbour"), assistant(answer.choices[0].message.content), user(words)]
    if stream:
        chunks = client.chat.completions.create(model="stub", messages=history, stream=True)
        said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    else:
        said = client.chat.completions.create(model="stub", messages=history).choices[0].message.content or ""
    reply, picture = said.split("\n\n", 1)
    assert reply.startswith("I did not understand")
    assert re.search(r"(?<!\\)[\[\]<>]|http://", reply) is None
    assert picture.startswith("![turn 0](")


def test_somebody_who_asks_for_a_person_is_told_where_one_can_go_on(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="stub", messages=[user("a harbour")])
    history: list[Any] = [user("a harbour"), assistant(answer.choices[0].message.content)]
    answer = client.chat.completions.create(model="stub", messages=[*history, user("let me talk to a human")])
    turn = (answer.model_extra or {})["notthat"]
    assert turn["handoff"] is True
    assert turn["links"]["replay"] in (answer.choices[0].message.content or "")


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_chat_refuses_has_a_status_of_its_own(client: OpenAI, stream: bool) -> None:
    for messages, line in [
        ([user("no fog")], "only says what is not wanted"),
        ([assistant("Hello.")], "add a user message"),
        ([{"role": "system", "content": "You are helpful."}], "add a user message"),
        ([user("a harbour"), assistant(f'![turn 0](x "notthat {"0" * 16}/0")'), user("no fog")], "no session"),
        ([user(" ")], "the prompt is empty"),
    ]:
        with pytest.raises((openai.BadRequestError, openai.NotFoundError), match=line):
            client.chat.completions.create(model="stub", messages=messages, stream=stream)


def test_an_error_while_it_streams_ends_the_stream(serve: Serve, connect: Connect) -> None:
    class Failing(StubEngine):
        def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
            yield next(iter(super().run(request)))
            raise GenerationError("the device went away")

    stream = connect(serve(Failing())).chat.completions.create(model="stub", messages=[user("a harbour")], stream=True)
    with pytest.raises(openai.APIError, match="the device went away"):
        list(stream)


def test_who_goes_away_in_mid_stream_gives_the_turn_up(serve: Serve, connect: Connect, gated: Any) -> None:
    running = serve(gated)
    stream = connect(running).chat.completions.create(model="stub", messages=[user("a harbour")], stream=True)
    next(iter(stream))
    stream.close()
    running.wait_until(lambda: all(run.cancel_reason for run in running.service.jobs.list_unfinished()))
    gated.gate.set()
    running.wait_until(lambda: not running.service.jobs.list_unfinished())
    assert [each.status for each in running.studio.store.attempts.all()] == ["cancelled"]


def test_a_history_with_its_pictures_may_be_large_and_not_endless(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="stub", messages=[user("a harbour")])
    large = (answer.choices[0].message.content or "") + "x" * 3_000_000
    client.chat.completions.create(model="stub", messages=[user("a harbour"), assistant(large), user("no fog")])
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model="stub", messages=[user("x" * (33 << 20))])
    assert refused.value.status_code == 413


def test_a_request_that_is_sent_twice_makes_one_turn(server: Any, client: OpenAI) -> None:
    for _ in range(2):
        client.chat.completions.create(
            model="stub", messages=[user("a harbour")], extra_headers={"Idempotency-Key": "one"}
        )
    assert len(server.studio.store.sessions()) == 1


def test_words_are_read_as_the_interpreter_reads_them(serve: Serve, connect: Connect) -> None:
    class Shouting:
        name = "shouting"

        def interpret(self, feedback: str, state: Any, picture: Any = None) -> Interpretation:
            return Interpretation(reply=feedback.upper())

    answer = connect(serve(None, Shouting())).chat.completions.create(
        model="stub", messages=[{"role": "user", "content": [{"type": "text", "text": "a quiet harbour"}]}]
    )
    assert (answer.choices[0].message.content or "").startswith("The prompt is now “a quiet harbour”.")


def test_langchains_chat_model_talks_to_a_picture_too(server: Any) -> None:
    model = ChatOpenAI(model="stub", base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    messages: list[BaseMessage] = [HumanMessage("a harbour without boats")]
    messages += [model.invoke(messages), HumanMessage("no fog")]
    streamed = "".join(str(chunk.content) for chunk in model.stream(messages))
    assert streamed.startswith("Excluded “fog”.\n\n![turn 1](")
    (session,) = server.studio.store.sessions()
    assert server.studio.store.turn(session.id).negative == "boats, fog"
