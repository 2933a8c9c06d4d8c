"""Verification on the command line: real judges with random weights, on pictures of a random model."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_judges import save_sam3, save_siglip

from notthat.agent.interfaces.cli.main import main

Run = Callable[..., tuple[int, str, str]]
MAN = ("new", "a man, no hat and no cartoon", "--seed", "3", "--json")


@pytest.fixture
def notthat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model_folder: Path) -> Run:
    """Runs a command in this process: its exit code, stdout and stderr."""
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["notthat", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, *capsys.readouterr()

    return run


def verdicts(out: str) -> dict[str, tuple[str, str | None]]:
    return {each["term"]: (each["verdict"], each["judge"]) for each in json.loads(out)["exclusions"]}


def test_two_published_judges_share_the_terms_of_a_session(notthat: Run, tmp_path: Path) -> None:
    detector, comparer = str(save_sam3(tmp_path / "sam3", 4.0)), str(save_siglip(tmp_path / "siglip"))
    code, out, _ = notthat(*MAN, "--verify", "--tries", "3", "--judge", detector, "--judge", comparer)
    first = json.loads(out)

    assert code == 0
    assert verdicts(out)["hat"] == ("there", detector)
    assert verdicts(out)["cartoon"][1] == comparer
    assert first["tries"] == 3  # its weight, and then only its region; the method has no stronger one
    assert "“hat”" in first["reply"]

    code, out, _ = notthat("replay", first["session"], "--tries", "--verify", "--json")
    *tries, summary = [json.loads(line) for line in out.splitlines()]
    assert [each["how"] for each in tries] == ["first", "weight", "region"]
    assert (code, summary) == (0, {"tries": 3, "identical": 3})
    assert notthat("replay", first["session"], "--verify", "--json")[0] == 0

    code, out, _ = notthat("say", first["session"], "no fog", "--json")
    assert verdicts(out)["fog"] == ("there", detector)
    code, out, _ = notthat("say", first["session"], "no rain", "--no-verify", "--json")
    assert "verdict" not in json.loads(out)["exclusions"][0]


@pytest.mark.parametrize(
    ("judge", "reason"),
    [("nobody", "there is no judge “nobody”"), ("mini", "the judge mini only knows pictures by mini")],
)
def test_a_judge_that_cannot_be_used_loses_no_turn(notthat: Run, judge: str, reason: str) -> None:
    code, out, _ = notthat(*MAN, "--verify", "--judge", judge)
    assert code == 0
    assert set(verdicts(out).values()) == {("unknown", None)}
    assert reason in json.loads(out)["reply"]


def test_without_a_judge_nothing_is_known(notthat: Run) -> None:
    code, out, _ = notthat(*MAN, "--verify")
    assert code == 0
    assert json.loads(out)["reply"].endswith("No judge can tell whether “hat” and “cartoon” are gone.")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--tries", "1"), "give --verify too"),
        (("--judge", "mini"), "give --verify too"),
        (("--new-seeds",), "give --verify too"),
        (("--verify", "--tries", "9"), "--tries: Input should be less than or equal to 5, not 9"),
    ],
)
def test_options_that_make_no_sense(notthat: Run, options: tuple[str, ...], reason: str) -> None:
    code, out, error = notthat(*MAN, *options)
    assert (code, out) == (2, "")
    assert reason in error
    assert error.count("\n") == 1


def test_the_settings_may_verify_every_new_session(notthat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTTHAT_VERIFY", "1")
    code, out, _ = notthat(*MAN, "--steps", "2")
    assert (code, json.loads(out)["tries"]) == (0, 1)
    code, out, _ = notthat(*MAN, "--steps", "2", "--no-verify")
    assert (code, "tries" in json.loads(out)) == (0, False)
