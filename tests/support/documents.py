"""Helpers that run the commands of a document: its code blocks, an environment and a server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def blocks(text: str, language: str = "sh") -> list[str]:
    """The fenced code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def environment_with_commands(folder: Path, python: str = "python") -> dict[str, str]:
    """An environment in which `notthat` and `python` run this project. Their scripts are created in `folder`.

    `-P` keeps the working directory off the import path, as for an installed command.
    """
    folder.mkdir()
    for name, arguments in ((python, ""), ("notthat", " -P -m notthat")):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        command.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@contextmanager
def serving(environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The port of a server that is started as in the documents, which use port 8000."""
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["sh", "-c", "exec notthat serve --port 0"],
            env=environment,
            cwd=folder,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert process.stderr is not None
    ready = re.match(r"notthat: http://127\.0\.0\.1:(\d+)", process.stderr.readline())
    assert ready, log.read_text()
    try:
        yield ready[1]
    finally:
        process.terminate()
        process.communicate()
