"""Rewrites a whole utterance before it is split: corrections, reasons, and praise that starts as a complaint."""

import re

from ...edit_draft import EditDraft
from ...language import prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..defect_names import name_quality_defect
from ..descriptions.parser import split_description
from .idioms import find_forgotten, rephrase_got_instead, rephrase_rejection

_REFUSED = re.compile(
    r"(?:^|(?<=[.;!])|(?<=\bbut))\s*(?P<thing>[\w' -]{3,40})(?:(?P<asked>\s*[?:=])|\s*(?:,|\s-+\s|\.\.+))\s*"
    r"(?:no|nope|nah|no way)(?:[ ,]+(?:thanks|thank you|please))?\s*[.!]*\s*$",
    re.I,
)
_AFRESH = re.compile(r"\b(start(?:ing)? over|reset|from scratch)\s+(?:but\s+)?(?:with\s+)?(?=no\b|without\b)", re.I)
_WON_OVER = re.compile(
    r"\b(?:hate|dislike|(?:don't|didn't) (?:usually |normally )?like|not (?:usually "
    r"|normally )?an? (?:big |huge )?fan"
    r" of)"
    r"\s+(?!(?:the|that|this|those|these|his|her|its|their|how|your)\b)[^.!?,]*,?\s+but\s+"
    r"(?:this|that|it|yours|these|here|(?:in|on|with) (?:this|here|him|her|it|them))\b(?P<praise>.*)$"
    r"|\bhate\b[^.!?,]*\s+but i (?:don't|didn't|do not|did not)\b",
    re.I,
)
""" "I hate cats, but this is cute" is praise."""
_X_NOT_Y = re.compile(
    r"(?P<new>(?:an?\s)?[\w-]+(?: [\w-]+)?),?\s+not\s+(?P<old>(?:an?\s)?[\w-]+(?: [\w-]+)?)[.!]*$", re.I
)
""" "Photo, not drawing", if the prompt asks for a drawing."""
_RUN_ON = re.compile(r"\b((?:less|more|no|fewer)\s+[\w-]+)\s+(?=(?:less|more|no|fewer|add|keep)\s)", re.I)
_PLUS = re.compile(
    r"((?:^|\s|,)(?:minus|no|without|remove|lose|drop|take|ditch|delete|less"
    r"|get rid of)\s[^.!?;]*?),?\s+plus\s+(?=(?:an?|some|two|three|more)\s)",
    re.I,
)
""" "Minus the knights, plus a princess" adds a princess."""
_SO_DO = re.compile(
    r"(?:^|(?<=[.!?;]\s))(?:he|she|it|they|this|everything|(?:the|that) [\w-]+(?: [\w-]+)?) "
    r"(?:just |really )?(?:looks?|seems?|feels?|is|are|'s) (?!too\b|so\b|way\b|still\b|not\b)[\w -]{3,40}?,? so "
    r"(?=(?:please |can you |could you |let's |maybe |just )*(?:add|give|put|make|remove|lose|drop|swap"
    r"|change|bring|have)\s)",
    re.I,
)
""" "He looks lonely there, so add a dog": the first part is only a reason."""
_GIVES_IN = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|alright|all right|well|yeah|ah|oh)[ ,]+)*(?:fine|very well|i take (?:it"
    r"|that) back|i give in|you win"
    r"|have it your way|scratch that|as you wish)[ ,:;.!-]+"
    r"(?=(?:give|bring|put|let|add|keep|allow|restore|the|he|she|it|they|i|we|you)\s\S)",
    re.I,
)
""" "OK fine, give him his cigar back", "I take it back, the cigar can stay"."""
_LISTED = re.compile(r"^\s*(?:negatives?(?: prompt)?|exclude|avoid|without|no)\s*:\s*", re.I)


def _format_refusal(match: re.Match[str]) -> str:
    """ "That collar, no" -> "no collar"."""
    thing = match["thing"].strip()
    has_determiner = re.match(r"(?:that|the|this|those|these|his|her|its|their|a|an|my)\s", thing, re.I)
    term, lexicon = extract_term(thing), load_lexicon()
    if term is None or not is_noun_phrase(thing) or lexicon.is_praise(thing) or name_quality_defect(term):
        return match[0]
    command = set(thing.lower().split()) & (
        lexicon.words["verbs"] | lexicon.words["commands"] | lexicon.words["fillers"]
    )
    return f"no {term}" if has_determiner or (match["asked"] and not command) else match[0]


def rewrite_utterance(text: str, draft: EditDraft) -> str | None:
    """The text in the phrasing of the grammar. None if it was handled as a whole, and nothing is left to parse."""
    won_over = _WON_OVER.search(text)
    if won_over and (won_over["praise"] is None or load_lexicon().is_praise(won_over["praise"])):
        return None
    if (correction := _X_NOT_Y.match(text)) and (old := extract_term(correction["old"])) and draft.is_in_prompt(old):
        text = f"{correction['new']} instead of {correction['old']}"
    if forgotten := find_forgotten(text, draft.prompt):
        wish, unwanted = split_description(_WHICH_HAS_NONE.sub("that ", forgotten.new))
        if forgotten.is_new or unwanted:
            draft.set_prompt(wish if forgotten.is_new else prompt_rewriting.replace_subject(draft.prompt, wish))
            for term in unwanted:
                draft.keep_out(term)
            return None
        text = f"{forgotten.new} instead of {forgotten.old}"
    text = rephrase_got_instead(rephrase_rejection(text, draft.prompt) or text)
    text = _PLUS.sub(r"\1, add ", _SO_DO.sub("", _GIVES_IN.sub("", text)))
    return _RUN_ON.sub(r"\1, ", _LISTED.sub("no ", _REFUSED.sub(_format_refusal, _AFRESH.sub(r"\1, ", text))))


_WHICH_HAS_NONE = re.compile(r"\band\s+(?:it|he|she|they)\s+(?=(?:has|have)\s+no\b)", re.I)
""" "A robot and it has no arms"."""
