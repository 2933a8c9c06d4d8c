"""Wishes for what is there to be of another sort: "I'd rather have chocolate frosting", "a winter version"."""

import re

from ...edit_draft import Draft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import lexicon
from ...language.noun_phrases import is_noun_phrase, term_of
from ..grammar.rules import Reading
from .phrase_patterns import IT, SOMEWHERE, polite
from .registry import act


@act
def preferred(said: Reading, draft: Draft) -> bool:
    """ "I'd rather have chocolate frosting", "rather see it in evening light"."""
    wish = polite(said["THING"])
    if re.match(r"(?:not|no|without|keep|leave|to|that|if|you|we|i|too)\b", wish, re.I) or is_pronoun(wish):
        return False
    if pointed := re.match(rf"{IT.pattern}\s+(?P<how>.+)", wish, re.I):
        if SOMEWHERE.match(pointed["how"]):
            return draft.rewrite(prompt_rewriting.move(draft.prompt, pointed["how"]))
        return draft.rewrite(prompt_rewriting.become(draft.prompt, pointed["how"]))
    if SOMEWHERE.match(wish):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    if term_of(wish) is None or lexicon().is_praise(wish):
        return False
    if other := attribute_rewriting.modified(draft.prompt, wish):
        return draft.rewrite(other)
    kind = lexicon().kind(wish)
    return draft.rewrite(
        (kind and prompt_rewriting.swap_kind(draft.prompt, kind, wish)) or prompt_rewriting.add(draft.prompt, wish)
    )


@act
def toned(said: Reading, draft: Draft) -> bool:
    """ "Give the background a soft peach tone"; of what the prompt doesn't speak of it is a gift like others."""
    thing = term_of(said["OWN"])
    changed = (
        attribute_rewriting.toned(draft.prompt, thing, polite(said["QUALITY"]))
        if thing and not is_pronoun(thing)
        else None
    )
    return draft.rewrite(changed)


@act
def version(said: Reading, draft: Draft) -> bool:
    """ "A night-time version with lights on inside"."""
    quality = polite(said["QUALITY"])
    kind = lexicon().kind(quality)
    if kind not in _SORTS or not is_noun_phrase(quality):
        return False
    draft.rewrite(prompt_rewriting.become(draft.prompt, quality))
    if more := polite(said["THING"]):
        draft.add(f"with {more}")
    return True


_SORTS = frozenset(
    [
        "tone",
        "season",
        "time",
        "weather",
        "style",
        "light",
        "color",
        "emotion",
        "decor",
        "material",
        "age",
        "animal",
        "framing",
    ]
)


@act
def going(said: Reading, draft: Draft) -> bool:
    """ "Go black and white"."""
    quality = polite(said["QUALITY"])
    return lexicon().kind(quality) in _SORTS and draft.rewrite(prompt_rewriting.become(draft.prompt, quality))


@act
def wanted_still(said: Reading, draft: Draft) -> bool:
    """ "There is no driver. Somebody has to drive it": only says why, and of what was missed."""
    return draft.wanted is not None or draft.prompt != draft.state.prompt
