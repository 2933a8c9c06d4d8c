"""Complaints of parts of bodies and things, and of writing: too many, missing, or bad ones."""

import re

from ....edits import Exclude
from ....terms import singular
from ...edit_draft import Draft, is_pronoun
from ...language.lexicon import lexicon
from ...language.noun_phrases import term_of
from ..defect_names import SIDES
from ..grammar.rules import Reading
from .impossible_scenes import floats
from .registry import act
from .symptoms import symptom


@act
def counted(said: Reading, draft: Draft) -> bool:
    """ "He has six fingers", "the horse has five legs", "an arm too many"."""
    number, part = said["NUMBER"].lower(), said["PART"].lower()
    if not part and draft.mention:
        number, part = "extra", draft.mention.split()[-1]
    normal = lexicon().counts.get(singular(part))
    if normal is None:
        return False
    if said["SIDE"]:
        return draft.exclude_term(f"bad {part}")
    count = int(number) if number.isdigit() else _NUMBERS.index(number) if number in _NUMBERS else 99
    if count == normal:
        return False
    few = re.search(r"\bonly\b", said.clause, re.I) and normal > 1
    kind = "missing" if few else "extra" if count > normal or (count > 2 and normal == 4) else "missing"
    return draft.exclude_term(f"{kind} {_plural(part)}")


_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@act
def miscounted(said: Reading, draft: Draft) -> bool:
    """ "Count the legs": there are too many, where nothing else was complained of."""
    if singular(said["PART"].lower()) not in lexicon().counts:
        return False
    complains = any(isinstance(edit, Exclude) for edit in draft.edits)
    return complains or draft.exclude_term(f"extra {_plural(said['PART'].lower())}")


@act
def part_missing(said: Reading, draft: Draft) -> bool:
    """ "Where did its tail go?", "one arm is missing"."""
    part = said["PART"].lower()
    return singular(part) in {*lexicon().counts, "limb"} and draft.exclude_term(f"missing {_plural(part)}")


@act
def bad(said: Reading, draft: Draft) -> bool:
    """ "The face is melting": something is wrong with the thing."""
    noun = term_of(said.thing)
    of_part = noun is not None and noun.split()[-1] in lexicon().words["body"]
    if not (of_part and re.search(r"\b(?:melt|merg|fus|grow|blend)", said.clause, re.I)) and symptom(said, draft):
        return True
    if noun is None or is_pronoun(said.thing) or lexicon().is_praise(said.clause):
        return False
    if re.match(r"(?:my|our|your)\s", said.thing, re.I) and not _is_part(noun):  # "my colleague is wrong"
        return True
    noun = re.sub(rf"^{SIDES}\s+(?=\w)", "", noun)
    if re.search(r"\b(?:grow|com|stick|sprout)\w* (?:out of|from)\s", said.clause, re.I) and not _is_part(noun):
        return draft.exclude(noun)
    if re.search(r"\b(?:floating|hovering|levitating)", said.clause, re.I):
        return not floats(noun) and draft.exclude_term("floating")
    if re.search(r"\bmelt", said.clause, re.I) and not _is_part(noun):
        return draft.exclude_term(f"melted {noun}")
    return draft.exclude_term("gibberish text" if _is_writing(noun) else f"bad {noun}")


@act
def bad_or_exclude(said: Reading, draft: Draft) -> bool:
    """ "What happened to her hands": a bad part; of anything else there should be none."""
    noun = term_of(said["THING"])
    if noun is None:
        return draft.exclude_term("bad quality")
    if draft.known(noun) and re.search(r"\bhappened\b", said.clause):  # it went where it was told to go
        draft.mention = noun
        return True
    if more := re.match(r"(?:extra|third|second|additional|sixth|fifth)\s+(?P<part>[\w-]+)$", noun):
        return draft.exclude_term(f"extra {_plural(more['part'])}")
    if re.search(r"\b(?:happened|wrong|off|weird|strange|odd|funny|right)\b", said.clause) or _is_part(noun):
        return draft.exclude_term("gibberish text" if _is_writing(noun) else f"bad {noun}")
    return draft.exclude(noun)


@act
def bad_part(said: Reading, draft: Draft) -> bool:
    """ "Those hands", and nothing more."""
    return said["PART"].lower() in lexicon().words["body"] and draft.exclude_term(f"bad {said['PART'].lower()}")


@act
def bad_text(said: Reading, draft: Draft) -> bool:
    """ "The lettering makes no sense"."""
    noun = term_of(said["THING"]) if said["THING"] else None
    if re.search(r"\b(?:tiny|small|little|minuscule)\s", said["THING"], re.I):
        return draft.exclude_term("tiny text")
    if noun is None or _is_writing(noun):
        return draft.exclude_term("gibberish text")
    return draft.exclude(noun)


@act
def misspelled_word(said: Reading, draft: Draft) -> bool:
    """ "HAPPY is missing a P"."""
    return draft.exclude_term("misspelled text")


@act
def bad_if_part(said: Reading, draft: Draft) -> bool:
    """ "That's not his tail": a bad one."""
    part = said["PART"].lower()
    if part in lexicon().words["writing"] | {"language", "english"}:
        return draft.exclude_term("gibberish text")
    return part in lexicon().words["body"] and draft.exclude_term(f"bad {part}")


def _plural(part: str) -> str:
    return part if part.endswith("s") or part in {"feet", "teeth"} else f"{part}s"


def _is_part(noun: str) -> bool:
    return noun.split()[-1] in lexicon().words["body"] | lexicon().words["writing"]


def _is_writing(noun: str) -> bool:
    return noun.split()[-1] in lexicon().words["writing"] | {"sign", "signs", "logo", "poster", "awning", "sticker"}
