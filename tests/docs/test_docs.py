"""Every command in the documents does what it says: their blocks of `sh` are run, top to bottom, as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
DOCS = README.parent / "docs"
PATIENCE = 600.0
"""Seconds for a whole document: reached only where a test fails."""


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `notthat` and `python` are this project's, and `~` is the test's own."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, arguments in (("python", ""), ("notthat", " -m notthat")):
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        command.chmod(0o755)
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "HOME": str(tmp_path), "PATH": path, "NOTTHAT_MODEL": "mini"}


def run(script: str, environment: dict[str, str], folder: Path) -> str:
    """What the commands print; the first that fails fails the test, with its line."""
    process = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout + process.stderr


@pytest.mark.parametrize("name", ["policies", "models"])
def test_the_commands_of_a_document_work(name: str, shell: dict[str, str], tmp_path: Path) -> None:
    script = "".join(blocks(DOCS / f"{name}.md", "sh"))
    assert script.count("notthat ") > 3
    said = run(script, shell, tmp_path)
    if name == "policies":
        assert "“text” stays excluded, as policy nursery asks." in said
        assert "“knife” can't be asked for: the policy “nursery” forbids it" in said
    else:
        assert str(tmp_path / "notthat" / "models" / "mine") in said
        assert '"steps": 12' in said


def test_the_programs_of_the_readme_work(tmp_path: Path) -> None:
    """In one process, as each loads a model."""
    script = "\n".join(blocks(README, "python"))
    process = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    assert process.stdout.count("Excluded “cartoon”.") == 2
    assert process.stdout.count("step 20 of 20") == 2
