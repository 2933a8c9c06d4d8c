"""Wishes for another view, size or number."""

import re

from ....terms import singular
from ...edit_draft import Draft, is_pronoun
from ...language import prompt_rewriting
from ...language.lexicon import lexicon
from ...language.morphology import past
from ...language.noun_phrases import is_noun_phrase, term_of
from ..grammar.rules import Reading
from .phrase_patterns import polite
from .registry import act


@act
def framed(said: Reading, draft: Draft) -> bool:
    """ "45 degree angle", "view from below", "three pairs"."""
    wish = polite(said.clause)
    term = term_of(said["THING"])
    if term is None or lexicon().is_praise(wish) or draft.known(wish) or not is_noun_phrase(said["THING"]):
        return False
    counted = re.match(r"(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|a dozen|several)\s+[a-z]", wish, re.I)
    if (single := re.fullmatch(r"(?:only|just)?\s*(?:one|a single|single)\s+(?P<x>[\w-]+)", wish, re.I)) and re.search(
        rf"\b{re.escape(single['x'])}", draft.prompt, re.I
    ):
        return draft.rewrite(prompt_rewriting.recount(draft.prompt, f"one {single['x']}"))
    if counted and len(wish.split()) <= 3 and singular(term.split()[-1]) not in lexicon().counts:
        return draft.rewrite(prompt_rewriting.recount(draft.prompt, wish))
    return (
        term.split()[-1] in lexicon().words["shots"]
        and " of " not in wish
        and len(wish.split()) <= 7
        and draft.add(wish)
    )


@act
def turned(said: Reading, draft: Draft) -> bool:
    """ "Rotate it 30 degrees"."""
    verb = said.clause.split()[0].lower()
    return draft.add(polite(f"{_TURNED[verb]} {said['REST']}"))


_TURNED = {"rotate": "rotated", "tilt": "tilted", "flip": "flipped", "mirror": "mirrored"}


@act
def processed(said: Reading, draft: Draft) -> bool:
    """ "Blur the background", "darken the sky": asked for as it is then."""
    verb, term = said.clause.split()[0].lower(), term_of(said["OWN"])
    if term is None or is_pronoun(said["OWN"]) or term in lexicon().words["whole_picture"]:
        return verb in _COMPARATIVE and draft.add(_COMPARATIVE[verb])
    done = {"light": "lit", "tidy": "tidied"}.get(verb, past(verb))
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, term, done))


_COMPARATIVE = {
    "brighten": "brighter",
    "darken": "darker",
    "lighten": "lighter",
    "sharpen": "sharper",
    "simplify": "simpler",
    "soften": "softer",
}
"""What the whole picture should be then."""


@act
def scaled(said: Reading, draft: Draft) -> bool:
    """ "Scale the door up", "shrink the logo"."""
    if (term := term_of(said["THING"])) is None or is_pronoun(said["THING"]):
        return False
    smaller = re.search(r"\b(?:down|smaller|shrink|downsize)\b", said.clause, re.I)
    return draft.add(f"{'smaller' if smaller else 'bigger'} {term}")


@act
def compared(said: Reading, draft: Draft) -> bool:
    """ "Fur darker", "the boat a bit bigger"."""
    term = term_of(said["THING"])
    plain = is_noun_phrase(said["THING"]) and said["THING"].lower().split()[0] not in lexicon().words["verbs"]
    if term is None or is_pronoun(said["THING"]) or not plain or len(said["THING"].split()) > 3:
        return False
    quality = re.sub(r"^(?:a bit|a little|much|way|slightly|even|a tad|far)\s+", "", said["COMPARATIVE"])
    return " " not in polite(quality) and draft.add(f"{polite(quality)} {term}")


@act
def faces(said: Reading, draft: Draft) -> bool:
    """ "Turn her to face the camera": not from the side any more."""
    towards = polite(said["THING"]) or "the camera"
    if re.fullmatch(r"(?:me|us|camera|(?:the )?(?:viewer|front))", towards, re.I):
        towards = "the camera"
    facing = f"facing {towards}"
    seen = prompt_rewriting.swap_kind(draft.prompt, "facing", facing) if towards == "the camera" else None
    return draft.rewrite(seen or prompt_rewriting.add(draft.prompt, facing))


@act
def camera(said: Reading, draft: Draft) -> bool:
    """ "Zoom out", "zoom out so that we see the sea"."""
    framed = prompt_rewriting.become(draft.prompt, lexicon().camera[said["CAMERA"].lower()])
    return draft.rewrite(prompt_rewriting.add(framed, said["THING"]) if said["THING"] else framed)
