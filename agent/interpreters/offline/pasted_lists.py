"""Reads feedback that is a list in the notation of prompts: "--no fog, boats", "bad-hands-5, (blurry:1.4), lowres".

Such a list is read item by item as a negative prompt, with its weights, or taken as a new prompt if it is one.
"""

import re
from dataclasses import dataclass
from functools import cache

from ...exclusions import parse_negative
from ..edit_draft import EditDraft
from ..guards import acceptable_term
from ..language.lexicon import any_word_pattern, load_lexicon

_MAX_CHARACTERS = 2000
_MIN_ITEMS = 3
"""Number of items from which on text without brackets and names of embeddings is a list."""
_MAX_WORDS = 4
_MAX_OPENED_WORDS = 6
"""Number of words of an item; more if the text says that it is a list of things to leave out."""
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+", re.M)
_WEIGHTED = re.compile(r"\(+[^()]+:\s*\d(?:\.\d+)?\s*\)|\(\([^()]+\)\)")
_MULTI_PROMPT = re.compile(r"([^,;:()\n]+)::\s*(\d+(?:\.\d+)?)")
"""A weight in Midjourney's notation: "umbrella::1.2"."""
_GLOSS = re.compile(r"(?<=\w)\s*\([^():,]*\)")
_EMBEDDING = re.compile(
    r"(?!negatives?$)(?:[\w.-]*negative[\w.-]*|[\w.]+[-_]neg|(?:very)?bad[-_][\w-]*\d[\w.-]*|(?:ng|neg|bad|unaesthetic)[\w-]*[_\d][\w.-]*)",
    re.I,
)
"""The name of a textual inversion that is made for negative prompts, by how such names are formed."""


@dataclass(frozen=True)
class _Patterns:
    opening: re.Pattern[str]
    fault: re.Pattern[str]
    praise: re.Pattern[str]


def read_pasted_list(feedback: str, draft: EditDraft) -> bool:
    """Add what a pasted list asks for to the draft. False if the feedback is no such list."""
    if len(feedback) > _MAX_CHARACTERS or not draft.state.prompt.strip():
        return False
    text, opened = _strip_opening(feedback.strip().rstrip("."))
    if not opened and draft.has_praise and not _patterns().praise.search(text):
        return False
    bulleted = len(_BULLET.findall(text)) > 1
    notation = _to_notation(text, opened)
    listed = parse_negative(notation)
    terms = [exclusion.term for exclusion in listed]
    if not terms or any(_is_request(term, _MAX_OPENED_WORDS if opened else _MAX_WORDS) for term in terms):
        return False
    if any(acceptable_term(term, draft.state, feedback) is None for term in terms):
        return False
    patterns = _patterns()
    has_fault = any(patterns.fault.search(term) for term in terms)
    has_notation = bool(_WEIGHTED.search(notation)) or any(_EMBEDDING.fullmatch(term) for term in terms)
    is_long = len(terms) >= _MIN_ITEMS or (bulleted and len(terms) > 1)
    if is_long and not has_fault and not opened and not has_notation:
        return any(patterns.praise.search(term) for term in terms) and draft.set_prompt(" ".join(text.split()))
    if not (opened or has_notation or (is_long and has_fault)):
        return False
    for exclusion in listed:
        draft.exclude_term(exclusion.term, exclusion.weight)
    return True


def _to_notation(text: str, opened: bool) -> str:
    """The list as a negative prompt: with commas between its items, and weights in parentheses."""
    text = _MULTI_PROMPT.sub(r"(\1:\2)", _BULLET.sub("", text)).replace(" / ", ", ")
    return _GLOSS.sub("", text) if opened else text


def _strip_opening(text: str) -> tuple[str, bool]:
    """The text without what says that it is a list of things to leave out, and whether it said that."""
    stripped, count = _patterns().opening.subn(r"\g<joint>", text)
    return (stripped, count > 0 and _patterns().opening.match(text) is not None)


def _is_request(term: str, max_words: int) -> bool:
    words = term.lower().split()
    if len(words) > max_words or words[0] in load_lexicon().lists["request_starts"]:
        return True
    return "?" in term or ". " in term


@cache
def _patterns() -> _Patterns:
    lexicon = load_lexicon()
    words = lexicon.words
    openings, options = any_word_pattern(lexicon.lists["openings"]), any_word_pattern(lexicon.lists["options"])
    faults = {*lexicon.lists["faults"], *words["wrongness"], *words["flaws"], *words["bent"]}
    start = r"(?P<joint>^|[,;\n])\s*(?:please\s+)?"
    return _Patterns(
        re.compile(
            rf"{start}(?:{options}\s+|{openings}\s*(?::|=>|->|=)\s*|excl\.?\s+|(?:no|without|exclude|remove)\s+(?=\())",
            re.I,
        ),
        re.compile(rf"(?<![\w-]){any_word_pattern(faults)}(?![\w-])", re.I),
        re.compile(rf"(?<![\w-]){any_word_pattern(lexicon.lists['praise'])}(?![\w-])", re.I),
    )
