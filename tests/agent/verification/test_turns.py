"""Verified turns: verdicts, tries, what is chosen and said, and that nothing a judge does loses a turn."""

import json
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from notthat.agent import Conversation, Studio, turn_json
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.judges import Box, Judge, JudgeError, Presence, Thresholds
from notthat.agent.replay.regenerate import replay_session, replay_tries
from notthat.agent.turn_execution import TurnCancelled
from notthat.agent.verification import VerifyOptions
from notthat.agent.verification.record import Verification
from notthat.errors import InvalidInputError
from notthat.generation import GenerationRequest, Progress, StubEngine
from notthat.generation.errors import InvalidRequestError, ShortOfMemoryError
from notthat.storage import Store, check

VERIFIED = VerifyOptions(judges=("test",))
MAN = "portrait of a man, no hat"

Look = Callable[[int, str], float | None]
"""The probability that the n-th picture that is looked at, counted from 0, shows a term; None: it can't be told."""


class CountingJudge:
    """A judge that answers by the number of the picture, not by what it shows: the pictures of a stub show nothing."""

    name = "test"
    thresholds = Thresholds(gone=0.3, there=0.7)

    def __init__(self, look: Look, region: Box | None = None) -> None:
        self._look, self._region, self._pictures = look, region, list[bytes]()

    def is_present(self, picture: Image.Image, term: str) -> Presence | None:
        pixels = picture.tobytes()
        if not self._pictures or self._pictures[-1] != pixels:
            self._pictures.append(pixels)
        probability = self._look(len(self._pictures) - 1, term)
        return None if probability is None else Presence(probability, self._region)

    def unload(self) -> None:
        pass


OpenJudged = Callable[..., Studio]


@pytest.fixture
def open_judged(home: Path) -> Iterator[OpenJudged]:
    """Opens a studio whose judge "test" answers as `look` says."""
    with ExitStack() as opened:

        def open_studio(look: Look, engine: StubEngine | None = None, region: Box | None = None) -> Studio:
            def load(name: str) -> Judge:
                if name != "test":
                    raise JudgeError(f"there is no judge “{name}”")
                return CountingJudge(look, region)

            store = opened.enter_context(Store.open(home=home))
            engine = engine or StubEngine("stub")
            return Studio(store, OfflineInterpreter(), model="stub", load_engine=lambda _: engine, load_judge=load)

        yield open_studio


def verification(conversation: Conversation) -> Verification:
    found = Verification.of_turn(conversation.head)
    assert found is not None
    return found


def verdicts(conversation: Conversation) -> dict[str, str | None]:
    return {each.term: each.verdict for each in conversation.head.exclusions}


def test_without_being_asked_nothing_is_verified(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.9), seed=1)
    value = turn_json(conversation.head)

    assert "tries" not in value
    assert set(value["exclusions"][0]) == {"term", "weight", "source", "since", "words"}


def test_what_is_gone_is_said_and_drawn_once(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.1), seed=1, verification=VERIFIED)
    (exclusion,) = turn_json(conversation.head)["exclusions"]

    assert (exclusion["verdict"], exclusion["judge"], exclusion["probability"]) == ("gone", "test", 0.1)
    assert conversation.head.reply == "Excluded “hat”. The prompt is now “portrait of a man”. “hat” is gone."
    assert turn_json(conversation.head)["tries"] == 1


def test_what_is_still_there_is_tried_again_until_it_is_gone(open_judged: OpenJudged) -> None:
    studio = open_judged(lambda k, term: 0.9 if k == 0 else 0.2)
    conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)
    kept = verification(conversation)

    assert verdicts(conversation) == {"hat": "gone"}
    assert [each.how for each in kept.tries] == ["first", "weight"]
    assert kept.chosen == 1
    assert conversation.head.exclusions[0].weight == 1.5
    assert conversation.head.negative == "(hat:1.5)" == conversation.head.request["negative_prompt"]
    assert conversation.head.sha256 == kept.tries[1].sha256 != kept.tries[0].sha256


