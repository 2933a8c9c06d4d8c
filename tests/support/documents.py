"""Documents whose commands are run: their blocks, and an environment in which the commands are this project's."""

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def blocks(text: str, language: str = "sh") -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def environment_with_commands(folder: Path, python: str = "python") -> dict[str, str]:
    """In which `notthat` and Python, by the name that a document calls it, are this project's; they lie in `folder`.

    `-P`, as on a path without the folder that the command is given in, where `notthat` may be no package.
    """
    folder.mkdir()
    for name, arguments in ((python, ""), ("notthat", " -P -m notthat")):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        command.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
