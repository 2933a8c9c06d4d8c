"""Finds the things that feedback asks to leave out in so many words: "no hat", "please remove the watermark"."""

import re
from functools import cache

from ...terms import stem_term
from ..language.lexicon import any_word_pattern, load_lexicon

_CLAUSE_END = re.compile(r"\s*[,.;!\n]+\s*")


def plain_things(feedback: str) -> frozenset[str]:
    """The stems of what plain requests name: of "hat" in "no hat, it is ugly".

    None if other words may turn the request around, as in "no bananas? he should hold one".
    """
    request, opposed, still_wrong = _patterns()
    if opposed.search(still_wrong.sub("", feedback)):
        return frozenset()
    matches = (request.fullmatch(clause) for clause in _CLAUSE_END.split(feedback.strip()))
    things = {match["thing"].lower() for match in matches if match}
    about_tool = set(load_lexicon().guards["tool_words"])
    return frozenset(stem_term(thing) for thing in things if about_tool.isdisjoint(thing.split()))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A plain request, a word that turns it around, and a complaint that does not."""
    openings, removals, articles, endings, opposed, still_wrong = (
        any_word_pattern(load_lexicon().requests[name])
        for name in ("openings", "removals", "articles", "endings", "opposed", "still_wrong")
    )
    request = (
        rf"(?:{openings},? )*{removals}(?: {articles})?"
        rf" (?P<thing>[\w'-]+(?: [\w'-]+)??)(?: {endings})*"
    )
    return (
        re.compile(request, re.I),
        re.compile(rf"\?|\b{opposed}\b", re.I),
        re.compile(rf"\b{still_wrong}\b", re.I),
    )
