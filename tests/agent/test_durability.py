"""A turn that fails or is stopped loses no words: it is kept with the reason, and drawn when asked again."""

import json
import os
from collections.abc import Callable, Generator
from dataclasses import replace
from threading import Barrier, Thread

import pytest

from notthat.agent import Conversation, Studio
from notthat.agent.commands import SayCommand
from notthat.agent.conversation import AfterRefusal, prepare_recorded
from notthat.agent.feedback import Feedback
from notthat.agent.replay.regenerate import regenerate
from notthat.agent.turn_png import turn_png_text
from notthat.errors import InvalidInputError
from notthat.generation import GenerationError, GenerationRequest, Progress, StubEngine
from notthat.generation.picture_text import read_picture_text
from notthat.storage import Attempt, StorageError, check, prune, repair

OpenStudio = Callable[..., Studio]


class Moody(StubEngine):
    """Fails while it is `broken`."""

    broken = True

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        if self.broken:
            raise GenerationError("the device went away")
        yield from super().run(request)


def test_a_first_picture_that_failed_is_drawn_when_asked_again(open_studio: OpenStudio) -> None:
    engine = Moody()
    studio = open_studio(engine)
    with pytest.raises(GenerationError):
        Conversation.start("a harbour without boats", studio, seed=4, policies=["quality"])
    (attempt,) = studio.store.attempts.all()
    assert (attempt.status, attempt.reason, attempt.turn.feedback) == (
        "failed",
        "the device went away",
        "a harbour without boats",
    )

    engine.broken = False
    turn = Conversation.retry(attempt.session, studio).head
    assert (turn.number, turn.seed, turn.negative) == (0, 4, attempt.turn.negative)
    assert studio.store.session(turn.session).policies == ("quality",)
    assert studio.store.attempts.all() == []


def test_a_turn_that_was_stopped_is_drawn_when_asked_again(studio: Studio) -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    conversation = Conversation.start("a harbour", studio, seed=4)
    with pytest.raises(KeyboardInterrupt):
        conversation.say("no fog", stop)
    assert [(each.status, each.turn.feedback) for each in studio.store.attempts.all()] == [("cancelled", "no fog")]
    turn = Conversation.retry(conversation.id, studio, turn=1).head
    assert (turn.number, turn.parent, turn.negative) == (1, 0, "fog")


