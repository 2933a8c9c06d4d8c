"""Rewrites the many ways to exclude something in a description to "without ..."."""

import re

_LEAVE_OFF_REQUEST = re.compile(
    r"(?P<joint>[,;.!]\s*|\s-+\s|\b(?:and|but)\s)(?:(?:but|and|please|just|you can|could you"
    r"|can you)\s+)*(?:(?:leave|keep|take)\s+(?:the\s+|any\s+|all\s+)?"
    r"(?P<thing>[\w'-]+(?: [\w'-]+)?)\s+(?:off|out|away)(?: of (?:it|there|the picture))?(?=\s*(?:$|[,.;!]"
    r"|and\b|please\b))"
    r"|hold\s+the\s+(?=\w))",
    re.I,
)
""" "A cake, but leave the figurines off", "a pizza, hold the basil"."""
_FREE_OF = re.compile(
    r"(?P<joint>,?\s*(?:and\s+)?)(?<![\w-])(?P<thing>[a-z]{3,}s?)-free(?P<noun>\s+(?!and\b|in\b|on\b|at\b"
    r"|please\b)[a-z]+)?",
    re.I,
)
_MUST_NOT_APPEAR = re.compile(
    r"(?:^|(?<=[,;.!:]\s))(?:(?:the|any|and|but)\s+)*(?P<thing>[\w-]+(?: [\w-]+)?)\s+(?:must|should|may"
    r"|can|shall)(?:n't| ?not)\s+"
    r"(?:appear|be (?:in it|visible|seen|there|shown|present|included)"
    r"|show(?: up)?)(?:\s+anywhere)?(?=\s*(?:$|[,;.!]))",
    re.I,
)
""" "Text must not appear anywhere"."""
_FIXED_COMPOUNDS = frozenset(
    [
        "care",
        "hands",
        "sugar",
        "gluten",
        "royalty",
        "duty",
        "tax",
        "toll",
        "lead",
        "dairy",
        "lactose",
        "alcohol",
        "fat",
        "risk",
        "stress",
        "worry",
        "cruelty",
        "nut",
        "meat",
        "germ",
        "rent",
        "error",
        "trouble",
        "hassle",
        "pain",
        "drug",
        "smoke",
        "plastic",
        "fuss",
        "crease",
        "wrinkle",
        "non",
        "caffeine",
    ]
)
"""Things with a fixed "-free" compound: "sugar-free" describes a drink, not a picture."""

_X = r"(?:[\w'-]+\s+){0,2}[\w'-]+"
_SCOPE = r"(?:of (?:it|this|that|the (?:picture|image|photo|frame|shot|scene|way))|in sight|please|entirely|altogether)"
_END = r"(?=\s*(?:[,.;:!?]|$)|\s+(?:and|but|or)\b)"
_NEGATION_PATTERNS = [
    (re.compile(pattern, re.I), plain)
    for pattern, plain in (
        (r"(?<![\w/])w/(?:o|out)\b", "without"),
        (
            r"\bnone of\s+(?:the|these|those|that|this|your|them)\s+(?:usual\s+)?(?!\w+ (?:is|are|has|have)\b)",
            "without ",
        ),
        (
            r"(?:^|(?<=[,;.:(] )|(?<=\band ))(?:absent|lacking|less|sans|bar|barring|save for)\s+(?=(?:the|any|all)\s)",
            "without ",
        ),
        (
            r"(?<=[,;.:!] )(?:(?:and|but|please)\s+)*(?:skip|forget|drop|lose|cut|no need for"
            r"|spare me)\s+(?:the\s+|any\s+)?"
            r"(?=[\w' -]+(?:[,;.!]|$))",
            "without ",
        ),
        (r"\bnot (?:with|featuring|including|showing)\s+(?:any\s+)?(?=\w)", "without "),
        (
            rf"(?:(?<=[,;.:!] )|(?<=\band )|(?<=\bbut )|^)(?:please\s+)?(?:keep|leave)\s+(?:the\s+|any\s+|all\s+)?"
            rf"(?P<x>{_X}(?:\s+(?:and|or)\s+{_X})?)\s+(?:out|off|away)(?:\s+{_SCOPE})?{_END}",
            r"without \g<x>",
        ),
        (
            rf"(?P<at>[,;.:!] |\bbut |\bwith )(?:the\s+)?(?P<x>{_X})\s+(?:is\s+|are\s+)?(?:not|un|never)[ -]?"
            rf"(?:wanted|visible|needed|necessary|required|shown|seen|showing|included|allowed|welcome|in sight|in shot"
            rf"|in frame|in view|present|there)(?:\s+please)?{_END}",
            r"\g<at>without \g<x>",
        ),
        (
            rf"(?P<at>[,;.:!] )(?:the\s+)?(?P<x>{_X})\s+(?:excluded|left out|omitted|removed|absent"
            rf"|out of (?:frame|shot|view|sight)"
            rf"|nowhere (?:to be seen|in sight)|banned|forbidden|prohibited){_END}",
            r"\g<at>without \g<x>",
        ),
        (
            r"(?P<not>\b(?:no|without|zero|minus)\s+(?:any\s+)?(?:[\w'-]+\s+){0,2}[\w'-]+?)\s+(?:at all"
            r"|whatsoever|anywhere|in sight"
            r"|in view|to be seen|visible|present|allowed|showing|this time|though|tho|falling|flying around|on show"
            rf"|on display|around){_END}",
            r"\g<not>",
        ),
    )
]
_REMOVAL_ADVERB = r"\s+(?:off|out|gone|away|removed)(?=\s*(?:[,;:.]|$))"


def normalize_negations(text: str) -> str:
    """ "A fox, hats not wanted, skip the snow" -> "A fox, without hats, without the snow"."""
    text = _MUST_NOT_APPEAR.sub(r"no \g<thing>", _LEAVE_OFF_REQUEST.sub(r"\g<joint>no \g<thing>", text))
    text = _FREE_OF.sub(_format_negation, text)
    for pattern, replacement in _NEGATION_PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _format_negation(match: re.Match[str]) -> str:
    """ "Helmet-free", "a crowd-free beach" -> "without helmet", "a beach, without crowd"."""
    if match["thing"].lower() in _FIXED_COMPOUNDS:
        return match[0]
    return f"{match['noun'] or ''}, without {match['thing']}," if match["noun"] else f", without {match['thing']}"


def remove_absent(prompt: str, unwanted: list[str]) -> str:
    """The prompt without phrases such as "helmet off", when helmets are excluded."""
    for term in unwanted:
        prompt = re.sub(
            rf"[,;:]?\s*(?:the\s+|his\s+|her\s+)?{re.escape(term)}{_REMOVAL_ADVERB}", "", prompt, flags=re.I
        )
    return prompt
