"""What is said in a roundabout way, as the grammar reads it: "I hate how dark it is", "forget the fox, draw a bear"."""

import re
from typing import NamedTuple

from ...terms import singular
from . import rewriting
from .phrases import term_of

_FORGET = re.compile(
    r"(?:forget(?: about)?|scratch|scrap|ditch|lose|drop|never mind|leave|skip|enough of|to hell with)\s+"
    r"(?P<old>the\s[\w-]+(?: [\w-]+)?)\s*[,;.!-]+\s*(?:(?:and|but|instead|now)\s+)*"
    r"(?:i(?:'d| would)? (?:want|like|need|prefer|rather have|love)|give me|show me|draw me|draw|make me"
    r"|let's (?:have|do|try|see|go for)|how about|what about|make it|do)\s+"
    r"(?P<new>(?:an?|the|some|two|three)\s[^.!?]+?)(?:\s+instead|\s+please)?[.!?]*$",
    re.I,
)
_PLACED = re.compile(r"\s(?:in|on|at|under|by|near)\s", re.I)
_HATES_HOW = re.compile(
    r"(?:i|we)\s+(?:(?:do|did) not like|hate|dislike|can not stand|am not (?:a fan of|happy with|keen on)|loathe)\s+"
    r"(?:how|the way(?: that| in which)?|the fact that|it when|when)\s+(?P<clause>\S+\s.+)$",
    re.I,
)
_HOW_MUCH = re.compile(
    r"(?:very |so |too )?(?P<much>(?:many|much|few|little) [\w -]+?|[\w-]+) "
    r"(?P<what>it|this|that|everything|they|he|she|there|(?:the|his|her|its|their|my|those|these|that|this) [\w' -]+?) "
    r"(?:is|are|looks?|seems?|feels?|came out|turned out)$",
    re.I,
)
_HAS = re.compile(
    r"(?:there (?:is|are)"
    r"|(?:he|she|it|they) (?:has|have|wears?|is wearing|are wearing|is holding|holds?|carr(?:y|ies))"
    r"|you (?:put|added|gave (?:him|her|it|them)|keep (?:adding|putting)))\s+(?!no\b|not\b|so\b|too\b)",
    re.I,
)


_AS_IF_ALL = re.compile(
    r"(?:it )?(?:feels|seems|looks) (?:like|as if|as though)\s+(?P<clause>(?:every|all|each|everyone|there)\b.*"
    r"\s(?:has|have|is|are|gets|wears)\s.*)$",
    re.I,
)
_GOT_INSTEAD = re.compile(
    r"\b(?:i|we) (?:asked for|wanted|ordered|expected|requested|said)\s+[^.!?;,]{2,40}?[,;]?\s+(?:and|but)"
    r"\s+(?:i |we |you |all i |what i )?"
    r"(?:got|get|gave me|ended up with|(?:this|that|it)(?:'s| is)(?: (?:clearly|obviously|definitely"
    r"|plainly|just|still|more of))?"
    r"|am getting)\s+(?=(?:an?|some)\s)",
    re.I,
)


class Forgotten(NamedTuple):
    """What should be another: "forget the fox, I want a tram"."""

    old: str
    new: str
    is_new: bool
    """Whether another picture is described, and not another thing in the same."""


def forgotten(text: str, prompt: str) -> Forgotten | None:
    """What a text wants in the place of something that the prompt speaks of; None when it doesn't say so."""
    match = _FORGET.match(text)
    old = term_of(match["old"]) if match else None
    if match is None or old is None or not re.search(rf"\b{re.escape(singular(old))}(?:s|es)?\b", prompt, re.I):
        return None
    is_new = singular(old) in rewriting.subject(prompt)[0].lower() and _PLACED.search(match["new"]) is not None
    return Forgotten(old, match["new"], is_new)


def got_instead(text: str) -> str:
    """ "I asked for a photo and got a cartoon" -> "no a cartoon"."""
    return _GOT_INSTEAD.sub("no ", text)


def hated(clause: str) -> str | None:
    """What is complained of by "I hate how ...", as a complaint: "it is too dark"; None for another clause."""
    if as_if := _AS_IF_ALL.match(clause):
        return as_if["clause"]
    match = _HATES_HOW.match(clause)
    if match is None:
        return None
    said = match["clause"]
    if how := _HOW_MUCH.match(said):
        return f"too {how['much']}" if how["what"].lower() == "there" else f"{how['what']} is too {how['much']}"
    if has := _HAS.match(said):
        return f"no {said[has.end() :]}"
    return re.sub(r"^(?P<x>\S.*) (?:looks?|came out|turned out)$", r"\g<x> looks wrong", said, flags=re.I)
