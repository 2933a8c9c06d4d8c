"""Reads the TOML files of a folder in `prompts` as one document."""

import tomllib
from importlib import resources
from typing import Any


def read_texts(folder: str) -> list[str]:
    """The contents of the files, in the order of the folder's `index.toml`, or else by name."""
    root = resources.files("notthat.prompts").joinpath(folder)
    index = root.joinpath("index.toml")
    if index.is_file():
        names = [f"{name}.toml" for name in tomllib.loads(index.read_text(encoding="utf-8"))["files"]]
    else:
        names = sorted(file.name for file in root.iterdir() if file.name.endswith(".toml"))
    return [root.joinpath(name).read_text(encoding="utf-8") for name in names]


def read_tables(folder: str) -> dict[str, dict[str, Any]]:
    """The merged tables by name. Several files can each define a part of one table.

    Raises:
        ValueError: if two files define the same key.
    """
    merged: dict[str, dict[str, Any]] = {}
    for text in read_texts(folder):
        for name, part in tomllib.loads(text).items():
            table = merged.setdefault(name, {})
            if duplicates := table.keys() & part.keys():
                raise ValueError(f"prompts/{folder} has [{name}] {min(duplicates)} in two files; keep one of them")
            table.update(part)
    return merged
