"""Resolves "one": a thing that was reported missing, or another variant of the subject."""

import re

from ...language import attribute_rewriting

_ONES = re.compile(
    r"(?:\b(?P<article>an?\s+(?:[\w-]+\s+)?)|(?<!no )(?<!the )(?<!this )(?<!that )(?<!every )\b)"
    r"one(?P<end>\b(?=\s*(?:$|[?!.,]"
    r"|(?:in|on|at|by|to|with|near|behind|under|over|there|here|please|too|beside|next)\b)))"
    r"|\b(?:some|a few)(?=\s*(?:$|[?!.,]|(?:in|on|at|by|there|here|please|too)\b))",
    re.I,
)
_WISHED_ONE = re.compile(
    r"(?:(?:maybe|can (?:we|i)|could (?:we|i)|let's|i'd|i would|i|we|please)\s+)*(?:(?:try|make it|have|do"
    r"|go for|go with|use|prefer"
    r"|rather have|want|like|need|give me|show me|see|get|how about|what about|draw|take)\s+(?:to (?:see|have)\s+)?)?"
    r"(?P<one>an?\s+[\w-]+(?:\s[\w-]+)?\s+one)[?!. ]*",
    re.I,
)
""" "Try a square one", "could I have a darker one"."""


def replace_one(clause: str, thing: str) -> str:
    """ "Put a yellow one in" -> "put a yellow tent in", if a tent was reported missing."""
    noun = re.sub(r"^(?:an?|the|some|any)\s+", "", thing, flags=re.I)

    def substitute(match: re.Match[str]) -> str:
        if match["end"] is None:
            return noun
        one = re.sub(r"(?<!s)s$", "", noun)
        return f"{match['article'] or ('an ' if one[:1] in 'aeiou' else 'a ')}{one}"

    return _ONES.sub(substitute, clause)


def rephrase_wish(clause: str) -> str:
    """ "Try a square one" -> "make it square". Other clauses are returned unchanged."""
    match = _WISHED_ONE.fullmatch(clause)
    quality = attribute_rewriting.extract_quality(match["one"]) if match else None
    return f"make it {quality}" if quality else clause
