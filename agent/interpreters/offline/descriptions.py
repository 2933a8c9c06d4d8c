"""A description of a new picture: what is wanted, and what is said not to be in it."""

import re

from ...terms import squeeze
from . import rewriting
from .lexicon import lexicon
from .phrases import term_of

_NOUNS = r"(?:prompt|picture|image|idea|subject|scene|request|brief|job|photo|shot|one|task|motif|project)"
_OPENING = re.compile(
    rf"^(?:(?:ok|okay|now|alright|right|great|good|and|so|thanks|cool|well)[,!.]?\s+)*(?:"
    rf"(?:the\s+)?next(?:\s+(?:up|{_NOUNS}))?|(?:a\s+|the\s+)?(?:brand\s+)?new\s+{_NOUNS}"
    rf"|(?:now\s+)?(?:for\s+)?something\s+(?:else|new|different|completely different)(?:\s+now)?"
    rf"|(?:a\s+)?(?:completely\s+)?different\s+{_NOUNS}|another\s+{_NOUNS}"
    rf"|(?:a\s+)?fresh\s+(?:start|{_NOUNS})"
    r"|now(?:\s+(?:for|do|try))?|moving\s+on|change\s+of\s+(?:plan|plans"
    r"|subject|topic)|switch(?:ing)?(?:\s+(?:subject|topic)s?)?"
    rf"|(?:forget|scrap|drop)\s+(?:that|it|this|the\s+\w+)(?:\s+one)?|let's\s+(?:try|do|switch)(?:\s+to)?"
    rf"(?:\s+something\s+(?:else|new|different))?|instead|prompt|second\s+{_NOUNS}"
    r"|start(?:ing)?\s+(?:over|fresh|again))"
    r"(?:\s+(?:please|then|now))?\s*(?::|\s-+\s|,\s+(?=(?:an?|portrait"
    r"|photo|picture)\s))\s*(?P<description>\S.*)$",
    re.I | re.S,
)
_COMMAND = re.compile(
    r"^(?:(?:please|ok|okay|then|alright),?\s+)*(?:can you\s+|could you\s+)?(?:please\s+)?"
    r"(?:(?:now|next),?\s+(?:please\s+)?(?:draw|paint|render|sketch|illustrate|design|do|show|make)\s+(?:(?:me|us)\s+)?"
    r"|(?:draw|paint|sketch|make)\s+(?:me|us)\s+|(?:generate|create|imagine)\s+(?:(?:me|us)\s+)?)"
    r"(?P<description>(?!a\s+(?:new|different|second|fresh)\b)(?:an?|some|two|three)\s+\S.*)$",
    re.I | re.S,
)
_LEAD = re.compile(
    r"^(?:(?:hi|hello|hey|please|ok|okay|so)[,!]?\s+)*(?:(?:can|could|would|will) you (?:please\s+)?)?"
    r"(?:(?:i want|i'd like|i would like|i need|we need|give me|show me"
    r"|make me|make|draw me|draw|generate|create|paint|"
    r"render|imagine|let's (?:do|have|try|see|start with)|how about|looking for)\s+)(?:to see\s+)?"
    r"(?:(?:a|an)\s+(?:picture|image)\s+of\s+)?(?=\S)",
    re.I,
)
_NOT_A_NEGATION = re.compile(
    r"\bno[ -](?:man's[ -]land|(?:entry|exit|parking|smoking|trespassing"
    r"|swimming|fishing|littering|stopping|diving)"
    r"(?=\s+(?:sign|zone|symbol|area|poster))|nonsense|frills)|\"[^\"]*\"|(?<!\w)'[^']+'(?!\w)"
    r"|\b(?:that says|saying|reading|titled|named|called)\s+[^,.;]+",
    re.I,
)
_NEGATION = re.compile(
    r"(?P<join>\b(?:and|but|or|also|please|preferably|definitely|absolutely"
    r"|with|having|has|there(?:'s| is| are| should be)"
    r"|in which there (?:is|are)|that has|containing|wearing|showing|just"
    r"|make sure there(?:'s| is| are))\s+)*"
    r"\b(?:without|no(?![\w-])|not(?:\s+(?:any|too|so|in|a|an))?|sans"
    r"|minus|free\s+(?:of|from)|devoid\s+of|lacking|excluding|"
    r"except(?:\s+for)?|avoid(?:ing)?|leav(?:e|ing)\s+out|skip(?:ping)?(?=\s+the)|never|nothing|"
    r"(?:i\s+)?(?:don't|do\s+not|shouldn't|should\s+not|mustn't|must\s+not|isn't|aren't|doesn't|does\s+not)"
    r"\s*(?:include|show|add|want|use|have|need|put(?:\s+in)?|be|contain"
    r"|wear|wearing|has)?|nobody|no\s+one|"
    r"who\s+(?:isn't|doesn't)(?:\s+(?:have|wear|wearing))?)\b\s*(?:(?:any|having|wearing|showing|of)\s+)*",
    re.I,
)
_BACK_IN_PICTURE = re.compile(
    r"\s+(?:(?:in|on|at|by|under|over|near|inside|beside|during|through|along|against|next to|behind|above)"
    r"(?!\s+(?:the|his|her|its|their|it|him|them|sight|view|frame|shot|there|any|or)\b)\s+\S"
    r"|(?:with|and with|but with|wearing|holding|reading|sitting|standing"
    r"|walking|playing|riding|looking|drinking|eating|lit|"
    r"made|seen|painted|drawn|photographed|shot|set|surrounded|leaning"
    r"|running|sleeping|smiling|resting|flying|\w{3,}ing"
    r"(?=\s+(?:in|on|at|by|under|from|through|along|over|across|behind|a|an|the|his|her)\b))\b).*$",
    re.I,
)
_LIST = re.compile(
    r"\s*(?:,|\band/or\b|\bor\b|\bnor\b|\band\b|&)\s*(?:(?:no|any|without" r"|not|nor|or|and)\s+)*", re.I
)


