"""New scenes after an introduction: "Moving on. A teapot ...", "slide two: ..."."""

import re

from ...language.lexicon import load_lexicon
from ...language.prompt_rewriting import MEDIUM
from .parser import split_description

_NEW = (
    r"next|new|another|different|moving|move|change|second|third|fourth|fifth|fresh|else|afresh|anew|switch"
    r"|switching|onto"
    r"|onwards|instead|replace|swap|start|starting|restart|now|try|scrap|forget|leave|drop|park|shelve|enough|done"
    r"|finished|following|separate|unrelated|last|final"
)
_PICTURE_NOUNS = (
    r"image|images|picture|pictures|pic|photo|shot|slide|page|card|panel|product|item|subject|topic|theme"
    r"|idea|concept|thing"
    r"|things|request|prompt|brief|job|task|one|ones|order|scene|motif|plan|plans|project|direction|piece"
    r"|work|poster|cover"
    r"|illustration|drawing|tack|gears|round|question|client|assignment|commission|order|chapter|scenario"
    r"|world|story|series"
)
_SMALL_TALK = (
    r"ok|okay|right|alright|great|good|well|so|and|then|please|pls|plz|thanks|thank|you|cheers|cool|fine"
    r"|perfect|nice|hi|hey"
    r"|i|i'd|i've|i'll|i'm|we|we'll|let's|lets|let|us|me|my|the|a|an|some|something|got|have|want|need|like"
    r"|would|here's|here"
    r"|it's|is|time|for|to|of|on|with|that|this|it|up|do|go|going|entirely|completely|totally|altogether"
    r"|brand|bit|little"
    r"|up|off|over|again|from|scratch|in|there|number|no|two|three|four|2|3|4|be|can|could|just|really|one"
    r"|more|about|goes"
    r"|as|at|all|aside|behind|but|actually|hmm|hm|yes|yeah|yep|quick|quickly|today|moment|by|way|after"
    r"|all's|how|what|day"
)
_WORDS_OF_TALK = re.compile(rf"(?:(?:{_NEW}|{_PICTURE_NOUNS}|{_SMALL_TALK})(?![\w'-])[\s,]*)+$", re.I)
_ANNOUNCEMENT = re.compile(
    rf"\b(?:next|moving on|move on|let's move|(?:new|another|different|second|third|fourth|fifth|fresh"
    rf"|following|separate|last|final)\s+"
    rf"(?:\w+\s+)?(?:{_PICTURE_NOUNS})|(?:{_PICTURE_NOUNS})\s+(?:two|three|four|2|3|4)|change of (?:plan|plans|subject"
    rf"|topic|direction|tack)"
    rf"|change (?:the )?(?:subject|topic)|something (?:\w+ )?(?:else|new|different|fresh)"
    rf"|start (?:a )?(?:\w+ )?(?:afresh|anew|fresh|over|new)"
    rf"|fresh (?:start|one)|let me try|let's try|let's leave|leave (?:that|it|this)|(?:scrap|forget|drop"
    rf"|park|shelve|enough of|done with) "
    rf"(?:that|this|it|the (?:\w+ )?one)|switch\w*|(?:that's|all) done|on to|onto)\b",
    re.I,
)
_END_OF_LEAD = re.compile(r"\s*(?::|(?<![.!?])[.!?]+(?=\s)|,(?=\s)|;|\s-+\s|\s*[—–]\s*)\s*")
_WISH = re.compile(
    r"^(?:(?:hi|hey|hello|please|pls|plz|ok|okay|so|now|and|then|next|instead)[,!.]?\s+)*(?:(?:can|could"
    r"|would|will) (?:you|u|we|i) (?:please |pls )?)?"
    r"(?:how about|what about|picture|imagine|envision|visuali[sz]e|design|draw|paint|sketch|render"
    r"|illustrate|generate|create|make|do|show|give"
    r"|have|get|i(?:'d| would)? (?:want|need|like|love|fancy)|we (?:want|need)|i'm after|i am after"
    r"|i'm thinking of|let's (?:do|have|try|see|go for)"
    r"|let me (?:try|have|see)|try|put together|start (?:a (?:fresh|new) one )?with|go for)"
    r"(?:\s+(?:me|us))?(?:\s+(?:to see|to have))?\s+(?:(?:an?\s+)?(?:picture|image|pic)\s+of\s+)?(?=\w)",
    re.I,
)
_DRAW_REQUEST = re.compile(
    r"(?:please )?(?:draw|paint|design|render|sketch|illustrate|generate|create|imagine|picture"
    r"|i(?:'d)? (?:want|need|like|love)) ",
    re.I,
)
_OF_A_PICTURE = re.compile(
    r"\b(?:make|draw|paint|give|show|generate|create)\s+(?:me|us)\s+(?:an?\s+)?(?:picture|image|pic)\s+of\s", re.I
)
_PRESENT_REFERENCE = re.compile(
    r"\b(?:it|its|him|his|her|hers|them|their|this|that|these|those|same|more|less|fewer|bigger|smaller|instead|better"
    r"|version|background|again|back|still|there's|too|there is|there are)\b|\b\w+er\s+than\b|\b(?:on|in|at"
    r"|to|behind|around|under|over|near"
    r"|beside|above|from|with)\s+the\b",
    re.I,
)
_CHANGE_VERB = re.compile(
    r"(?:add|put|place|remove|make|change|turn|keep|leave|take|give|undo|go back|zoom|crop|move|fix|try again|do)\b",
    re.I,
)
_PLACED = re.compile(
    r",|\b(?:in|on|at|under|over|by|near|from|through|of|for|with|inside|behind|beside|against)\s+\w", re.I
)
_EMPTY = frozenset(
    ["a", "an", "the", "of", "in", "on", "at", "with", "and", "for", "by", "to", "no", "photo", "from", "under"]
)


