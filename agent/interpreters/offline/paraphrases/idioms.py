"""Rewrites idioms as clauses of the grammar: "I hate how dark it is", "forget the fox, draw a bear"."""

import re
from typing import NamedTuple

from ....terms import singularize
from ...language import prompt_rewriting
from ...language.noun_phrases import extract_term, is_noun_phrase

_FORGET = re.compile(
    r"(?:forget(?: about)?|scrap|scratch|ditch|lose|drop|bin|dump|screw|never mind|leave|skip|enough of"
    r"|to hell with|no more)\s+"
    r"(?P<old>the\s[\w-]+(?: [\w-]+)?)\s*[,;.!-]+\s*(?:(?:and|but|instead|now)\s+)*"
    r"(?:i(?:'d| would)? (?:want|like|need|prefer|rather have|love)|give me|show me|draw me|draw|make me"
    r"|let's (?:have|do|try|see|go for|make it)|how about|what about|make it|do)\s+"
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
    r"(?P<what>it|this|that|everything|they|he|she|there|(?:the|his|her|its|their|my|those|these|that"
    r"|this) [\w' -]+?) "
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
_NO = r"(?:(?:no|nah|nope|wait|hey|erm|um|uh|sorry|hm+|ugh)\b[\s,!.]*)*"
_OLD = r"(?P<old>(?:(?:an?|the|any)\s)?[\w-]+(?: [\w-]+)?)"
_WANTED = (
    r"(?:(?:i|we)(?:'d| would| had)? (?:want(?:ed)?|asked for|said|meant|ordered|need(?:ed)?|requested"
    r"|told you|like|prefer"
    r"|rather have)|it (?:should|must|was supposed|was meant|is supposed) (?:to )?(?:be|have been)"
    r"|make (?:it|that)|give me"
    r"|give (?:him|her|it|them)|try|use|do|go for|go with|how about|let's (?:have|do|try|go with)|rather"
    r"|better|more like)\s+"
)
_NEW = (
    r"(?P<new>[\w'-]+(?: [\w'-]+){0,7}?)(?:,?\s+(?:please|pls|instead|thanks|then))*"
    r"(?P<rest>[.!?]*$|[.!?]\s.*|,?\s+(?:and|also|plus)\s.*|,\s*(?:no|add|remove|lose|without)\s.*)"
)
_POINT = r"\s*[,.;:!?-]+\s*(?:but\s+|so\s+)?"
_IS_NO = re.compile(
    rf"{_NO}(?:(?:that|this|it|he|she|those|these|they)(?:'s| is| are|'re| was| were)\s*(?:no|not (?:an?"
    rf"|the)|not|supposed to be)"
    rf"|(?:i|we) (?:never|didn't|did not) (?:ask(?:ed)? for|want(?:ed)?|say|said|order(?:ed)?|mean"
    rf"|meant)(?: an?| the)?"
    rf"|(?:that|this|it|he|she|they) (?:isn't|aren't|wasn't)(?: an?| the)?|(?:is|are) (?:that|this|it|he"
    rf"|she|those)(?: an?)?)\s+"
    rf"(?:an?\s+)?{_OLD}{_POINT}{_WANTED}{_NEW}",
    re.I,
)
""" "That's no goose, I wanted a peacock"."""
_NOT_OLD = re.compile(rf"(?P<no>{_NO})not {_OLD}{_POINT}(?:{_WANTED})?{_NEW}", re.I)
""" "Not copper: zinc"."""
_OLD_IS_BAD = re.compile(
    rf"{_NO}{_OLD}(?:'s| is| are| was| were| looks| feels)?\s(?:just |all |so )?(?:no good|no bueno"
    rf"|not? (?:right|working|good|ideal|it)"
    rf"|wrong|a no|(?:doesn't|don't|didn't) (?:work|fit|cut it)(?: here)?|isn't (?:right|working"
    rf"|it)){_POINT}(?:{_WANTED})?{_NEW}",
    re.I,
)
""" "Desert no good. Forest please"."""
_ASKS_MORE = re.compile(
    r"(?:please|make|add|put|remove|no|not|it|that|this|they|he|she|i|we|you|just|keep|is|are|too|more"
    r"|less|still|but|and"
    r"|thanks|fix|change|why|what|the (?:rest|other))\b",
    re.I,
)


def rephrase_rejection(text: str, prompt: str) -> str | None:
    """A correction as the grammar phrases it: "Not copper: zinc" -> "zinc instead of copper". Otherwise None."""
    for pattern in (_IS_NO, _NOT_OLD, _OLD_IS_BAD):
        match = pattern.fullmatch(text.strip())
        old = extract_term(match["old"]) if match else None
        if match is None or old is None or _ASKS_MORE.match(match["new"]) or not is_noun_phrase(match["new"]):
            continue
        if all(re.search(rf"\b{re.escape(word)}", prompt, re.I) for word in old.split()):
            return f"{match['new']} instead of {old}{match['rest']}"
        if pattern is _NOT_OLD and match["no"]:
            return f"no, {match['new']}{match['rest']}"
    return None


class ForgottenThing(NamedTuple):
    """A thing that another one should replace: "forget the fox, I want a tram"."""

    old: str
    new: str
    is_new: bool
    """Whether `new` describes another picture, not another thing in the same picture."""


def find_forgotten(text: str, prompt: str) -> ForgottenThing | None:
    """The replacement that a text asks for, for a thing in the prompt. None if it asks for no such replacement."""
    match = _FORGET.match(text)
    old = extract_term(match["old"]) if match else None
    if match is None or old is None or not re.search(rf"\b{re.escape(singularize(old))}(?:s|es)?\b", prompt, re.I):
        return None
    is_new = (
        singularize(old) in prompt_rewriting.find_subject(prompt)[0].lower()
        and _PLACED.search(match["new"]) is not None
    )
    return ForgottenThing(old, match["new"], is_new)


def rephrase_got_instead(text: str) -> str:
    """ "I asked for a photo and got a cartoon" -> "no a cartoon"."""
    return _GOT_INSTEAD.sub("no ", text)


def rephrase_hate(clause: str) -> str | None:
    """The complaint in "I hate how ...": "it is too dark". None for other clauses."""
    if general := _AS_IF_ALL.match(clause):
        return general["clause"]
    match = _HATES_HOW.match(clause)
    if match is None:
        return None
    complaint = match["clause"]
    if quality := _HOW_MUCH.match(complaint):
        return (
            f"too {quality['much']}"
            if quality["what"].lower() == "there"
            else f"{quality['what']} is too {quality['much']}"
        )
    if possession := _HAS.match(complaint):
        return f"no {complaint[possession.end() :]}"
    return re.sub(r"^(?P<x>\S.*) (?:looks?|came out|turned out)$", r"\g<x> looks wrong", complaint, flags=re.I)
