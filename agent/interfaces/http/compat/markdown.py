"""Words as Markdown shows them: what a person or a language model wrote is no link, picture, code or HTML."""

import re

_MARKS = re.compile(r"[\\`*_\[\]<>~|&$@]")
_LINKS = re.compile(r"(?i)(?<=[a-z])(?=://)|(?<=www)(?=\.)")
"""Where a bare address would become a link by itself."""


def escape_markdown(text: str) -> str:
    """The text, so that Markdown shows it as it stands."""
    return _LINKS.sub(r"\\", _MARKS.sub(r"\\\g<0>", text))
