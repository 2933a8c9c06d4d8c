"""Several judges together: who is asked, and that nothing they do is raised."""

import threading
from collections.abc import Callable

import pytest
from PIL import Image

from notthat.agent.judges import Box, Finding, JudgeError, JudgePanel, Presence, Thresholds

PICTURE = Image.new("RGB", (8, 8))


class KnowingJudge:
    """A judge that knows the probabilities of some terms. `before` is called before each answer."""

    thresholds = Thresholds(gone=0.2, there=0.6)

    def __init__(self, name: str, known: dict[str, float], before: Callable[[], object] = lambda: None) -> None:
        self.name, self.known, self.before, self.unloaded = name, known, before, 0

    def is_present(self, picture: Image.Image, term: str) -> Presence | None:
        self.before()
        return Presence(self.known[term], Box(0, 0, 0.5, 1)) if term in self.known else None

    def unload(self) -> None:
        self.unloaded += 1


def panel(*judges: KnowingJudge, timeout: float = 60) -> JudgePanel:
    by_name = {judge.name: judge for judge in judges}
    return JudgePanel(tuple(by_name), by_name.__getitem__, timeout=timeout)


def raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def test_each_probability_becomes_a_verdict() -> None:
    judge = KnowingJudge("one", {"hat": 0.6, "fog": 0.2, "cat": 0.4})
    found = panel(judge).judge(PICTURE, ["hat", "fog", "cat", "vibes"]).by_term

    assert {term: finding.verdict for term, finding in found.items()} == {
        "hat": "there",
        "fog": "gone",
        "cat": "unknown",
        "vibes": "unknown",
    }
    assert found["cat"] == Finding("unknown", "one", 0.4, Box(0, 0, 0.5, 1))
    assert found["vibes"] == Finding("unknown")


def test_the_second_judge_is_asked_what_the_first_could_not_tell() -> None:
    first = KnowingJudge("first", {"hat": 0.9, "cat": 0.4})
    second = KnowingJudge("second", {"hat": 0.0, "cat": 0.0, "blurry": 0.9})
    found = panel(first, second).judge(PICTURE, ["hat", "cat", "blurry"]).by_term

    assert [(found[term].judge, found[term].verdict) for term in found] == [
        ("first", "there"),
        ("second", "gone"),
        ("second", "there"),
    ]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (JudgeError("the judge one needs more memory than the device has free"), "needs more memory"),
        (ZeroDivisionError("who knows"), "the judge one failed (ZeroDivisionError)"),
    ],
)
def test_a_judge_that_fails_is_unloaded_and_the_others_are_asked(error: Exception, line: str) -> None:
    failing, other = KnowingJudge("one", {}, raising(error)), KnowingJudge("other", {"hat": 0.1})
    found = panel(failing, other).judge(PICTURE, ["hat"])

    assert (found.by_term["hat"].verdict, found.by_term["hat"].judge) == ("gone", "other")
    assert len(found.failures) == 1
    assert line in found.failures[0]
    assert (failing.unloaded, other.unloaded) == (1, 0)


def test_a_judge_that_is_none_is_said() -> None:
    def load(name: str) -> KnowingJudge:
        raise JudgeError(f"there is no judge “{name}”")

    found = JudgePanel(["nobody"], load, timeout=60).judge(PICTURE, ["hat"])
    assert found.by_term == {"hat": Finding("unknown")}
    assert found.failures == ("there is no judge “nobody”",)


def test_a_judge_that_takes_too_long_is_not_waited_for() -> None:
    done = threading.Event()
    slow = KnowingJudge("slow", {"hat": 0.9}, lambda: done.wait(60))
    found = panel(slow, timeout=0.05).judge(PICTURE, ["hat"])
    done.set()

    assert found.by_term["hat"].verdict == "unknown"
    assert found.failures == ("the judge slow gave no answer within 0.05 seconds",)


def test_a_judge_that_answers_again_is_used_again() -> None:
    errors = [JudgeError("not now")]
    judge = KnowingJudge("one", {"hat": 0.9}, lambda: raising(errors.pop())() if errors else None)
    both = panel(judge)

    assert [both.judge(PICTURE, ["hat"]).by_term["hat"].verdict for _ in range(2)] == ["unknown", "there"]


def test_unloading_frees_every_judge_that_was_used() -> None:
    first, second = KnowingJudge("first", {"hat": 0.9}), KnowingJudge("second", {})
    both = panel(first, second)
    both.judge(PICTURE, ["hat"])

    assert both.unload()
    assert (first.unloaded, second.unloaded) == (1, 0)
    assert not both.unload()


@pytest.mark.parametrize(("gone", "there"), [(0.5, 0.5), (0.6, 0.4), (-0.1, 0.5), (0.5, 1.1)])
def test_thresholds_are_in_order(gone: float, there: float) -> None:
    with pytest.raises(ValueError, match="not in order between 0 and 1"):
        Thresholds(gone, there)