def new_description(text: str) -> str | None:
    """What follows "Next:", "new one:" or "draw me": a description that replaces the prompt; else None."""
    match = _OPENING.match(text) or _COMMAND.match(text)
    return match["description"] if match else None


def split_description(text: str) -> tuple[str, list[str]]:
    """The prompt, without its negations, and the terms they negate.

    "portrait of a man without mustache" -> ("portrait of a man", ["mustache"])
    """
    text = _LEAD.sub("", squeeze(text), count=1)
    text = re.sub(r"\s*\(((?:no|not|without|minus)\b[^()]*)\)", r", \1,", text, flags=re.I)
    masked = _NOT_A_NEGATION.sub(lambda match: "\0" * len(match[0]), text)
    wanted: list[str] = []
    unwanted: list[str] = []
    negated = False
    for start, end in _segments(masked):
        segment, shown = masked[start:end], text[start:end]
        match = _NEGATION.search(segment)
        if match is None:
            if negated and re.match(r"\s*(?:or|nor)\b", segment, re.I):
                unwanted += _terms(segment)
                continue
            negated = False
            wanted.append(shown)
            continue
        negated = True
        rest = segment[match.end() :]
        back = _BACK_IN_PICTURE.search(rest)
        kept = shown[: match.start()]
        if back:
            kept += shown[match.end() + back.start() :]
            rest = rest[: back.start()]
        if "nobody" in match[0].lower() or "no one" in match[0].lower():
            unwanted.append("people")
        else:
            rest, positive = _positive_tail(rest)
            unwanted += _terms(rest)
            kept += positive
        wanted.append(kept)
    prompt = rewriting.tidy(", ".join(part.strip() for part in wanted if part.strip(" .,;!")))
    prompt = re.sub(r"(?:[\s,]+(?:and|but|with|or|please|that|who|which))+$", "", prompt.strip(" .,;!"), flags=re.I)
    return prompt, list(dict.fromkeys(unwanted))


def _segments(text: str) -> list[tuple[int, int]]:
    """Where the parts between commas, semicolons and full stops are."""
    spans, start = [], 0
    for match in re.finditer(r"[,;\n]|[.!?](?=\s|$)|\s(?=but\s)|\s(?=and\s+no\s)|\s-+\s", text):
        spans.append((start, match.start()))
        start = match.end()
    return [*spans, (start, len(text))]


def _positive_tail(rest: str) -> tuple[str, str]:
    """What an "and a ..." or "just ..." after the negated thing asks for."""
    match = re.search(
        r"\s+(?:and|but)\s+(?=(?:an?|with|the|lots|plenty|some|just|only)\s)" r"|\s+(?:just|only)\s", rest, re.I
    )
    return (rest[: match.start()], f", {rest[match.end() :]}") if match else (rest, "")


def _terms(negated: str) -> list[str]:
    names = lexicon().names
    found = []
    for part in _LIST.split(negated):
        part = re.sub(r"^(?:too|very|so|overly)\s+", "", part.strip(), flags=re.I)
        if term := term_of(part):
            found.append(names.get(term, term))
    return found
