"""Commands in the documents about serving work: they run from top to bottom against the server of the first block."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCS, blocks, environment_with_commands, serving

PATIENCE = 300.0
"""Seconds for a document. Only reached if a test fails."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return environment_with_commands(tmp_path / "bin", "python3")


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The port of the server that the documents' first block starts."""
    with serving(environment, tmp_path) as port:
        yield port


@pytest.mark.parametrize("document", ["api.md", "operating.md"])
def test_the_commands_of_a_document_work(
    document: str, environment: dict[str, str], server: str, tmp_path: Path
) -> None:
    first, *others = (block.replace("8000", server) for block in blocks((DOCS / document).read_text("utf-8")))
    assert first == f"notthat serve --port {server}\n"
    process = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(others)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    if document == "api.md":
        assert "Excluded “cartoon”." in process.stdout
        assert (tmp_path / "portrait.png").read_bytes().startswith(b"\x89PNG")
        events = [line.removeprefix("event: ") for line in process.stdout.splitlines() if line.startswith("event: ")]
        assert (events[0], "interpreted" in events, "replayed" in events) == ("queued", True, True)
        assert events[-1] == "done"
    else:
        assert len(re.findall(r"^nt_", process.stdout, re.MULTILINE)) == 3
