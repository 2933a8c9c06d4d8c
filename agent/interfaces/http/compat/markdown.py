"""Escapes text for Markdown, so that users and language models can't inject links, pictures, code or HTML."""

import re

_MARKS = re.compile(r"[\\`*_\[\]<>~|&$@]")
_LINKS = re.compile(r"(?i)(?<=[a-z])(?=://)|(?<=www)(?=\.)")
"""Positions where a bare URL would be recognised as a link."""


def escape_markdown(text: str) -> str:
    """Escape the text so that Markdown renders it literally."""
    return _LINKS.sub(r"\\", _MARKS.sub(r"\\\g<0>", text))
