"""Terms for the negative prompt from complaints about defects."""

import re

from ...terms import singularize
from ..edit_draft import is_pronoun
from ..language.lexicon import load_lexicon
from ..language.noun_phrases import extract_term

HEDGE = (
    r"(?:(?:a bit|a little(?: bit)?|a tad|a touch|slightly|somewhat|rather"
    r"|kind of|sort of|fairly|quite|pretty|really|very|so|just|all|way"
    r"|much|far|still|super|totally|completely|a bit of|bit|extremely"
    r"|incredibly|awfully|terribly|horribly|weirdly|strangely|oddly|unnaturally"
    r"|damn|fucking|little|looking|somehow|almost|also|kinda|more|less"
    r"|as|being|even|that|strongly|visibly|definitely|clearly|seriously"
    r"|nearly|practically|virtually|borderline|heavily|absolutely|now|again|always|once again|mostly|partly)\s+)*"
)

SIDES = r"(?:left|right|other|upper|lower|front|back|rear|inner|outer|near|far|top|bottom)"
"""Adjectives that select one of several parts. They are dropped, because a defect of one is excluded for all."""


def name_defect(subject: str, quality: str) -> str | None:
    """The term for a complaint: ("the ears", "wrong") -> "bad ears".

    None if the quality is no defect: "the dog looks happy".
    """
    words = load_lexicon().words
    quality = re.sub(rf"^{HEDGE}", "", f"{quality.lower().strip(' .,!?')} ").strip()
    noun = extract_term(subject) if subject and not is_pronoun(subject) else None
    noun = re.sub(rf"^{SIDES}\s+(?=\w)", "", noun) if noun else None
    head = noun.split()[-1] if noun else ""
    if head in words["whole_picture"]:
        noun, head = None, ""
    first = quality.split()[0] if quality else ""
    if head in words["writing"] and (first in words["wrongness"] or re.search(_GIBBERISH, quality)):
        return "misspelled text" if head == "spelling" else "gibberish text"
    if re.match(r"(?:gibberish|illegible|misspel|garbled|unreadable)", first):
        return "gibberish text"
    if first in words["extreme"] and head in words["body"]:
        return f"{first} {noun}"
    if first in load_lexicon().kinds["shape"] and singularize(head) in load_lexicon().counts:  # "the wheels are square"
        return f"{first} {noun}"
    if first in words["bent"] and noun and head not in words["body"]:  # "the cup's lip is bent"
        return f"{first} {noun}"
    if first in words["wrongness"] and noun and head != "people":
        return f"bad {noun}" if head in words["body"] else f"{first} {noun}"
    known = name_quality_defect(quality)
    return f"{quality} {noun}" if known == quality and noun else known


_GIBBERISH = (
    r"\b(?:nonsense|gibberish|garbled|unreadable|illegible|sense|misspel\w+"
    r"|mis-?spelt|scrambled|jumbled|wrong|not (?:a )?(?:real )?(?:word"
    r"|english|language)|gobbledygook|made up|made-up|typos?|backwards"
    r"|random|garbage|rubbish|mangled|babble|incorrect|errors?|mistakes?"
    r"|meaningless|off)\b"
)


def name_quality_defect(quality: str) -> str | None:
    """The term for an adjective that is a complaint by itself, or None."""
    known = load_lexicon()
    for length in (3, 2, 1):
        candidate = re.sub(r"^over[- ]", "over", " ".join(quality.split()[:length]))
        if candidate in known.names or candidate in known.words["faults"]:
            return known.names.get(candidate, candidate)
    first = quality.split()[0] if quality else ""
    return first if _SOUNDS_WRONG.fullmatch(first) and first not in known.words["praise"] else None


_SOUNDS_WRONG = re.compile(
    r"over-?(?!all|joyed|head|sized$)\w+ed|over(?:done|blown|lit|bright|sharp)|under-?\w{3,}(?:ed|d|done)|mis-?\w+ed"
    r"|(?!flaw|seam|price|time|effort|match|peer|end|wire|shirt|sleeve|strap|regard|neverthe|noneth|cord"
    r"|hair|home|leaf)\w{3,}less"
    r"|(?!styl|lav|pol|fin|un|van|publ|establ|nour|cher|fem|blem|burn|pun|ban|fam|rel|acc|abol|dimin|adm"
    r"|wish|fet|cat|dist|dol|jelly"
    r"|gold|star|sword|cuttle|spoon|Engl|Span|Turk|Ir|Brit|Pol|Scott|Swed|Dan|Finn|Jew|Wel)\w{3,}ish"
    r"|semi-?\w+|pseudo-?\w+|non-?\w{4,}|(?:de|dis)(?:colou?red|figured|formed|jointed|torted|orient(?:ed"
    r"|ated)|connected)",
    re.I,
)
"""Adjectives whose form shows that something is wrong: "overcooked", "purplish", "misaligned", "lifeless"."""