def test_two_at_once_are_two_children_and_both_are_told(open_studio: OpenStudio) -> None:
    both = Barrier(2)

    def meet(progress: Progress) -> None:
        if progress.step == 1:
            both.wait(60)

    session = Conversation.start("a harbour", open_studio(), seed=4).id
    told: dict[int, str] = {}

    def say(words: str) -> None:
        turn = Conversation.open(session, open_studio()).say(words, meet)
        told[turn.number] = turn.reply

    threads = [Thread(target=say, args=(words,)) for words in ("no fog", "no boats")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    store = open_studio().store
    assert [(turn.number, turn.parent) for turn in store.turns(session)] == [(0, None), (1, 0), (2, 0)]
    last = max(store.turns(session)[1:], key=lambda turn: turn.created_at)
    assert store.session(session).head == last.number
    first = 3 - last.number
    assert f"Meanwhile turn {first} was made" in told[last.number]
    assert f"Turn {last.number} is still being drawn" in told[first] or f"Meanwhile turn {last.number}" in told[first]


def test_every_turn_tells_what_it_was_made_with(studio: Studio) -> None:
    conversation = Conversation.start("a surgeon", studio, policies=["medical-illustration"])
    made_with = conversation.head.provenance
    assert made_with is not None
    assert 'title = "' in made_with["policies"]["medical-illustration"]
    assert made_with["interpreter"] == {"name": "offline", "raw": None}
    assert {"torch", "diffusers", "pillow"} <= set(made_with["libraries"])
    drawn = conversation.seed(77).provenance
    assert drawn is not None
    assert drawn["interpreter"] is None


def test_a_picture_that_is_gone_is_repaired_pixel_by_pixel(studio: Studio, open_studio: OpenStudio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=4)
    turn = conversation.say("no fog")
    turn.image.unlink()
    conversation.turns()[0].image.write_bytes(b"nothing")
    lines = repair(studio.store, check(studio.store), lambda each: regenerate(studio, each), turn_png_text)
    assert len(lines) == 2
    assert all("as it was" in line for line in lines)
    assert check(studio.store) == []

    turn.image.unlink()
    other = open_studio(StubEngine("another"))
    (line,) = repair(other.store, check(other.store), lambda each: regenerate(other, each).transpose(0), turn_png_text)
    assert "differently on this machine" in line
    assert [finding.kind for finding in check(studio.store)] == ["missing picture"]


class Wordless(StubEngine):
    """Draws what the seed says, whatever the words."""

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        return super().run(request.model_copy(update={"prompt": "x", "negative_prompt": "", "shown": ()}))


def test_turns_of_other_words_share_no_file_after_a_repair(open_studio: OpenStudio) -> None:
    """As an earlier notthat kept them, the first one's words in the file of both."""
    studio = open_studio(Wordless())
    conversation = Conversation.start("a harbour", studio, seed=4)
    conversation.say("no fog")
    first, second = conversation.turns()
    told = [read_picture_text(each.image) for each in (first, second)]
    shared = first.image.rename(first.image.with_name(f"{first.sha256}.png"))
    os.utime(shared, (1e9, 1e9))  # a fresh one may be a picture that a session is about to start from
    second.image.unlink()
    assert [turn.image for turn in conversation.turns()] == [shared, shared]

    found = check(studio.store)
    assert [(each.kind, each.place, each.is_harmless) for each in found] == [("shared picture", str(shared), False)] * 2
    lines = repair(studio.store, found, lambda each: regenerate(studio, each), turn_png_text)
    assert [line.partition(" of session")[0] for line in lines] == ["the picture of turn 0", "the picture of turn 1"]
    assert [read_picture_text(turn.image) for turn in conversation.turns()] == told
    assert [each.kind for each in check(studio.store)] == ["unused picture"]
    assert prune(studio.store).pictures == (shared,)
    assert check(studio.store) == []


def test_the_text_of_a_turn_says_which_notthat_drew_it(studio: Studio) -> None:
    turn = Conversation.start("a harbour", studio, seed=4).head
    assert turn_png_text(turn) == read_picture_text(turn.image)
    assert turn.provenance is not None
    earlier = replace(turn, provenance={**turn.provenance, "notthat": "0.0.1"})
    assert turn_png_text(earlier)["parameters"].endswith("Version: notthat 0.0.1")
    assert turn_png_text(replace(turn, provenance=None))["parameters"].endswith("Version: notthat")


def test_a_request_that_is_no_longer_understood_is_told_as_it_is_kept(studio: Studio) -> None:
    turn = Conversation.start("a harbour", studio, seed=4).head
    newer = {**turn.request, "sharpness": 2}
    assert json.loads(turn_png_text(replace(turn, request=newer))["notthat"]) == newer


def test_a_stored_turn_is_returned_even_if_the_other_turns_cannot_be_listed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = Conversation.start("a harbour", studio, seed=4)

    def fail(_: Attempt) -> None:
        raise StorageError("the database went away")

    monkeypatch.setattr(studio.store.attempts, "other_turns_since", fail)
    turn = conversation.say("no fog")
    assert (turn.number, studio.store.turn(conversation.id)) == (1, turn)
    assert studio.store.attempts.all() == []


def test_a_recorded_undo_moves_the_head_and_leaves_nothing_to_retry(studio: Studio) -> None:
    conversation = Conversation.start("a harbour", studio, seed=4)
    conversation.say("no fog")
    command = SayCommand(feedback=Feedback(("undo",)))
    recorded = studio.store.attempts.record(conversation.id, command.words, command.as_json())
    prepared = prepare_recorded(studio, recorded)
    assert not isinstance(prepared, Attempt)
    assert (prepared.number, studio.store.session(conversation.id).head) == (0, 0)
    assert studio.store.attempts.all() == []
    assert studio.store.attempts.alias(conversation.id, 2) == 0


@pytest.mark.parametrize("after_refusal", ["fail", "refuse", "drop"])
def test_a_refusal_is_told_even_if_its_record_is_gone(studio: Studio, after_refusal: AfterRefusal) -> None:
    conversation = Conversation.start("a harbour", studio, seed=4)
    command = SayCommand(feedback=Feedback(("",)))
    recorded = studio.store.attempts.record(conversation.id, command.words, command.as_json())
    studio.store.delete_session(conversation.id)
    with pytest.raises(InvalidInputError):
        prepare_recorded(studio, recorded, after_refusal=after_refusal)


def test_a_refused_turn_that_cannot_be_deleted_is_recorded_as_failed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = Conversation.start("a harbour", studio, seed=4)
    command = SayCommand(feedback=Feedback(("",)))
    recorded = studio.store.attempts.record(conversation.id, command.words, command.as_json())

    def fail(_: Attempt) -> None:
        raise StorageError("the database went away")

    monkeypatch.setattr(studio.store.attempts, "drop", fail)
    with pytest.raises(InvalidInputError, match="the feedback is empty"):
        prepare_recorded(studio, recorded, after_refusal="drop")
    assert [(each.status, each.reason) for each in studio.store.attempts.all()] == [
        ("failed", "the feedback is empty: say what is wrong with the picture")
    ]
