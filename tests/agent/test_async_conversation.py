"""The async twin: the event loop goes on while a picture is drawn, and a cancelled task stops its drawing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from notthat.agent import AsyncConversation, Conversation, Studio, turn_json
from notthat.agent.edits import Allow
from notthat.errors import InvalidInputError
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine

OpenStudio = Callable[..., Studio]

PATIENCE = 60.0
"""Seconds for anything to happen that has to: reached only where a test fails."""


class Gated(StubEngine):
    """Once `closed`, waits before every step until somebody opens the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.drawn: list[str] = []
        self.ended_early = 0

    def close(self) -> None:
        self.gate.clear()
        self.began.clear()

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        self.drawn.append(request.negative_prompt)
        try:
            for progress in super().run(request):
                self.began.set()
                if not self.gate.wait(PATIENCE):
                    raise GenerationError("nobody opened the gate")
                yield progress
        except GeneratorExit:
            self.ended_early += 1
            raise


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE))


async def begun(engine: Gated) -> None:
    """Wait, in turns of the loop, until the engine draws."""
    await asyncio.to_thread(engine.began.wait, PATIENCE)
    assert engine.began.is_set()


def test_it_is_the_same_conversation_with_awaits(studio: Studio) -> None:
    async def test() -> None:
        conversation = await AsyncConversation.start("a harbour without boats", studio, seed=4, policies=["quality"])
        assert (conversation.head.number, conversation.head.seed) == (0, 4)
        turn = await conversation.say("no fog")
        assert turn_json(turn)["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
        assert conversation.state.negative.terms[-2:] == ("boats", "fog")
        assert (await conversation.undo()).number == 0
        assert (await conversation.branch(1)).number == 1
        assert (await conversation.seed(9)).seed == 9
        assert (await conversation.edit([Allow(term="fog")])).negative == conversation.head.negative
        assert "fog" not in conversation.state.negative
        assert [each.number for each in await conversation.turns()] == [0, 1, 2, 3]
        again = await AsyncConversation.open(conversation.id, studio, turn=1)
        assert again.head == turn
        with pytest.raises(InvalidInputError, match="the feedback is empty"):
            await again.say(" ")

    run(test())


def test_the_twin_has_all_that_the_other_has() -> None:
    """Except what draws nothing and is used by the server and the command line."""
    synchronous = {"from_turn", "prepare", "check", "interpret_again", "refresh"}
    names = {name for name in vars(Conversation) if not name.startswith("_")} - synchronous
    assert names <= set(vars(AsyncConversation))


def test_the_loop_goes_on_while_a_picture_is_drawn(open_studio: OpenStudio) -> None:
    engine = Gated()

    async def test() -> None:
        conversation = await AsyncConversation.start("a harbour", open_studio(engine), seed=4)
        engine.close()
        turn = asyncio.create_task(conversation.say("no fog"))
        await begun(engine)
        for _ in range(1000):  # a blocked loop would not come here: the drawing waits for what follows
            await asyncio.sleep(0)
        assert not turn.done()
        engine.gate.set()
        assert (await turn).number == 1

    run(test())


def test_every_step_is_told_on_the_loop_before_the_next_one(studio: Studio) -> None:
    heard: list[tuple[int, int]] = []

    async def test() -> None:
        here = threading.get_ident()

        async def hear(progress: Progress) -> None:
            await asyncio.sleep(0)
            assert threading.get_ident() == here
            heard.append((progress.step, progress.steps))

        conversation = await AsyncConversation.start("a harbour", studio, on_step=hear)
        await conversation.say("no fog", hear)

    run(test())
    assert heard == [(step, 4) for step in (1, 2, 3, 4)] * 2


def test_what_a_listener_raises_fails_the_turn(studio: Studio) -> None:
    async def test() -> None:
        async def fall(progress: Progress) -> None:
            raise RuntimeError("the listener fell")

        conversation = await AsyncConversation.start("a harbour", studio)
        with pytest.raises(RuntimeError, match="the listener fell"):
            await conversation.say("no fog", fall)

    run(test())
    assert [(each.status, each.reason) for each in studio.store.attempts.all()] == [("failed", "the listener fell")]


def test_what_is_asked_at_once_is_done_in_order(open_studio: OpenStudio) -> None:
    engine = Gated()

    async def test() -> None:
        conversation = await AsyncConversation.start("a harbour", open_studio(engine))
        said = [conversation.say(words) for words in ("no fog", "no boats", "undo", "no gulls")]
        turns = await asyncio.gather(*said)
        assert [(turn.number, turn.parent, turn.negative) for turn in turns] == [
            (1, 0, "fog"),
            (2, 1, "fog, boats"),
            (1, 0, "fog"),
            (3, 1, "fog, gulls"),
        ]

    run(test())
    assert engine.drawn == ["", "fog", "fog, boats", "fog, gulls"]


def test_a_session_that_is_opened_for_every_message_is_in_order_too(open_studio: OpenStudio) -> None:
    studio = open_studio(StubEngine(seconds_per_step=0.01))

    async def test() -> None:
        session = (await AsyncConversation.start("a harbour", studio)).id

        async def hear(words: str) -> None:
            await (await AsyncConversation.open(session, studio)).say(words)

        await asyncio.gather(*(hear(words) for words in ("no fog", "no boats", "no gulls")))
        turns = studio.store.turns(session)
        assert [(turn.number, turn.parent) for turn in turns] == [(0, None), (1, 0), (2, 1), (3, 2)]
        assert sorted(turns[-1].negative.split(", ")) == ["boats", "fog", "gulls"]
        early = await AsyncConversation.open(session, studio, turn=0)
        assert [(await early.say(words)).parent for words in ("no birds", "no waves")] == [0, 4]

    run(test())


def test_a_thread_that_holds_the_session_is_waited_for(studio: Studio) -> None:
    async def test() -> None:
        conversation = await AsyncConversation.start("a harbour", studio)
        with studio.lock(conversation.id):
            turn = asyncio.create_task(conversation.say("no fog"))
            for _ in range(100):
                await asyncio.sleep(0)
            first = await asyncio.to_thread(Conversation.open(conversation.id, studio).say, "no boats")
        assert ((await turn).parent, (await turn).negative) == (first.number, "boats, fog")

    run(test())


def test_a_cancelled_task_stops_its_drawing_at_the_next_step(open_studio: OpenStudio) -> None:
    engine = Gated()
    studio = open_studio(engine)

    async def test() -> None:
        conversation = await AsyncConversation.start("a harbour", studio, seed=4)
        engine.close()
        turn = asyncio.create_task(conversation.say("no fog"))
        await begun(engine)
        turn.cancel()
        await asyncio.sleep(0)
        turn.cancel()  # who cancels twice waits as well
        engine.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert engine.ended_early == 1
        assert conversation.head.number == 0
        (attempt,) = studio.store.attempts.all()
        assert (attempt.status, attempt.turn.feedback) == ("cancelled", "no fog")
        retried = await AsyncConversation.retry(conversation.id, studio)
        assert (retried.head.number, retried.head.negative) == (1, "fog")

    run(test())


def test_a_timeout_ends_a_drawing_whose_listener_never_returns(studio: Studio) -> None:
    async def test() -> None:
        told = asyncio.Event()

        async def never(progress: Progress) -> None:
            told.set()
            await asyncio.Event().wait()

        conversation = await AsyncConversation.start("a harbour", studio)
        turn = asyncio.create_task(conversation.say("no fog", never))
        await told.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(turn, 0)

    run(test())
    assert [each.status for each in studio.store.attempts.all()] == ["cancelled"]