def test_the_ladder_is_weight_then_method_then_seed(open_judged: OpenJudged) -> None:
    options = VerifyOptions(judges=("test",), tries=5, new_seeds=True)
    studio = open_judged(lambda k, term: 0.9 if k < 5 else 0.1)
    request = {"method": "lookahead"}
    conversation = Conversation.start(MAN, studio, seed=1, request=request, verification=options)
    tries = verification(conversation).tries

    assert [each.how for each in tries] == ["first", "weight", "method", "seed", "seed", "seed"]
    assert [each.request["method"] for each in tries] == ["lookahead"] * 2 + ["cfg"] * 4
    assert tries[1].request["shown"] == ["(hat:1.5)"]
    assert len({each.request["seed"] for each in tries}) == 4
    assert conversation.head.seed == tries[5].request["seed"] == conversation.head.request["seed"]
    assert conversation.head.reply.endswith("“hat” is gone.")


def test_without_a_new_seed_it_stops_where_nothing_is_left_to_try(open_judged: OpenJudged) -> None:
    options = VerifyOptions(judges=("test",), tries=5)
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.9), seed=1, verification=options)

    assert [each.how for each in verification(conversation).tries] == ["first", "weight"]
    assert verification(conversation).chosen == 0
    assert conversation.head.exclusions[0].weight == 1
    assert conversation.head.reply.endswith("“hat” is still there after 2 tries: try another seed.")


def test_where_it_was_found_is_drawn_anew_and_the_rest_kept(open_judged: OpenJudged) -> None:
    options = VerifyOptions(judges=("test",), tries=5, new_seeds=True)
    studio = open_judged(lambda k, term: 0.9 - k / 100, region=Box(0.5, 0.0, 0.7, 0.25))
    conversation = Conversation.start(MAN, studio, seed=1, verification=options)
    tries = verification(conversation).tries

    assert [each.how for each in tries] == ["first", "weight", "region", "seed", "seed", "seed"]
    region = tries[2].request
    assert region["negative_prompt"] == "(hat:2)"
    assert region["kept"]["request"] == tries[0].request
    assert region["kept"]["box"] == pytest.approx((0.4, 0.0, 0.8, 0.35))
    assert "kept" not in tries[3].request
    assert all(each.identical for each in replay_tries(studio, conversation.id))


def test_a_stronger_method_acts_first_where_it_was_found_and_then_everywhere(open_judged: OpenJudged) -> None:
    options = VerifyOptions(judges=("test",), tries=5)
    studio = open_judged(lambda k, term: 0.9 - k / 100, region=Box(0.5, 0.0, 0.7, 0.25))
    conversation = Conversation.start(MAN, studio, seed=1, request={"method": "lookahead"}, verification=options)
    tries = verification(conversation).tries

    assert [each.how for each in tries] == ["first", "weight", "region", "method"]
    assert [each.request["method"] for each in tries] == ["lookahead"] * 2 + ["cfg"] * 2
    assert "kept" in tries[2].request
    assert tries[3].request == {name: value for name, value in tries[2].request.items() if name != "kept"}
    assert verification(conversation).chosen == 0  # none is better, so the rest stays as it was


def test_no_more_tries_than_allowed(open_judged: OpenJudged) -> None:
    options = VerifyOptions(judges=("test",), tries=0)
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.9), seed=1, verification=options)

    assert len(verification(conversation).tries) == 1
    assert conversation.head.reply.endswith("“hat” is still there: try another seed.")


def test_the_best_of_all_tries_becomes_the_turn(open_judged: OpenJudged) -> None:
    def look(k: int, term: str) -> float:
        return {("hat", 0): 0.9, ("fog", 0): 0.1, ("hat", 1): 0.8, ("fog", 1): 0.8}.get((term, k), 0.9)

    options = VerifyOptions(judges=("test",), tries=2, new_seeds=True)
    conversation = Conversation.start("a man, no hat and no fog", open_judged(look), seed=1, verification=options)

    assert verification(conversation).chosen == 0
    assert verdicts(conversation) == {"hat": "there", "fog": "gone"}
    assert conversation.head.seed == 1


def test_each_try_can_be_drawn_again(open_judged: OpenJudged) -> None:
    studio = open_judged(lambda k, term: 0.9)
    conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)
    again = list(replay_tries(studio, conversation.id))

    assert [(each.number, each.how, each.identical) for each in again] == [(0, "first", True), (1, "weight", True)]
    assert all(each.identical for each in replay_session(studio, conversation.id))


