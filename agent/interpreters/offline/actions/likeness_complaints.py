"""Complaints about a likeness or a medium: "like a comic", "painted", "a yellow cast"."""

import re

from ...edit_draft import EditDraft
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term
from ..defect_names import SIDES
from ..grammar.rules import RuleMatch
from .registry import action


@action
def complain_looks_like(match: RuleMatch, draft: EditDraft) -> bool:
    """ "It looks like a comic", "as if it were drawn", "more like a render than a photo"."""
    text = re.sub(r"\s+(?:than|rather than)\s.*$", "", match["THING"].lower())
    text = re.sub(r"\s+(?:vibes?|energy)$", "", text)
    if load_lexicon().is_praise(text):
        return True
    likeness = re.match(
        r"(?:it|they|he|she|this|that|someone|somebody|\w+)\s+(?:(?:is|was|were|are|has been|had been|came)\s+)?"
        r"(?P<how>\w+)\b(?:\s+(?:of|from|in|with|by|on)\s+(?P<of>.+))?",
        text,
    )
    if _MEMORY.search(text):  # "like the one my granddad had"
        return True
    if likeness:
        if likeness["how"] == "made" and likeness["of"]:
            return draft.exclude(likeness["of"])
        if likeness["how"] in load_lexicon().made:
            return draft.exclude_term(load_lexicon().made[likeness["how"]])
        if doing := re.fullmatch(
            r"(?:he|she|they|it) (?:is|are) (?P<x>\w{3,}ing)", text
        ):  # "it looks like he is crying"
            return not draft.is_in_prompt(doing["x"]) and draft.exclude_term(doing["x"])
        if re.match(r"(?:it|they|he|she|someone)\b", text):
            return False
    if (
        re.match(r"(?:my|your|our|i|you|we)\b", text)
        or set(match["SUBJECT"].lower().split()[:1]) & load_lexicon().words["verbs"]
    ):
        return False
    text = re.sub(
        r"^(?:something (?:out of|from)|an? (?:cheap|bad|crappy|poor|terrible|kid's|child's)|straight out of|more of"
        r"|more like|it came (?:out of|from))\s+",
        "",
        text,
    )
    return draft.exclude(text)


_MEMORY = re.compile(
    r"\b(?:i|we|my [\w-]+|our [\w-]+)\s+(?:(?:always|once|used to|really|actually)\s+)*(?:had|has|have"
    r"|owns?|owned|used|uses?|lived?"
    r"|lives|works?|worked|grew|bought|wanted|remember|know|knew|imagined|pictured|saw|went|visited|love"
    r"|loved|miss|dreamt|dreamed"
    r"|got|met|married|wore|wears|drove|drives|sold|built|run|ran|runs|played|plays|stayed)\b"
)
""" "The harbour my uncle worked in" is a memory, not a complaint."""


@action
def complain_resembles(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Reminds me of a cheap cartoon": a complaint only if it names a style or a fault."""
    words = set(match["THING"].lower().split())
    if words & load_lexicon().words["faults"] or load_lexicon().find_kind(match["THING"]) == "style":
        return complain_looks_like(match, draft)
    return True


@action
def complain_like_another(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Her nose reminds me of a potato": excludes a malformed part, or the thing it is compared with."""
    noun, other = extract_term(match["OWN"]), match["THING"]
    if draft.has_praise:
        return True
    if noun is None or not re.match(r"(?:an?|some|two)\s|[\w -]+s$", other, re.I):
        return False
    if (
        load_lexicon().find_kind(other) in {"style", "decor", "light"}
        or set(other.split()) & load_lexicon().words["faults"]
    ):
        return False
    noun = re.sub(rf"^{SIDES}\s+(?=\w)", "", noun)
    if noun.split()[-1] in load_lexicon().words["body"]:
        return draft.exclude_term(f"bad {noun}")
    kind = load_lexicon().find_kind(noun)
    if not re.match(r"an?\s", other, re.I):
        return False
    is_another = kind in _KINDS_WITH_WRONG_LIKENESS or (kind is not None and kind == load_lexicon().find_kind(other))
    if (
        is_another
        or noun.split()[-1] in load_lexicon().words["whole_picture"]
        or not re.search(r"\blook", match.clause, re.I)
    ):
        return False
    return draft.exclude_term(f"bad {noun}")


_KINDS_WITH_WRONG_LIKENESS = frozenset({"person", "animal", "place", "building", "background"})
"""Kinds for which the likeness itself is the fault: "the dog looks like a wolf"."""


@action
def complain_made(match: RuleMatch, draft: EditDraft) -> bool:
    """ "It looks painted"."""
    part = re.match(r"(?:(?:the|his|her|its|their|those|these)\s+)?(?P<x>\w+)\s", match.clause.lower())
    if part and part["x"] in load_lexicon().words["body"]:  # "her hands look like they were drawn by a child"
        return draft.exclude_term(f"bad {part['x']}")
    technique = next(word for word in reversed(re.findall(r"\w+", match.clause.lower())) if word in load_lexicon().made)
    return draft.exclude_term(load_lexicon().made[technique])


@action
def complain_tint(match: RuleMatch, draft: EditDraft) -> bool:
    return draft.exclude(match["TINT"])


@action
def complain_vibes(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Clip art vibes"."""
    return load_lexicon().is_praise(match.clause) or draft.exclude(match["THING"])
