"""The TOML files of a folder of `prompts`, read as if they were one."""

import tomllib
from importlib import resources
from typing import Any


def read_texts(folder: str) -> list[str]:
    """What stands in the files, in the order of their names."""
    files = (file for file in resources.files("notthat.prompts").joinpath(folder).iterdir())
    return [
        file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".toml")
    ]


def read_tables(folder: str) -> dict[str, dict[str, Any]]:
    """Their tables by name; several files may each have a part of one.

    Raises:
        ValueError: where two files say something of the same name.
    """
    merged: dict[str, dict[str, Any]] = {}
    for text in read_texts(folder):
        for name, part in tomllib.loads(text).items():
            table = merged.setdefault(name, {})
            if twice := table.keys() & part.keys():
                raise ValueError(f"prompts/{folder} has [{name}] {min(twice)} in two files")
            table.update(part)
    return merged
