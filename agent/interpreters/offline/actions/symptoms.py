"""What displeases without a word that says so: pointed at, groaned at, or told by its signs."""

import re

from ....edits import Exclude
from ...edit_draft import Draft
from ...language.lexicon import lexicon
from ...language.noun_phrases import is_noun_phrase, term_of
from ..grammar.rules import Reading
from .registry import act


@act
def symptom(said: Reading, draft: Draft) -> bool:
    """ "I can count the pixels": what that is a sign of."""
    if said.denied or lexicon().is_praise(said.clause) or re.search(r"\bsigned (?:it |this )?off\b", said.clause, re.I):
        return False
    text = f" {said.clause.lower()} ".replace('"', "")
    text += text.replace("-", " ")
    found = next(
        (
            term
            for term, signs in lexicon().symptoms.items()
            if any(f" {sign} " in text and not draft.wants(sign) for sign in signs)
        ),
        None,
    )
    return found is not None and draft.exclude_term(found)


@act
def flaw(said: Reading, draft: Draft) -> bool:
    """ "Banding in the sky": what is there by mistake, and nothing said of it."""
    term = term_of(said["THING"])
    flaws = lexicon().words["flaws"]
    if re.fullmatch(r"an?\s+[\w-]+", said.clause, re.I):  # "or a stain?"
        return False
    if re.match(r"[\w-]+ (?:the|it|him|her|his|its|their|this|that)\b", said.clause, re.I):  # "blur the background"
        return False
    if re.match(r"more\s", said.clause, re.I):  # "more blur in the background"
        return draft.add(said.clause)
    named = term is not None and (term in flaws or term.split()[-1] in flaws)
    return named and not lexicon().is_praise(said.clause) and draft.exclude(term or "")


@act
def pointed_at(said: Reading, draft: Draft) -> bool:
    """ "There's a spoon on it": a complaint, if nothing else is said about it."""
    if lexicon().is_praise(said.clause):
        return True
    if re.match(
        r"(?:no\s|not\s|none\b|been|to|had|gone|come|become|\w+ed)\b", said["THING"], re.I
    ):  # "he has been ..."
        return False
    if re.search(r"\b(?:the right|the perfect|the exact|the correct)\b", said["THING"], re.I):
        return True
    draft.mention = term_of(said["THING"])
    if draft.mention and any(isinstance(edit, Exclude) for edit in draft.edits):  # one complaint more
        return draft.exclude(draft.mention)
    draft.pending = draft.mention
    return draft.mention is not None


@act
def annoyed(said: Reading, draft: Draft) -> bool:
    """ "The flies bother me": there should be none; "his smile creeps me out": the smile should be another."""
    noun = term_of(said["THING"]) if said["THING"] else None
    if re.match(r"(?:going on|happening|stuff|things|clutter|mess)\b", said["THING"], re.I):
        return draft.exclude_term("clutter")
    where = _SOMEWHERE.search(said["THING"])
    named = said["THING"][: where.start()] if where else said["THING"]
    if named and not is_noun_phrase(named):  # "my client keeps asking"
        return False
    if noun in lexicon().kinds["background"]:
        return draft.exclude_term(f"busy {noun}")
    body = lexicon().words["body"]
    is_off = where is not None and where["place"].lower() not in body  # "that hair on the rim of the bowl"
    if noun and noun.split()[-1] in body and not is_off and not draft.known(noun):
        return draft.exclude_term(f"bad {noun}")
    return not lexicon().is_praise(said.thing) and draft.exclude(said.thing)


_SOMEWHERE = re.compile(
    r"\s(?:\w+ing\s+)?(?:on|in|at|across|over|under|around|behind|along)\s+(?:the|my|our|that)\s+(?P<place>\w+)", re.I
)
"""Where a thing is: "that cord | running across the floor"."""


@act
def groaned_at(said: Reading, draft: Draft) -> bool:
    """ "Ugh, that vignette"."""
    return draft.groaned and is_noun_phrase(said["OWN"]) and draft.exclude(said["OWN"])


@act
def cropped(said: Reading, draft: Draft) -> bool:
    """ "His head is cut off", and so it isn't missing."""
    missing = [edit for edit in draft.edits if isinstance(edit, Exclude) and edit.term.startswith("missing ")]
    draft.edits = [edit for edit in draft.edits if edit not in missing]
    return draft.exclude_term("cropped")


@act
def low_quality(said: Reading, draft: Draft) -> bool:
    """ "Shot on a flip phone"."""
    return not (said.denied or lexicon().is_praise(said.clause)) and draft.exclude_term("low quality")


@act
def blurry(said: Reading, draft: Draft) -> bool:
    return draft.exclude_term("blurry")
