"""Corrections of a misunderstood prompt: "no, a bicycle", "a cat instead of a dog"."""

import re

from ...edit_draft import EditDraft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .phrase_patterns import ARTICLE, IT, strip_politeness
from .registry import action

_ANYTHING = re.compile(r"(?:any|every|no)(?:\s\w+|thing|body|one|where)|all", re.I)
""" "Anything but a sword" asks for no sword."""
_NOT_WANTED = re.compile(r"(?:too|not)\b|(?:why|what|how|if|maybe|it|that|this)$", re.I)
""" "He looks rather too stern", "I'd rather not"."""
_UNFINISHED = re.compile(
    r"\b(?:i|i am|is|are|am|be|was|were|must|should|do|does|did|has|have|had|would|rather|can|could|will|may|might"
    r"|shall)$",
    re.I,
)
""" "She is not ..." is a denial that replaces nothing."""


_SHOULD_BE = re.compile(
    r"(?P<thing>(?:the|his|her|its|their|my)\s.+?)\s(?:should|must|needs? to|has to|have to|ought to)(?:\sbe)?\s"
    r"(?P<quality>[\w -]+)",
    re.I,
)


@action
def replace_instead(match: RuleMatch, draft: EditDraft) -> bool:
    """ "A cat instead of a dog", "watercolor rather than photo"."""
    old, new = match["OLD"], strip_politeness(match["NEW"])
    if _ANYTHING.fullmatch(old) or _NOT_WANTED.match(new) or _UNFINISHED.search(new) or _UNFINISHED.search(old):
        return False
    if (
        re.search(r"\bnot\s+\S+$", match.clause, re.I)
        and load_lexicon().find_kind(old) is None
        and not ARTICLE.match(old)
    ):
        return False
    new = re.sub(
        r"^(?:(?:can|could|may) (?:i|we|you) (?:please )?(?:have|get|see|do|try|make it|use)"
        r"|(?:can|could|may|might|should|would|let) there (?:please )?be|there (?:should|must|could|need to) be"
        r"|make (?:it|that|him|her|this)|i (?:would like|would prefer|want|meant|said)|use|put|draw|show"
        r"|give (?:me|him|her)|have|with|try|let it be|let us have|do|turn it into|it should be|should be|as|in"
        r"|change (?:it|that) to)\s+(?:be\s+)?",
        "",
        new,
        flags=re.I,
    )
    if should := _SHOULD_BE.fullmatch(new):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, should["thing"], should["quality"]))
    if IT.fullmatch(old):
        return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, new))
    if swapped := prompt_rewriting.swap(draft.prompt, old, new):
        return draft.rewrite(swapped)
    are_worn = load_lexicon().find_kind(new) in {"headwear", "clothes"} and load_lexicon().find_kind(old) in {
        "headwear",
        "clothes",
    }
    return draft.rewrite(
        prompt_rewriting.add_phrase(draft.prompt, new) if are_worn else prompt_rewriting.replace_with(draft.prompt, new)
    )


@action
def correct(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I meant a cat": replaces what was misunderstood."""
    new = strip_politeness(match["THING"])
    if re.search(
        r"\w (?:should|must|could|needs? to|has to|have to|ought to) be\s", new, re.I
    ):  # "the hat should be red"
        return False
    if re.match(r"(?:take|remove|delete|lose|drop|erase|ditch|cut|hide|get rid of)\s", new, re.I):
        return False
    if re.match(r"(?:none|zero|nothing|neither)$", new, re.I):  # "I asked for none"
        return bool(draft.edits)
    if none := re.match(r"(?:no|without|zero)\s+(?P<x>.+)", new, re.I):
        return draft.exclude(none["x"])
    if is_pronoun(new) or extract_term(new) is None:
        return False
    if draft.rejected_phrase and (swapped := prompt_rewriting.swap(draft.prompt, draft.rejected_phrase, new)):
        return draft.rewrite(swapped)
    if draft.excluded_phrase and draft.excluded_phrase == draft.rejected_phrase:
        return draft.add(new)
    if other := prompt_rewriting.set_count(draft.prompt, new) or attribute_rewriting.modify_noun(draft.prompt, new):
        return draft.rewrite(other)
    return draft.rewrite(prompt_rewriting.correct(draft.prompt, new))


@action
def apply_correction(match: RuleMatch, draft: EditDraft) -> bool:
    """The clause after a bare "no": what the picture should show instead."""
    phrase = match["THING"]
    if not draft.is_correction or not is_noun_phrase(phrase):
        return False
    if re.match(r"(?:more|less|the same)\b", phrase, re.I) or load_lexicon().is_praise(phrase):
        return False
    return correct(match, draft)


@action
def reject_wanted(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Not a scarf": part of a correction if the prompt asks for a scarf, or else excludes it."""
    term = extract_term(match["THING"])
    if term is None:
        return False
    is_one = bool(re.match(r"not\s+an?\s", match.clause, re.I))
    if not is_one and not draft.is_in_prompt(term):
        return False
    added = draft.prompt.removeprefix(f"{draft.state.prompt}, ")
    if added != draft.prompt and (swapped := prompt_rewriting.swap(draft.state.prompt, term, added)):
        return draft.rewrite(swapped)  # "laughing on the phone, not reading"
    if draft.prompt == draft.state.prompt and not draft.is_in_prompt(term):
        return draft.exclude(term)
    draft.is_correction, draft.rejected_phrase = True, term
    return True