def test_later_turns_are_verified_too_until_that_is_changed(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.1), seed=1, verification=VERIFIED)
    conversation.say("no fog")
    assert verdicts(conversation) == {"hat": "gone", "fog": "gone"}
    assert conversation.head.reply == "Excluded “fog”. “fog” is gone."

    conversation.set_verification(None)
    conversation.say("no rain")
    assert set(verdicts(conversation).values()) == {None}

    conversation.set_verification(VERIFIED)
    conversation.say("no snow")
    assert verdicts(conversation)["snow"] == "gone"


def test_what_came_back_is_said(open_judged: OpenJudged) -> None:
    studio = open_judged(lambda k, term: 0.9 if (term, k) == ("hat", 1) else 0.1)
    conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)
    conversation.say("no fog")

    assert verdicts(conversation) == {"hat": "gone", "fog": "gone"}
    assert [each.how for each in verification(conversation).tries] == ["first", "weight"]
    assert conversation.head.reply == "Excluded “fog”. “hat” and “fog” are gone."


def test_what_nobody_can_tell_is_unknown(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: None), seed=1, verification=VERIFIED)
    (exclusion,) = turn_json(conversation.head)["exclusions"]

    assert (exclusion["verdict"], exclusion["judge"], exclusion["probability"]) == ("unknown", None, None)
    assert conversation.head.reply.endswith("No judge can tell whether “hat” is gone.")


def failing(k: int, term: str) -> float:
    raise JudgeError("the judge test needs more memory than the device has free")


def breaking(k: int, term: str) -> float:
    raise RuntimeError("anything")


@pytest.mark.parametrize(
    ("look", "judge", "line"),
    [
        (failing, "test", "the judge test needs more memory than the device has free"),
        (breaking, "test", "the judge test failed (RuntimeError)"),
        (failing, "nobody", "there is no judge “nobody”"),
        (failing, "mini", "the judge mini only knows pictures by mini, and these are by stub"),
    ],
)
def test_a_judge_that_fails_loses_no_turn(open_judged: OpenJudged, look: Look, judge: str, line: str) -> None:
    options = VerifyOptions(judges=(judge,))
    conversation = Conversation.start(MAN, open_judged(look), seed=1, verification=options)

    assert verdicts(conversation) == {"hat": "unknown"}
    assert conversation.head.reply.endswith(f"Not everything was checked: {line}.")


def test_a_judge_that_takes_too_long_loses_no_turn(home: Path) -> None:
    done = threading.Event()

    def look(k: int, term: str) -> float:
        done.wait(60)
        return 0.9

    with Store.open(home=home) as store:
        studio = Studio(
            store,
            OfflineInterpreter(),
            model="stub",
            load_engine=lambda _: StubEngine("stub"),
            load_judge=lambda name: CountingJudge(look),
            judge_timeout=0.05,
        )
        conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)
        done.set()
    assert verdicts(conversation) == {"hat": "unknown"}
    line = "the judge test gave no answer within 0.05 seconds"
    assert conversation.head.reply.endswith(f"Not everything was checked: {line}.")


class FailingEngine(StubEngine):
    """A stub that fails from its second picture on."""

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        if request.negative_prompt != "hat":
            raise ShortOfMemoryError("the device has not enough memory for 32 x 32: try a smaller size")
        return super().run(request)


def test_a_try_that_fails_leaves_the_first_picture(open_judged: OpenJudged) -> None:
    studio = open_judged(lambda k, term: 0.9, FailingEngine("stub"))
    conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)

    assert verdicts(conversation) == {"hat": "there"}
    assert "Not everything was checked: another try failed: the device has not" in conversation.head.reply


class CrowdedEngine(StubEngine):
    """A stub that runs out of memory once, after its first picture."""

    has_failed = False

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        if "fog" in request.negative_prompt and not self.has_failed:
            self.has_failed = True
            raise ShortOfMemoryError("the device has not enough memory for 32 x 32: try a smaller size")
        return super().run(request)


def test_judges_make_room_for_the_next_picture(open_judged: OpenJudged) -> None:
    studio = open_judged(lambda k, term: 0.1, CrowdedEngine("stub"))
    conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)
    conversation.say("no fog")
    assert verdicts(conversation) == {"hat": "gone", "fog": "gone"}


