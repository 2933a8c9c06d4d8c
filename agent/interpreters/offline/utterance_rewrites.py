"""Rewrites a whole utterance before it is split: "that collar, no" -> "no collar"."""

import re

from ..language.lexicon import load_lexicon
from ..language.noun_phrases import extract_term, is_noun_phrase
from .defect_names import name_quality_defect

_REFUSED = re.compile(
    r"(?:^|(?<=[.;!])|(?<=\bbut))\s*(?P<thing>[\w' -]{3,40})(?:(?P<asked>\s*[?:=])|\s*(?:,|\s-+\s|\.\.+))\s*"
    r"(?:no|nope|nah|no way)(?:[ ,]+(?:thanks|thank you|please))?\s*[.!]*\s*$",
    re.I,
)
_AFRESH = re.compile(r"\b(start(?:ing)? over|reset|from scratch)\s+(?:but\s+)?(?:with\s+)?(?=no\b|without\b)", re.I)
_RUN_ON = re.compile(r"\b((?:less|more|no|fewer)\s+[\w-]+)\s+(?=(?:less|more|no|fewer|add|keep)\s)", re.I)
_LISTED = re.compile(r"^\s*(?:negatives?(?: prompt)?|exclude|avoid|without|no)\s*:\s*", re.I)


def _format_refusal(match: re.Match[str]) -> str:
    """ "That collar, no" -> "no collar"."""
    thing = match["thing"].strip()
    has_determiner = re.match(r"(?:that|the|this|those|these|his|her|its|their|a|an|my)\s", thing, re.I)
    term, lexicon = extract_term(thing), load_lexicon()
    if term is None or not is_noun_phrase(thing) or lexicon.is_praise(thing) or name_quality_defect(term):
        return match[0]
    command = set(thing.lower().split()) & (
        lexicon.words["verbs"] | lexicon.words["commands"] | lexicon.words["fillers"]
    )
    return f"no {term}" if has_determiner or (match["asked"] and not command) else match[0]


def rewrite_utterance(text: str) -> str:
    """The text in the phrasing of the grammar."""
    return _RUN_ON.sub(r"\1, ", _LISTED.sub("no ", _REFUSED.sub(_format_refusal, _AFRESH.sub(r"\1, ", text))))
