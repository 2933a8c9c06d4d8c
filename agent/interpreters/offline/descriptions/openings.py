"""Greetings and introductions before a description."""

import re

from ....terms import collapse_whitespace

_NOUNS = (
    r"(?:prompt|pic|pics|piece|render|artwork|design|drawing|painting|illustration|theme|picture|image|idea|subject"
    r"|scene|request|brief|job|photo|shot|one|task|motif|project)"
)
_OPENING = re.compile(
    rf"^(?:(?:ok|okay|now|alright|right|great|good|and|so|thanks|cool|well)[,!.]?\s+)*(?:"
    rf"(?:the\s+)?next(?:\s+(?:up|{_NOUNS}|[\w-]+(?=\s*:)))?|(?:a\s+|the\s+)?(?:brand\s+)?new\s+{_NOUNS}"
    rf"|(?:now\s+)?(?:for\s+)?something\s+(?:else|new|different|completely different)(?:\s+now)?"
    rf"|(?:a\s+)?(?:completely\s+)?different\s+{_NOUNS}|another\s+{_NOUNS}"
    rf"|(?:a\s+)?fresh\s+(?:start|{_NOUNS})"
    r"|now(?:\s+(?:for|do|try))?|(?:let's\s+)?mov(?:e|ing)\s+on|on\s+to\s+the\s+next(?:\s+one)?"
    r"|change\s+of\s+(?:plan|plans"
    r"|subject|topic)|switch(?:ing)?(?:\s+(?:subject|topic)s?)?"
    rf"|(?:forget|scrap|drop)\s+(?:that|it|this|the\s+\w+)(?:\s+one)?|let's\s+(?:try|do|switch)(?:\s+to)?"
    rf"(?:\s+something\s+(?:else|new|different))?|instead|prompt|second\s+{_NOUNS}"
    r"|start(?:ing)?\s+(?:over|fresh|again))"
    r"(?:\s+(?:please|then|now))?\s*(?::|→|⇒|[-=]+>|\s-+\s|[.!]\s+(?=an?\s)|,\s+(?=(?:an?|portrait"
    r"|photo|picture)\s))\s*(?P<description>\S.*)$",
    re.I | re.S,
)
_COMMAND = re.compile(
    r"^(?:(?:please|ok|okay|then|alright),?\s+)*(?:can you\s+|could you\s+)?(?:please\s+)?"
    r"(?:(?:now|next),?\s+(?:please\s+)?(?:(?:draw|paint|render|sketch|illustrate|design|do|show|make"
    r"|give)\s+(?:(?:me|us)\s+)?"
    r"|(?:i|we)(?:'d| would)?\s+(?:want|like|need|love)\s+(?:to see\s+)?|let's\s+(?:do|have|try|see)\s+)"
    r"|(?:draw|paint|sketch|make)\s+(?:me|us)\s+|(?:generate|create|imagine)\s+(?:(?:me|us)\s+)?)"
    r"(?P<description>(?!a\s+(?:new|different|second|fresh)\b)(?:an?|some|two|three)\s+\S.*)$",
    re.I | re.S,
)
_GREETING = re.compile(
    r"^(?:(?:(?:hi|hello|hey)(?: there| again| all)?|good (?:morning|evening|afternoon|day)|greetings"
    r"|morning|please|pls|plz|ok|okay|so|right"
    r"|alright|well|um|thanks)(?P<mark>[,!.:]*)\s+)+(?=\S+\s+\S)",
    re.I,
)
_LEAD = re.compile(
    r"^(?:(?:can|could|would|will) (?:you|u) (?:please\s+)?)?"
    r"(?:(?:(?:i|we)(?:'d| would)? (?:(?:really|just)\s+)?(?:want|like|love|need|prefer|wish for)"
    r"|(?:(?:i|we)(?:'m| am|'re| are) )?(?:looking for|after)|(?:can|could|may) (?:i|we)(?: please)? (?:have|get|see)"
    r"|what (?:i|we) (?:want|need) is|give me|show me|make me|draw me|paint me|let's (?:do|have|try|see"
    r"|start with)|how about"
    r"|(?:need|want|after)(?=\s+(?:an?|some|two|three)\s))"
    r"\s+(?:to (?:see|have|get)\s+)?(?!you\b|to\b|it\b)"
    r"|(?:make|draw|generate|create|paint|render|imagine|looking for|design|picture|sketch|illustrate|envision|do)\s+"
    r"(?=(?:an?|the|some|my|one|two|three|\d+|portrait|picture|photo)\s))"
    r"(?:(?:(?:a|an)\s+)?(?:new\s+)?(?:picture|image|pic)\s+of\s+)?(?=\S)",
    re.I,
)


def find_new_description(text: str) -> str | None:
    """The description after "Next:", "new one:" or "draw me", which replaces the prompt. Otherwise None."""
    match = _OPENING.match(text) or _COMMAND.match(text)
    return match["description"] if match and not _CHANGE_VERB.match(match["description"]) else None


_CHANGE_VERB = re.compile(
    r"(?:put|add|give|remove|change|turn|keep|lose|drop|swap|replace|move|make)\s+(?!(?:me|us)\b)", re.I
)
""" "New idea: put the dog on a skateboard" changes the present picture."""


def strip_opening(text: str) -> str:
    """The description without a greeting and an introduction such as "I'd like to see"."""
    text = collapse_whitespace(text)
    greeting = _GREETING.match(text)
    without_greeting = text[greeting.end() :] if greeting else text
    description = _LEAD.sub("", without_greeting, count=1)
    if description == without_greeting and greeting and not greeting["mark"]:  # "so long, farewell"
        return text
    return description
