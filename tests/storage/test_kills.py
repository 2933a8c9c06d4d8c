"""Short runs of the benchmarks: kills at random moments, and concurrent processes in one session."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def found(script: str, *arguments: object) -> dict[str, Any]:
    """The JSON output of a benchmark."""
    process = subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    return dict(json.loads(process.stdout))


def test_kills_at_random_moments_lose_nothing() -> None:
    result = found("kills.py", "--count", 10)
    assert result["kills"] == 10
    assert sum(result.get(hit, 0) for hit in ("drawing", "writing", "between")) == 8
    assert sum(result.get(hit, 0) for hit in ("migrating", "migrated")) == 2
    assert result["finished"] >= 8  # each killed process had finished a turn
    assert result["turns"] > result["finished"]  # the first turn, and turns that finished without being printed


def test_a_crowd_in_one_session_loses_no_turn() -> None:
    result = found("crowd.py", "--processes", 4, "--turns", 6)
    assert (result["turns"], result["errors"], result["whole"], result["head_is_last"]) == (24, 0, True, True)