def test_without_a_judge_there_is_no_room_to_make(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.1, CrowdedEngine("stub")), seed=1)
    with pytest.raises(ShortOfMemoryError):
        conversation.say("no fog")


class WholePicturesEngine(StubEngine):
    """A stub that can't draw only a region."""

    def run(self, request: GenerationRequest) -> Generator[Progress]:
        if request.kept is not None:
            raise InvalidRequestError("kept: leave it out")
        return super().run(request)


def test_a_change_that_the_model_refuses_is_left_out(open_judged: OpenJudged) -> None:
    options = VerifyOptions(judges=("test",), tries=2, new_seeds=True)
    studio = open_judged(lambda k, term: 0.9, WholePicturesEngine("stub"), region=Box(0, 0, 0.5, 0.5))
    conversation = Conversation.start(MAN, studio, seed=1, verification=options)

    assert [each.how for each in verification(conversation).tries] == ["first", "weight", "seed"]
    assert "a try with another region was refused: kept: leave it out" in conversation.head.reply


def test_only_the_pictures_of_turns_are_left(open_judged: OpenJudged, home: Path) -> None:
    studio = open_judged(lambda k, term: 0.9 if k == 0 else 0.2)
    conversation = Conversation.start(MAN, studio, seed=1, verification=VERIFIED)

    assert [path for _, path in studio.store.images.pictures()] == [conversation.head.image]
    assert check(studio.store) == []


def test_verdicts_are_in_the_png(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.1), seed=1, verification=VERIFIED)
    with Image.open(conversation.head.image) as image:
        text = json.loads(image.info["notthat verdicts"])
    assert text == {"hat": {"verdict": "gone", "judge": "test", "probability": 0.1}}


class Crash(BaseException):
    """Ends a process before it can record anything."""


def test_a_crash_while_it_is_judged_loses_no_turn(open_judged: OpenJudged, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*arguments: object) -> None:
        raise Crash

    studio = open_judged(lambda k, term: 0.9)
    conversation = Conversation.start(MAN, studio, seed=1)
    conversation.set_verification(VERIFIED)
    monkeypatch.setattr("notthat.agent.verification.verify._draw_tries", crash)
    monkeypatch.setattr("notthat.agent.turn_execution.end_turn", crash)
    with pytest.raises(Crash):
        conversation.say("no fog")
    with pytest.raises(Crash):
        Conversation.start("a cat, no dog", studio, seed=2, verification=VERIFIED)
    assert studio.store.attempts.mark_interrupted() == 0  # this process still holds them

    studio.store.attempts.close()
    monkeypatch.setattr("notthat.storage.process_owner.is_gone", lambda claim: True)
    again = open_judged(lambda k, term: 0.9)
    again.store.attempts.mark_interrupted()

    turn = Conversation.open(conversation.id, again).head
    assert (turn.number, turn.feedback, turn.reply) == (1, "no fog", "Excluded “fog”.")
    assert all(each.identical for each in replay_session(again, conversation.id))
    (newest, _) = again.store.sessions()
    assert (newest.prompt, newest.turns) == ("a cat", 1)
    assert newest.verification == VerifyOptions.to_record(VERIFIED)
    assert again.store.attempts.all() == []
    assert check(again.store) == []


def test_who_cancels_while_it_is_tried_again_keeps_the_session_as_it_was(open_judged: OpenJudged) -> None:
    conversation = Conversation.start(MAN, open_judged(lambda k, term: 0.9), seed=1)
    conversation.set_verification(VERIFIED)
    steps: list[int] = []

    def cancel_second_picture(progress: Progress) -> None:
        steps.append(progress.step)
        if steps.count(1) == 2:
            raise TurnCancelled("enough")

    with pytest.raises(TurnCancelled):
        conversation.say("no fog", cancel_second_picture)
    assert conversation.refresh().number == 0
    assert [attempt.status for attempt in conversation.studio.store.attempts.all()] == ["cancelled"]


@pytest.mark.parametrize("tries", [-1, 6, "many"])
def test_tries_are_bounded(tries: object) -> None:
    with pytest.raises(InvalidInputError, match="--tries: "):
        VerifyOptions.create(tries=tries)
