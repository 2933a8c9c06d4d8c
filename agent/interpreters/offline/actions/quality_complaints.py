"""Complaints about qualities: "too dark", "not sharp enough", "the ears look wrong"."""

import re

from ....edits import Exclude
from ...edit_draft import EditDraft, is_pronoun
from ...language import attribute_rewriting
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..defect_names import HEDGE, name_defect, name_quality_defect
from ..grammar.rules import RuleMatch
from .prompt_additions import add_wanted
from .registry import action


def complain(draft: EditDraft, subject: str, quality: str) -> bool:
    """Exclude a quality that is a fault: "still grainy", "the ears look wrong"."""
    found = name_defect(subject, quality)
    return found is not None and draft.exclude_term(found)


@action
def exclude_quality(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Don't make it X", "less X": excludes the adjective or the noun."""
    quality = re.sub(rf"^{HEDGE}", "", match["THING"].lower()).strip()
    if load_lexicon().is_praise(quality) or re.match(
        r"(?:changed?|better|removed|touched|there|here|in|on)\b", quality
    ):
        return False
    return draft.exclude_term(name_quality_defect(quality) or "") or draft.exclude(quality)


@action
def complain_too(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Too dark", "her nose is too big", "too many people"."""
    known, quality, subject = load_lexicon(), match["QUALITY"].lower(), match["SUBJECT"]
    if (first := re.match(r"(?:much|very|so)\s+(?P<q>[\w-]+)$", quality)) and _is_quality(first["q"]):  # "too much big"
        quality = first["q"]
    if amount := re.match(r"(?:much|many|few|little)\s+(?:of (?:a |an |the )?|like (?:a |an )?)?(?P<x>.+)$", quality):
        if re.match(r"(?:stuff|things|going on|happening|junk|rubbish|crap)\b", amount["x"]):
            return draft.exclude_term("clutter")
        return not quality.startswith(("few", "little")) and draft.exclude(amount["x"])
    quality = _HEAD_END.split(quality)[0]
    quality = re.sub(r"(?:\s+(?:looking|ly|again|still|everything|everywhere|it|all|overall))+$", "", quality)
    quality = quality.strip(" .!?")
    if quality in known.words["praise"] and re.search(r"\btoo\s+\w+\s+(?:to|for words)\b", match.clause, re.I):
        return True  # "almost too pretty to print"
    if quality in known.words["praise"] and quality not in _TOO_MUCH_OF_A_GOOD_THING:
        return quality == "good"
    if not quality or len(quality.split()) > 4:
        return False
    quality = re.sub(rf"^{HEDGE}", "", quality)
    if quality in {"much", "many", "far", "often"}:  # "the window reflects way too much"
        return False
    subject = re.sub(
        r"(?<=\w)(?:\s+(?:is|are|was|were))?\s+\w+ed(?:\s+up)?$", "", subject
    )  # "saturation cranked too high"
    noun = extract_term(subject) if subject and not is_pronoun(subject) else None
    noun = None if noun and noun.split()[-1] in known.words["whole_picture"] else noun
    if noun:
        if noun in {"colors", "colours", "color", "colour"} and quality in {"high", "strong", "loud", "intense", "hot"}:
            return draft.exclude_term("oversaturated")
        return draft.exclude_term(f"{quality} {noun}")
    return draft.exclude_term(name_quality_defect(quality) or known.names.get(quality, quality))


def _is_quality(word: str) -> bool:
    known = load_lexicon()
    kind = known.kind_of_word.get(word)
    return word in known.words["needs_noun"] | known.words["faults"] or kind in {
        "color",
        "size",
        "age",
        "shape",
        "emotion",
    }


_HEAD_END = re.compile(
    r"\s+(?:for|to|in|on|and|at|with|like|here|now|there|that|this|than|if|my|as|by|when|around|overall|right|even)\b"
    r"(?!$)"
)


_TOO_MUCH_OF_A_GOOD_THING = frozenset(
    {"cute", "pretty", "sweet", "perfect", "nice", "happy", "adorable", "cool", "funny"}
)


@action
def complain_faulty(match: RuleMatch, draft: EditDraft) -> bool:
    """ "It's blurry", "the ears look wrong"; "it isn't blurry" changes nothing."""
    asks = load_lexicon().words["verbs"] | {"can", "could", "may", "might", "would", "should", "must", "shall"}
    subject = match["SUBJECT"].lower().split()
    if {*subject[:1], *subject[-1:]} & asks:  # "let the background be pale", "the booth should be rusty"
        return False
    if re.match(r"my\s", match["SUBJECT"], re.I) and not re.match(
        r"complain|asking|want", match["QUALITY"], re.I
    ):  # "my screen is dirty"
        return True
    if _VERY.search(match.clause) and load_lexicon().kind_of_word.get(match["QUALITY"].lower()) == "color":
        return complain_too(match, draft)
    return match["SUBJECT"].lower() not in {"there", "here", "i", "we"} and complain(
        draft, match["SUBJECT"], match["QUALITY"]
    )


_VERY = re.compile(r"\b(?:very|so|super|extremely|all|everything|way|really|awfully|terribly|quite)\b", re.I)
"""Adverbs that turn a color into a complaint: "it is very yellow"."""


@action
def complain_not_enough(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Not sharp enough": excludes the opposite of the quality, or else adds the quality to the prompt."""
    quality = re.sub(rf"^{HEDGE}", "", f"{match['QUALITY'].lower()} ").strip()
    if opposite := load_lexicon().opposites.get(quality):
        return draft.exclude_term(opposite)
    return "enough" in match.clause.lower().split() and draft.add(quality)


@action
def complain_bare_fault(match: RuleMatch, draft: EditDraft) -> bool:
    """A fault as the whole clause: "blurry", "blurry background", "extra fingers", "weird hands"."""
    text, words = match["THING"].lower().strip(" .!?"), load_lexicon().words
    text = re.sub(
        r"^(?!only\b|early\b|daily\b|ugly\b|silly\b|lovely\b|holy\b|curly\b|family\b)[a-z]{3,}ly\s+(?=\w)", "", text
    )
    if (bare := re.fullmatch(r"(?P<x>\w{3,})less", text)) and bare["x"] in words["things"]:  # "beardless"
        return draft.exclude(bare["x"])
    if draft.has_please and is_noun_phrase(text) and (other := attribute_rewriting.modify_noun(draft.prompt, text)):
        return draft.rewrite(other)
    if draft.has_please and re.match(r"the\s[\w-]+\swith\s", text):  # "the wardrobe with three doors please"
        return add_wanted(text, draft)
    if draft.has_please and is_noun_phrase(text) and _is_wish(text):
        return draft.add(text)
    if name_quality_defect(text) is not None and len(text.split()) == len((name_quality_defect(text) or "").split()):
        return draft.exclude_term(name_quality_defect(text) or text)
    first, *rest = text.split()
    if not is_noun_phrase(text) or first in words["verbs"]:  # "neon is great", "take it off"
        return False
    if len(rest) in (1, 2) and rest[-1] in words["wrongness"] | words["faults"] and first not in words["faults"]:
        return complain(draft, " ".join([first, *rest[:-1]]), rest[-1])  # "hands weird"
    if len(rest) not in (1, 2) or first not in words["wrongness"] | words["faults"] | {"extra", "missing"}:
        return False
    if rest[-1] in words["body"] | words["writing"] and first in words["wrongness"]:
        return draft.exclude_term(f"bad {' '.join(rest)}")
    return draft.exclude_term(text)


def _is_wish(text: str) -> bool:
    """Whether a quality and a thing can be a request: "plain background (please)"."""
    first, *rest = text.split()
    may_be = first in load_lexicon().words["faults"] | load_lexicon().words["needs_noun"] or _is_quality(first)
    return bool(rest) and may_be and not set(text.split()) & load_lexicon().words["wrongness"]


@action
def forbid_change(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Don't make it any darker" changes nothing; "don't make it a cartoon" excludes the cartoon."""
    if re.match(r"(?:any|even|still|much|get|become|be)\b|(?:more|less)\b|\w+er\b", match["THING"], re.I):
        return True
    return exclude_quality(match, draft)


@action
def forbid_attribute(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Don't make the sky green", "the sky shouldn't be green"."""
    if re.search(r"\b(?:more|less|\w+er)$", match["THING"]):
        return True
    words = match["THING"].split()
    thing, quality = (match["THING"], match["QUALITY"]) if match["QUALITY"] else (" ".join(words[:-1]), words[-1])
    return bool(thing) and draft.exclude(f"{quality} {extract_term(thing) or ''}")


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
def complain_tint(match: RuleMatch, draft: EditDraft) -> bool:
    return draft.exclude(match["TINT"])


@action
def complain_flaw(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Banding in the sky": a fault that is named without a comment."""
    term = extract_term(match["THING"])
    flaws = load_lexicon().words["flaws"]
    if re.fullmatch(r"an?\s+[\w-]+", match.clause, re.I):  # "or a stain?"
        return False
    if re.match(r"[\w-]+ (?:the|it|him|her|his|its|their|this|that)\b", match.clause, re.I):  # "blur the background"
        return False
    if re.match(r"more\s", match.clause, re.I):  # "more blur in the background"
        return draft.add(match.clause)
    named = term is not None and (term in flaws or term.split()[-1] in flaws)
    return named and not load_lexicon().is_praise(match.clause) and draft.exclude(term or "")


@action
def complain_cropped(match: RuleMatch, draft: EditDraft) -> bool:
    """ "His head is cut off": cropped, and therefore not missing."""
    missing = [edit for edit in draft.edits if isinstance(edit, Exclude) and edit.term.startswith("missing ")]
    draft.edits = [edit for edit in draft.edits if edit not in missing]
    return draft.exclude_term("cropped")
