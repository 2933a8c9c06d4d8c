"""Requests for another variant: "I'd rather have chocolate frosting", "a winter version"."""

import re

from ...edit_draft import EditDraft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .phrase_patterns import IT, SOMEWHERE, strip_politeness
from .registry import action


@action
def apply_preference(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I'd rather have chocolate frosting", "rather see it in evening light"."""
    wish = strip_politeness(match["THING"])
    if re.match(r"(?:not|no|without|keep|leave|to|that|if|you|we|i|too)\b", wish, re.I) or is_pronoun(wish):
        return False
    if placed := re.match(rf"{IT.pattern}\s+(?P<how>.+)", wish, re.I):
        if SOMEWHERE.match(placed["how"]):
            return draft.rewrite(prompt_rewriting.move(draft.prompt, placed["how"]))
        return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, placed["how"]))
    if SOMEWHERE.match(wish):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    if extract_term(wish) is None or load_lexicon().is_praise(wish):
        return False
    if other := attribute_rewriting.modify_noun(draft.prompt, wish):
        return draft.rewrite(other)
    kind = load_lexicon().find_kind(wish)
    return draft.rewrite(
        (kind and prompt_rewriting.swap_kind(draft.prompt, kind, wish))
        or prompt_rewriting.add_phrase(draft.prompt, wish)
    )


@action
def change_tone(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Give the background a soft peach tone"; a thing that the prompt does not have is added."""
    thing = extract_term(match["OWN"])
    changed = (
        attribute_rewriting.set_tone(draft.prompt, thing, strip_politeness(match["QUALITY"]))
        if thing and not is_pronoun(thing)
        else None
    )
    return draft.rewrite(changed)


@action
def make_version(match: RuleMatch, draft: EditDraft) -> bool:
    """ "A night-time version with lights on inside"."""
    quality = strip_politeness(match["QUALITY"])
    kind = load_lexicon().find_kind(quality)
    if kind not in _SORTS or not is_noun_phrase(quality):
        return False
    draft.rewrite(prompt_rewriting.replace_with(draft.prompt, quality))
    if more := strip_politeness(match["THING"]):
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


@action
def change_to(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Go black and white"."""
    quality = strip_politeness(match["QUALITY"])
    return load_lexicon().find_kind(quality) in _SORTS and draft.rewrite(
        prompt_rewriting.replace_with(draft.prompt, quality)
    )


@action
def add_still_wanted(match: RuleMatch, draft: EditDraft) -> bool:
    """ "There is no driver. Somebody has to drive it": the reason for a thing that was reported missing."""
    return draft.missing_thing is not None or draft.prompt != draft.state.prompt
