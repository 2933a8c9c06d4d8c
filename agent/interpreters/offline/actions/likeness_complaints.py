"""Complaints of what it looks like: "like a comic", "painted", "a yellow cast"."""

import re

from ...edit_draft import Draft
from ...language.lexicon import lexicon
from ...language.noun_phrases import term_of
from ..defect_names import SIDES
from ..grammar.rules import Reading
from .registry import act


@act
def looks_like(said: Reading, draft: Draft) -> bool:
    """ "It looks like a comic", "as if it were drawn", "more like a render than a photo"."""
    text = re.sub(r"\s+(?:than|rather than)\s.*$", "", said["THING"].lower())
    text = re.sub(r"\s+(?:vibes?|energy)$", "", text)
    if lexicon().is_praise(text):
        return True
    made = re.match(
        r"(?:it|they|he|she|this|that|someone|somebody|\w+)\s+(?:(?:is|was|were|are|has been|had been|came)\s+)?"
        r"(?P<how>\w+)\b(?:\s+(?:of|from|in|with|by|on)\s+(?P<of>.+))?",
        text,
    )
    if _REMEMBERED.search(text):  # "like the one my granddad had"
        return True
    if made:
        if made["how"] == "made" and made["of"]:
            return draft.exclude(made["of"])
        if made["how"] in lexicon().made:
            return draft.exclude_term(lexicon().made[made["how"]])
        if doing := re.fullmatch(
            r"(?:he|she|they|it) (?:is|are) (?P<x>\w{3,}ing)", text
        ):  # "it looks like he is crying"
            return not draft.wants(doing["x"]) and draft.exclude_term(doing["x"])
        if re.match(r"(?:it|they|he|she|someone)\b", text):
            return False
    if (
        re.match(r"(?:my|your|our|i|you|we)\b", text)
        or set(said["SUBJECT"].lower().split()[:1]) & lexicon().words["verbs"]
    ):
        return False
    text = re.sub(
        r"^(?:something (?:out of|from)|an? (?:cheap|bad|crappy|poor|terrible|kid's|child's)|straight out of|more of"
        r"|more like|it came (?:out of|from))\s+",
        "",
        text,
    )
    return draft.exclude(text)


_REMEMBERED = re.compile(
    r"\b(?:i|we|my [\w-]+|our [\w-]+)\s+(?:(?:always|once|used to|really|actually)\s+)*(?:had|has|have"
    r"|owns?|owned|used|uses?|lived?"
    r"|lives|works?|worked|grew|bought|wanted|remember|know|knew|imagined|pictured|saw|went|visited|love"
    r"|loved|miss|dreamt|dreamed"
    r"|got|met|married|wore|wears|drove|drives|sold|built|run|ran|runs|played|plays|stayed)\b"
)
""" "The harbour my uncle worked in": no complaint."""


@act
def resembles(said: Reading, draft: Draft) -> bool:
    """ "Reminds me of a cheap cartoon": a complaint only where a style or a fault is named."""
    words = set(said["THING"].lower().split())
    if words & lexicon().words["faults"] or lexicon().kind(said["THING"]) == "style":
        return looks_like(said, draft)
    return True


@act
def like_another(said: Reading, draft: Draft) -> bool:
    """ "Her nose reminds me of a potato": something is wrong with a part, or with a thing that looks like another."""
    noun, other = term_of(said["OWN"]), said["THING"]
    if draft.praised:
        return True
    if noun is None or not re.match(r"(?:an?|some|two)\s|[\w -]+s$", other, re.I):
        return False
    if lexicon().kind(other) in {"style", "decor", "light"} or set(other.split()) & lexicon().words["faults"]:
        return False
    noun = re.sub(rf"^{SIDES}\s+(?=\w)", "", noun)
    if noun.split()[-1] in lexicon().words["body"]:
        return draft.exclude_term(f"bad {noun}")
    kind = lexicon().kind(noun)
    if not re.match(r"an?\s", other, re.I):
        return False
    is_another = kind in _BECOME_ANOTHER or (kind is not None and kind == lexicon().kind(other))
    if (
        is_another
        or noun.split()[-1] in lexicon().words["whole_picture"]
        or not re.search(r"\blook", said.clause, re.I)
    ):
        return False
    return draft.exclude_term(f"bad {noun}")


_BECOME_ANOTHER = frozenset({"person", "animal", "place", "building", "background"})
"""Of these it is the likeness itself that displeases: "the dog looks like a wolf"."""


@act
def made(said: Reading, draft: Draft) -> bool:
    """ "It looks painted"."""
    part = re.match(r"(?:(?:the|his|her|its|their|those|these)\s+)?(?P<x>\w+)\s", said.clause.lower())
    if part and part["x"] in lexicon().words["body"]:  # "her hands look like they were drawn by a child"
        return draft.exclude_term(f"bad {part['x']}")
    how = next(word for word in reversed(re.findall(r"\w+", said.clause.lower())) if word in lexicon().made)
    return draft.exclude_term(lexicon().made[how])


@act
def tint(said: Reading, draft: Draft) -> bool:
    return draft.exclude(said["TINT"])


@act
def vibes(said: Reading, draft: Draft) -> bool:
    """ "Clip art vibes"."""
    return lexicon().is_praise(said.clause) or draft.exclude(said["THING"])
