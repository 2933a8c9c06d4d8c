"""Requests for another view, size or count."""

import re

from ....terms import singularize
from ...edit_draft import EditDraft, is_pronoun
from ...language import prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.morphology import past_tense
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .phrase_patterns import strip_politeness
from .registry import action


@action
def set_framing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "45 degree angle", "view from below", "three pairs"."""
    wish = strip_politeness(match.clause)
    term = extract_term(match["THING"])
    if (
        term is None
        or load_lexicon().is_praise(wish)
        or draft.find_exclusion(wish)
        or not is_noun_phrase(match["THING"])
    ):
        return False
    is_count = re.match(r"(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|a dozen|several)\s+[a-z]", wish, re.I)
    if (single := re.fullmatch(r"(?:only|just)?\s*(?:one|a single|single)\s+(?P<x>[\w-]+)", wish, re.I)) and re.search(
        rf"\b{re.escape(single['x'])}", draft.prompt, re.I
    ):
        return draft.rewrite(prompt_rewriting.update_count(draft.prompt, f"one {single['x']}"))
    if is_count and len(wish.split()) <= 3 and singularize(term.split()[-1]) not in load_lexicon().counts:
        return draft.rewrite(prompt_rewriting.update_count(draft.prompt, wish))
    return (
        term.split()[-1] in load_lexicon().words["shots"]
        and " of " not in wish
        and len(wish.split()) <= 7
        and draft.add(wish)
    )


@action
def rotate(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Rotate it 30 degrees"."""
    verb = match.clause.split()[0].lower()
    return draft.add(strip_politeness(f"{_TURNED[verb]} {match['REST']}"))


_TURNED = {"rotate": "rotated", "tilt": "tilted", "flip": "flipped", "mirror": "mirrored"}


@action
def process_image(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Blur the background", "darken the sky": adds the result to the prompt."""
    verb, term = match.clause.split()[0].lower(), extract_term(match["OWN"])
    if term is None or is_pronoun(match["OWN"]) or term in load_lexicon().words["whole_picture"]:
        return verb in _COMPARATIVE and draft.add(_COMPARATIVE[verb])
    participle = {"light": "lit", "tidy": "tidied"}.get(verb, past_tense(verb))
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, term, participle))


_COMPARATIVE = {
    "brighten": "brighter",
    "darken": "darker",
    "lighten": "lighter",
    "sharpen": "sharper",
    "simplify": "simpler",
    "soften": "softer",
}
"""Image operation -> the word that describes the whole picture afterwards."""


@action
def scale_thing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Scale the door up", "shrink the logo"."""
    if (term := extract_term(match["THING"])) is None or is_pronoun(match["THING"]):
        return False
    smaller = re.search(r"\b(?:down|smaller|shrink|downsize)\b", match.clause, re.I)
    return draft.add(f"{'smaller' if smaller else 'bigger'} {term}")


@action
def compare_quality(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Fur darker", "the boat a bit bigger"."""
    term = extract_term(match["THING"])
    plain = is_noun_phrase(match["THING"]) and match["THING"].lower().split()[0] not in load_lexicon().words["verbs"]
    if term is None or is_pronoun(match["THING"]) or not plain or len(match["THING"].split()) > 3:
        return False
    quality = re.sub(r"^(?:a bit|a little|much|way|slightly|even|a tad|far)\s+", "", match["COMPARATIVE"])
    return " " not in strip_politeness(quality) and draft.add(f"{strip_politeness(quality)} {term}")


@action
def set_facing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Turn her to face the camera": also excludes the side view."""
    target = strip_politeness(match["THING"]) or "the camera"
    if re.fullmatch(r"(?:me|us|camera|(?:the )?(?:viewer|front))", target, re.I):
        target = "the camera"
    facing = f"facing {target}"
    replaced = prompt_rewriting.swap_kind(draft.prompt, "facing", facing) if target == "the camera" else None
    return draft.rewrite(replaced or prompt_rewriting.add_phrase(draft.prompt, facing))


@action
def move_camera(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Zoom out", "zoom out so that we see the sea"."""
    framed = prompt_rewriting.replace_with(draft.prompt, load_lexicon().camera[match["CAMERA"].lower()])
    return draft.rewrite(prompt_rewriting.add_phrase(framed, match["THING"]) if match["THING"] else framed)
