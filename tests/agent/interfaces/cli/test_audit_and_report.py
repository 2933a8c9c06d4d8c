"""`notthat audit` and `notthat report`, in this process."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from notthat.agent import Conversation, Studio
from notthat.agent.edits import Exclude
from notthat.agent.interfaces.cli.main import main
from notthat.storage import Store

Run = Callable[..., tuple[int, str, str]]

KEYS = [
    *("term", "weight", "source", "since", "words"),
    *("max_abs_diff", "mean_abs_diff", "psnr", "changed", "has_effect", "summary"),
]


@pytest.fixture
def notthat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model_folder: Path) -> Run:
    """Runs a command with the random model: its exit code, stdout and stderr."""
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["notthat", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, *capsys.readouterr()

    return run


def begin(notthat: Run, *options: object) -> str:
    code, out, err = notthat("new", "a harbour without boats and fog", "--seed", 1, "--steps", 2, "--json", *options)
    assert (code, err) == (0, "")
    return str(json.loads(out)["session"])


def read_lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_an_audit_prints_a_line_for_each_exclusion_and_a_summary(notthat: Run, home: Path, tmp_path: Path) -> None:
    session = begin(notthat)
    code, out, err = notthat("audit", session, "--json", "--grid", tmp_path / "audit.png")
    assert (code, err) == (0, f"wrote {tmp_path / 'audit.png'}\n")
    *exclusions, summary = read_lines(out)
    assert [list(line) for line in exclusions] == [KEYS, KEYS]
    assert [line["term"] for line in exclusions] == ["boats", "fog"]
    unseen = [line["term"] for line in exclusions if not line["has_effect"]]
    assert summary == {"session": session, "turn": 0, "pictures": 3, "identical": True, "without_effect": unseen}
    with Image.open(tmp_path / "audit.png") as sheet:
        assert sheet.size > (64, 64)
    assert len(list(home.rglob("images/**/*.png"))) == 1


def test_an_audit_is_a_table_and_names_what_changes_nothing(notthat: Run) -> None:
    session = begin(notthat, "--guidance", 1, "--method", "cfg")
    code, out, err = notthat("audit", session, "--limit", 1)
    assert code == 0
    assert err.startswith("notthat: At a guidance of 1 exclusions have no effect")
    header, row, sentence = out.splitlines()
    assert header.split() == ["excluded", "weight", "by", "pixels", "changed", "mean", "PSNR"]
    assert row.split() == ["fog", "1", "user", "0.0%", "0.00", "same"]
    assert sentence == "“fog” changes nothing: the picture is the same without it."


def test_an_audit_of_many_exclusions_says_how_many_pictures_it_draws(notthat: Run) -> None:
    session = begin(notthat)
    with Studio.open() as studio:
        Conversation.open(session, studio).edit([Exclude(term=f"fault {k}") for k in range(19)])
    code, out, err = notthat("audit", session, "--limit", 1, "--json")
    assert (code, len(out.splitlines())) == (0, 2)
    assert err == "notthat: drawing 2 pictures, for the latest 1 of 21 exclusions: --limit 21 for all\n"


def test_an_audit_of_a_turn_that_excludes_nothing_draws_nothing(notthat: Run) -> None:
    session = begin(notthat)
    with Studio.open() as studio:
        Conversation.open(session, studio).say("start over")
    assert notthat("audit", session) == (0, "Turn 1 excludes nothing.\n", "")
    code, out, err = notthat("audit", session, "--json", "--grid", "audit.png")
    assert (code, read_lines(out)[0]["pictures"]) == (0, 0)
    assert err == "notthat: audit.png was not written, since turn 1 excludes nothing\n"
    assert notthat("audit", session, "--turn", 0, "--limit", 1)[0] == 0


def test_what_an_audit_cannot_do_is_said_before_it_draws(notthat: Run) -> None:
    session = begin(notthat)
    for arguments, reason in (
        (("0123456789abcdef",), "no session “0123456789abcdef”"),
        ((session, "--turn", 7), "no turn 7 in session"),
        ((session, "--limit", 0), "Invalid value for '--limit'"),
        ((session, "--grid", "/nowhere/audit.png"), "--grid: there is no folder /nowhere"),
    ):
        code, out, err = notthat("audit", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"notthat: {reason}")


def test_a_report_has_words_only_where_they_are_asked_for(notthat: Run, home: Path) -> None:
    session = begin(notthat)
    (report,) = read_lines(notthat("report", "--json")[1])
    assert (report["sessions"]["turns"], report["terms"]) == (1, None)
    assert report["exclusions"][0]["excluded"] == 2
    (report,) = read_lines(notthat("report", "--json", "--terms", "--limit", 1, "--since", "7d")[1])
    assert [each["term"] for each in report["terms"]] == ["boats"]
    code, out, err = notthat("report")
    assert (code, err) == (0, "")
    assert out.startswith("in all: sessions 1, turns 1 (at most 1 in a session)\n")
    assert "boats" not in out
    assert "boats" in notthat("report", "--terms")[1]
    with Store.open(home=home) as store:
        store.delete_session(session)
    assert notthat("report", "--since", "2026-01-01")[1] == (
        "since 2026-01-01 00:00 UTC: sessions 0, turns 0 (at most 0 in a session)\n"
        "turns without a picture: pending 0, failed 0, cancelled 0, refused 0\n"
        "turns that call for a person: 0\n"
    )


def test_a_period_that_is_none_is_refused(notthat: Run) -> None:
    code, out, err = notthat("report", "--since", "yesterday")
    assert (code, out) == (2, "")
    assert err == "notthat: --since: “yesterday” is no date: write 2026-12-01, 2026-12-01T08:00, 24h, 7d or 2w\n"
