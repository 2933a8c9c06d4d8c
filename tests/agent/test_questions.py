"""Asking instead of guessing: a question is kept with its session, and its answer makes the turn."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from asking import AskingInterpreter

from notthat import AsyncConversation, Confirm, Conversation, Exclude, Reroll, Undo
from notthat.agent import Studio, Turn, turn_json
from notthat.agent.edits import Edit
from notthat.agent.feedback import Feedback
from notthat.agent.interpreters.base import Question
from notthat.agent.questions import NoQuestionError
from notthat.agent.replay.regenerate import replay_session
from notthat.agent.replay.reinterpret import reinterpret
from notthat.agent.session_start import SessionOptions, begin_session
from notthat.agent.turn_execution import run_turn
from notthat.errors import InvalidInputError
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine
from notthat.storage import Store

OpenStudio = Callable[..., Studio]


@pytest.fixture
def conversation(open_studio: OpenStudio) -> Conversation:
    """A session whose interpreter asks."""
    return Conversation.start("portrait of a man with a hat", open_studio(interpreter=AskingInterpreter()), seed=5)


def excluded(turn: Turn) -> list[tuple[str, int, str]]:
    return [(each.term, each.since, each.words) for each in turn.exclusions]


def asks(*edits: Edit, otherwise: tuple[Edit, ...] = (), said: str = "hm") -> AskingInterpreter:
    """An interpreter that asks whether `hm` means these edits."""
    return AskingInterpreter({said: Question(text="Really?", edits=edits, otherwise=otherwise)})


# Asking


def test_a_question_makes_no_turn_and_is_shown_with_the_current_one(conversation: Conversation) -> None:
    first = conversation.head
    turn = conversation.say("hm, that beard")
    assert turn.question is not None
    assert (turn.number, turn.sha256, turn.exclusions) == (0, first.sha256, ())
    assert (turn.feedback, turn.edits, turn.reply) == ("hm, that beard", (), "Leave out “beard”?")
    assert turn_json(turn)["question"] == {
        "text": "Leave out “beard”?",
        "edits": [{"op": "exclude", "term": "beard", "weight": 1.0}],
        "otherwise": [],
        "choose": False,
    }
    assert len(conversation.turns()) == 1
    assert conversation.studio.store.attempts.all() == []
    assert turn_json(first)["question"] is None


def test_a_question_survives_a_restart(conversation: Conversation, open_studio: OpenStudio) -> None:
    asked = conversation.say("hm, that beard")
    again = open_studio(interpreter=AskingInterpreter())
    assert again.store.turn(conversation.id).question == asked.question
    turn = Conversation.open(conversation.id, again).say("yes")
    assert excluded(turn) == [("beard", 1, "hm, that beard")]
    assert again.store.turn(conversation.id, 0).question is None


def test_nothing_is_asked_before_the_first_picture(open_studio: OpenStudio) -> None:
    prompt = "a man, maybe without the beard"
    studio = open_studio(interpreter=asks(Exclude(term="beard"), said=prompt))
    turn = Conversation.start(prompt, studio).head
    assert (turn.prompt, turn.exclusions, turn.question) == (prompt, (), None)


def test_the_lines_of_a_new_session_answer_each_other(open_studio: OpenStudio) -> None:
    studio = open_studio(interpreter=AskingInterpreter())
    options = SessionOptions("a man", feedback=("hm, that beard", "yes", "no fog, and hm, that beard"), seed=5)
    turn = run_turn(studio, begin_session(options, studio))
    assert excluded(turn) == [("beard", 0, "hm, that beard"), ("fog", 0, "no fog, and hm, that beard")]
    assert turn.question is None


# Answers


@pytest.mark.parametrize("answer", ["yes", "y", "yeah please", "Leave it out."])
def test_yes_makes_the_edits_with_the_words_that_were_in_doubt(conversation: Conversation, answer: str) -> None:
    conversation.say("hm, that beard")
    turn = conversation.say(answer)
    assert excluded(turn) == [("beard", 1, "hm, that beard")]
    assert (turn.feedback, turn.reply) == (f"hm, that beard / {answer}", "Excluded “beard”.")
    assert turn.edits == ({"op": "exclude", "term": "beard", "weight": 1.0},)
    assert turn.provenance is not None
    assert turn.provenance["lines"] == ["hm, that beard", answer]
    assert turn.question is None
    assert conversation.studio.store.turn(conversation.id) == turn


def test_confirming_is_answering_yes(conversation: Conversation) -> None:
    conversation.say("hm, that beard")
    turn = conversation.confirm()
    assert excluded(turn) == [("beard", 1, "hm, that beard")]
    assert turn.feedback == "hm, that beard / yes"


@pytest.mark.parametrize("answer", ["no", "n", "nope"])
def test_no_changes_nothing_and_closes_the_question(conversation: Conversation, answer: str) -> None:
    conversation.say("hm, that beard")
    turn = conversation.say(answer)
    assert (turn.number, turn.question, turn.reply) == (0, None, "Nothing to change.")
    assert conversation.studio.store.turn(conversation.id).question is None
    assert len(conversation.turns()) == 1


def test_what_was_not_in_doubt_is_made_whatever_the_answer(conversation: Conversation) -> None:
    conversation.say("no fog, and hm, that beard")
    assert [term for term, *_ in excluded(conversation.confirm(False))] == ["fog"]
    conversation.undo()
    conversation.say("no fog, and hm, that beard")
    turn = conversation.confirm(True)
    assert [term for term, *_ in excluded(turn)] == ["fog", "beard"]


def test_feedback_after_a_yes_is_heard_too(conversation: Conversation) -> None:
    conversation.say("hm, that beard")
    turn = conversation.say("yes, and no scarf")
    assert excluded(turn) == [("beard", 1, "hm, that beard"), ("scarf", 1, "yes, and no scarf")]
    assert turn.reply == "Excluded “beard”. Excluded “scarf”."


def test_a_yes_that_repeats_the_question_excludes_no_harder(conversation: Conversation) -> None:
    conversation.say("hm, that beard")
    turn = conversation.say("yes, leave out the beard")
    assert [(each.term, each.weight) for each in turn.exclusions] == [("beard", 1.0)]


@pytest.mark.parametrize("answer", ["no, the hat", "no the hat", "no, I mean the hat", "no hat"])
def test_no_may_name_another_thing(conversation: Conversation, answer: str) -> None:
    conversation.say("hm, that beard")
    turn = conversation.say(answer)
    assert excluded(turn) == [("hat", 1, answer)]


def test_a_choice_is_made_by_name(conversation: Conversation) -> None:
    assert conversation.say("that thing on him").reply == "Leave out “hat” or “scarf”?"
    turn = conversation.say("the scarf")
    assert excluded(turn) == [("scarf", 1, "that thing on him")]


def test_a_choice_is_made_by_number(conversation: Conversation) -> None:
    conversation.say("that thing on him")
    turn = conversation.confirm(choice=0)
    assert excluded(turn) == [("hat", 1, "that thing on him")]
    assert turn.feedback == "that thing on him / hat"


def test_a_bare_yes_to_a_choice_is_asked_again(conversation: Conversation) -> None:
    asked = conversation.say("that thing on him")
    again = conversation.say("yes")
    assert (again.question, again.reply) == (asked.question, asked.reply)
    with pytest.raises(InvalidInputError, match="say which one is meant"):
        conversation.confirm()
    assert excluded(conversation.say("the second")) == [("scarf", 1, "that thing on him")]


def test_an_answer_and_other_edits_make_one_turn(conversation: Conversation) -> None:
    conversation.say("hm, that beard")
    turn = conversation.edit([Confirm(yes=True), Exclude(term="fog")])
    assert excluded(turn) == [("beard", 1, "hm, that beard"), ("fog", 1, "Excluded “fog”.")]


def test_edits_can_undo_when_they_are_confirmed(open_studio: OpenStudio) -> None:
    studio = open_studio(interpreter=asks(Undo(), Exclude(term="scarf")))
    conversation = Conversation.start("a man", studio, seed=5)
    conversation.say("no fog")
    conversation.say("hm")
    turn = conversation.say("yes")
    assert (turn.number, turn.parent) == (2, 0)
    assert excluded(turn) == [("scarf", 2, "hm")]


@pytest.mark.parametrize("yes", [True, False])
def test_an_answer_without_a_question_is_refused_and_changes_nothing(conversation: Conversation, yes: bool) -> None:
    with pytest.raises(NoQuestionError, match="no question is open"):
        conversation.confirm(yes)
    conversation.say("hm, that beard")
    conversation.confirm()
    before = conversation.turns()
    with pytest.raises(NoQuestionError):
        conversation.confirm(yes)
    assert conversation.turns() == before
    assert conversation.studio.store.attempts.all() == []


def test_two_answers_in_one_request_are_refused(conversation: Conversation) -> None:
    conversation.say("hm, that beard")
    with pytest.raises(InvalidInputError, match="a question has one answer"):
        conversation.edit([Confirm(yes=True), Confirm(yes=False)])
    assert conversation.head.question is not None


# Feedback that answers nothing


def test_other_feedback_closes_the_question_and_keeps_what_was_certain(conversation: Conversation) -> None:
    conversation.say("no fog, and hm, that beard")
    turn = conversation.say("no scarf")
    assert excluded(turn) == [("fog", 1, "no fog, and hm, that beard"), ("scarf", 1, "no scarf")]
    assert turn.reply == "Excluded “fog”. Excluded “scarf”."
    with pytest.raises(NoQuestionError):
        conversation.confirm()


def test_praise_after_a_question_makes_what_was_certain(conversation: Conversation) -> None:
    conversation.say("no fog, and hm, that beard")
    turn = conversation.say("lovely")
    assert [term for term, *_ in excluded(turn)] == ["fog"]


def test_buttons_and_seeds_make_what_was_certain(conversation: Conversation) -> None:
    conversation.say("no fog, and hm, that beard")
    turn = conversation.edit([Exclude(term="scarf")])
    assert [term for term, *_ in excluded(turn)] == ["fog", "scarf"]
    conversation.undo()
    conversation.say("no fog, and hm, that beard")
    turn = conversation.seed(9)
    assert ([term for term, *_ in excluded(turn)], turn.seed) == (["fog"], 9)
    conversation.undo()
    conversation.say("no fog, and hm, that beard")
    turn = conversation.edit([Reroll()])
    assert ([term for term, *_ in excluded(turn)], turn.seed == 5) == (["fog"], False)


def test_a_second_question_keeps_what_the_first_one_left_certain(conversation: Conversation) -> None:
    conversation.say("no fog, and hm, that beard")
    asked = conversation.say("that thing on him")
    assert asked.question is not None
    assert [edit["term"] for edit in asked.question.otherwise] == ["fog"]
    turn = conversation.say("the hat")
    assert excluded(turn) == [("fog", 1, "no fog, and hm, that beard"), ("hat", 1, "that thing on him")]
    assert turn.feedback == "no fog, and hm, that beard / that thing on him / the hat"


def test_the_same_feedback_again_is_asked_again(conversation: Conversation) -> None:
    asked = conversation.say("no fog, and hm, that beard")
    again = conversation.say("no fog, and hm, that beard")
    assert again.question == asked.question
    assert [term for term, *_ in excluded(conversation.say("yes"))] == ["fog", "beard"]


@pytest.mark.parametrize("undo", ["undo", "command", "edit"])
def test_undo_goes_back_from_the_picture_and_drops_the_question(conversation: Conversation, undo: str) -> None:
    conversation.say("no gulls")
    conversation.say("no fog, and hm, that beard")
    if undo == "undo":
        turn = conversation.say("undo")
    else:
        turn = conversation.undo() if undo == "command" else conversation.edit([Undo()])
    assert (turn.number, turn.question) == (0, None)
    assert len(conversation.turns()) == 2
    conversation.branch(1)
    assert conversation.head.question is None


def test_several_lines_may_ask_and_answer(conversation: Conversation) -> None:
    turn = conversation.say(Feedback(("no gulls", "hm, that beard", "yes", "no scarf")))
    assert excluded(turn) == [
        ("gulls", 1, "no gulls"),
        ("beard", 1, "hm, that beard"),
        ("scarf", 1, "no scarf"),
    ]


def test_what_earlier_lines_asked_for_waits_for_the_answer(conversation: Conversation) -> None:
    conversation.say("no gulls")
    asked = conversation.say(Feedback(("undo", "no scarf", "hm, that beard"), seed=9, negative="fog"))
    assert asked.question is not None
    assert [edit["term"] for edit in asked.question.otherwise] == ["scarf"]
    turn = conversation.say("yes")
    assert (turn.parent, turn.seed) == (0, 9)
    assert [term for term, *_ in excluded(turn)] == ["scarf", "beard", "fog"]


# The made turn


def test_an_answered_turn_replays_and_reads_the_same_again(conversation: Conversation) -> None:
    conversation.say("no fog, and hm, that beard")
    conversation.say("yes, and no scarf")
    assert all(result.identical for result in replay_session(conversation.studio, conversation.id))
    assert all(each.same for each in reinterpret(conversation))


class Failing(StubEngine):
    """An engine that fails for as long as it is `broken`."""

    broken = False

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        if self.broken:
            raise GenerationError("the device went away")
        yield from super().run(request)


def test_a_turn_that_fails_leaves_the_question_open(open_studio: OpenStudio) -> None:
    engine = Failing("stub")
    conversation = Conversation.start("a man", open_studio(engine, AskingInterpreter()), seed=5)
    asked = conversation.say("hm, that beard")
    engine.broken = True
    with pytest.raises(GenerationError):
        conversation.say("yes")
    assert conversation.refresh().question == asked.question
    engine.broken = False
    turn = Conversation.retry(conversation.id, conversation.studio).head
    assert excluded(turn) == [("beard", turn.number, "hm, that beard")]
    assert conversation.refresh().question is None


# Concurrency


class Waiting(StubEngine):
    """An engine that waits at the second picture until the test lets it go."""

    def __init__(self) -> None:
        super().__init__("stub")
        self.gate, self.begun = threading.Event(), threading.Event()

    def run(self, request: GenerationRequest) -> Iterator[Progress]:  # type: ignore[override]
        if request.negative_prompt:
            self.begun.set()
            assert self.gate.wait(60)
        yield from super().run(request)


def test_two_answers_at_once_make_one_turn(open_studio: OpenStudio) -> None:
    engine = Waiting()
    studio = open_studio(engine, AskingInterpreter())
    session = Conversation.start("a man", studio, seed=5).id
    Conversation.open(session, studio).say("hm, that beard")
    late = Conversation.open(session, open_studio(engine, AskingInterpreter()))
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(Conversation.open(session, studio).say, "yes")
        assert engine.begun.wait(60)
        assert studio.store.turn(session).question is None
        with pytest.raises(NoQuestionError):
            late.confirm()
        assert late.say("yes").reply == "Nothing to change."
        engine.gate.set()
        assert first.result().number == 1
    assert len(studio.store.turns(session)) == 2


def test_an_answer_to_a_question_that_was_answered_meanwhile_is_read_again(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = open_studio(interpreter=AskingInterpreter())
    conversation = Conversation.start("a man", studio, seed=5)
    conversation.say("hm, that beard")
    find, other = studio.store.questions.find, Conversation.open(conversation.id, studio)

    def find_and_be_late(session: str) -> object:
        found = find(session)
        monkeypatch.undo()
        other.say("no")
        return found

    monkeypatch.setattr(studio.store.questions, "find", find_and_be_late)
    assert conversation.say("yes").reply == "Nothing to change."
    assert len(conversation.turns()) == 1


def test_a_conversation_of_an_event_loop_asks_too(open_studio: OpenStudio) -> None:
    studio = open_studio(interpreter=AskingInterpreter())

    async def answer() -> Turn:
        conversation = await AsyncConversation.start("a man", studio, seed=5)
        assert (await conversation.say("hm, that beard")).question is not None
        return await conversation.confirm(True)

    assert excluded(asyncio.run(answer())) == [("beard", 1, "hm, that beard")]


# Storage


def test_a_question_is_deleted_with_its_session(conversation: Conversation) -> None:
    conversation.say("hm, that beard")
    store = conversation.studio.store
    store.delete_session(conversation.id)
    assert store.questions.find(conversation.id) is None


def test_a_question_changes_what_watchers_compare(conversation: Conversation) -> None:
    store: Store = conversation.studio.store
    before = store.activity([conversation.id])
    conversation.say("hm, that beard")
    asked = store.activity([conversation.id])
    conversation.say("no")
    assert asked != before
    assert store.activity([conversation.id]) == before