def find_new_scene(text: str, prompt: str) -> str | None:
    """The description that replaces the present picture. None if the text is about the present picture."""
    lead_end = _find_lead_end(text)
    lead, rest = text[:lead_end], text[lead_end:].strip()
    if lead_end == 0 and (
        after := re.match(
            r"(?:(?:ok|okay|so|and|right)[, ]+)*(?:next|now)\s+(?=i (?:want|need|would|'d)|let's|can|could|make)",
            text,
            re.I,
        )
    ):
        lead, rest = "next", text[after.end() :]
    wish = _WISH.match(rest)
    description = rest[wish.end() :] if wish else rest
    wanted, unwanted = split_description(description)
    if len(wanted.split()) < 2 or (_has_shared_content(wanted, prompt) and not (lead and wish and unwanted)):
        return None
    if lead and wish and unwanted and _DRAW_REQUEST.match(wish[0]):
        return description
    if lead:
        if not wish and (
            _CHANGE_VERB.match(description) or re.match(r"(?:no|not|without|less|more|too)\b", description, re.I)
        ):
            return None
        is_about_present = _PRESENT_REFERENCE.sub("", wanted) != wanted and not _PLACED.search(wanted.split(" the ")[0])
        return None if is_about_present or _is_sentence(wanted) else description
    if not wish or not unwanted or _PRESENT_REFERENCE.search(wanted) or _is_sentence(wanted):
        return None
    is_full_request = _OF_A_PICTURE.search(text) or (_PLACED.search(wanted) and len(wanted.split()) > 3)
    return description if is_full_request and len(prompt.split()) > 1 else None


def _find_lead_end(text: str) -> int:
    """The end of the small talk that announces another picture. 0 if there is none."""
    lead_end = 0
    for joint in _END_OF_LEAD.finditer(text):
        if not _WORDS_OF_TALK.match(text[lead_end : joint.start()].strip()):
            break
        lead_end = joint.end()
    return lead_end if _ANNOUNCEMENT.search(text[:lead_end]) else 0


def _has_shared_content(wanted: str, prompt: str) -> bool:
    """Whether a description and the prompt share a content word."""
    return bool((_content_words(wanted) & _content_words(prompt)) - _EMPTY)


def _content_words(text: str) -> set[str]:
    return {re.sub(r"(?:'s|s)$", "", word) for word in re.findall(r"[a-z][\w'-]*", text.lower())}


def _is_sentence(wanted: str) -> bool:
    """Whether a text is a sentence, not a phrase: "the hat is ugly"."""
    first = re.split(r"[,.;:]", wanted)[0]
    if MEDIUM.match(first):
        return False
    return bool(
        re.search(
            r"\b(?:is|are|was|were|looks?|feels?|seems?|should|must|could|can|will|i|you|we|it's|don't)\b", first, re.I
        )
    ) or load_lexicon().is_praise(first)
