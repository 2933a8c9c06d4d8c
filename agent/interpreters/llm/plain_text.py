"""Reduces a model's reply to plain text on one line: no Markdown, HTML, URLs or control characters."""

import re

from ...terms import collapse_whitespace, to_one_line

_REPLACEMENTS = (
    (re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.I), " "),
    (re.compile(r"<[a-z][a-z0-9+.-]*:[^\s<>]*>", re.I), " "),  # autolinks
    (re.compile(r"</?[a-z][^<>]*>|<[!?][^<>]*>", re.I), " "),  # tags
    (re.compile(r"!?\[([^\[\]]*)\]\([^()]*(?:\([^()]*\)[^()]*)*\)"), r"\1"),  # links and images
    (re.compile(r"!?\[([^\[\]]*)\]\[[^\[\]]*\]"), r"\1"),  # by reference
    (re.compile(r"!\[([^\[\]]*)\]"), r"\1"),
    (re.compile(r"\b(?:[a-z][a-z0-9+.-]*://|(?:data|javascript|mailto):|www\.)[^\s<>()\[\]]*", re.I), " "),
    (re.compile(r"`+|\*\*+|__+|~~+"), ""),
    (re.compile(r"^\s*(?:#+|>+|[-*+]|\d+\.)\s+"), ""),  # a heading, a quote or a list
)


def to_plain_text(text: str) -> str:
    """The text on one line, without markup. Links and images are reduced to their text."""
    line = to_one_line(text)
    while True:  # removing markup can join the parts of other markup
        plain = line
        for pattern, replacement in _REPLACEMENTS:
            plain = pattern.sub(replacement, plain)
        plain = collapse_whitespace(plain)
        if plain == line:
            return plain
        line = plain
