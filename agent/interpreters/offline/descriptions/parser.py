"""Parses the description of a new picture into a prompt and excluded terms."""

import re

from ....terms import collapse_whitespace
from ...language import prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term, is_noun_phrase
from .negations import normalize_negations, remove_absent
from .openings import strip_opening

_NOT_A_NEGATION = re.compile(
    r"\bno[ -](?:man's[ -]land|(?:entry|exit|parking|smoking|trespassing"
    r"|swimming|fishing|littering|stopping|diving|entrance|vacancy|loitering|fly|u-turn|dogs[ -]allowed)"
    r"(?=\s+(?:sign|zone|symbol|area|poster))|nonsense|frills)|(?<!\w)\"[^\"]*\"(?!\w)|(?<!\w)'[^']+'(?!\w)"
    r"|\b(?:an?|the|mr\.?|dr\.?|yes or|yes and|knows?|say|says|said)\s+no\b|\bno\.?\s*\d+"
    r"|\bnever[ -](?:end\w*|before\b|seen\b|again\b|mind\b|a dull\b|say never\b)"
    r"|\b(?:sub-?zero|zero (?:gravity|waste|g|hour|point|degrees|tolerance|carbon|emissions?))\b"
    r"|\bnothing (?:but|except|more than|short of)\b|\bminus\s+(?:\d|[a-z]+ degrees)"
    r"|\bwithout (?:end|borders|limits?|bounds|equal|a cause|a doubt|warning|a trace|words)\b"
    r"|\b(?:that says|saying|reading|titled|named|called)\s+(?:\"[^\"]*\"|[^,.;]+)",
    re.I,
)
_NEGATION = re.compile(
    r"(?P<join>\b(?:(?:it|he|she|they)\s+(?=(?:has|have|wears|is wearing)\s+no\b)|wears|is wearing|and|but|or"
    r"|also|please|preferably|definitely|absolutely"
    r"|with|having|has|there(?:'s| is| are| (?:should|must|may|can|shall|will) be)"
    r"|in which there (?:is|are)|that has|containing|wearing|showing|just"
    r"|make sure there(?:'s| is| are))\s+)*"
    r"(?<![\w-])(?:without|hold\s+the|ditch\s+the|minus\s+the|nobody|no\s+one"
    r"|(?:none|neither)(?:\s+of (?:them|the [\w-]+|these|those|which))?\s+(?:with"
    r"|wearing|having|holding|carrying|has|have|showing"
    r"|should (?:have|wear)|to have)|zero(?=\s+[a-z]+)|no(?![\w-])|not(?:\s+(?:any|too|so|in|a|an))?|sans"
    r"|minus|free\s+(?:of|from)|devoid\s+of|lacking|excluding|exclude|omit(?:ting)?|"
    r"avoid|leav(?:e|ing)\s+out|skip(?:ping)?(?=\s+the)|nothing(?=\s+[\w-]+\s*$)|"
    r"never(?:\s+(?:show|include|add|use|have|put|draw)(?=\s)|(?=\s+(?:any|an?)\s))|"
    r"(?:i\s+)?(?:(?:do|should|must|is|are|does)n'?t|(?:do|should|must|does)\s+not)"
    r"\s*(?:include|show|add|want|use|have|need|put(?:\s+in)?|be|contain"
    r"|wear|wearing|has)?|"
    r"who\s+(?:isn'?t|doesn'?t)(?:\s+(?:have|wear|wearing))?)\b\s*(?:(?:any|having|wearing|showing|of)\s+)*",
    re.I,
)
_POSITIVE_REMAINDER = re.compile(
    r"\s+(?:(?:in|on|at|by|under|over|near|inside|beside|during|through|along|against|next to|behind|above)"
    r"(?!\s+(?:the|his|her|its|their|it|him|them|sight|view|frame|shot|there|any|or)\b)\s+\S"
    r"|(?:with|and with|but with|wearing|holding|reading|sitting|standing"
    r"|walking|playing|riding|looking|drinking|eating|lit|"
    r"made|seen|painted|drawn|photographed|shot|set|surrounded|leaning"
    r"|running|sleeping|smiling|resting|flying|\w{3,}ing"
    r"(?=\s+(?:in|on|at|by|under|from|through|along|over|across|behind|a|an|the|his|her)\b))\b).*$",
    re.I,
)
_STATEMENT = re.compile(
    r"\?|\b(?:i|you|we|it|he|she|they|is|are|was|were|be|isn't|aren't|would|should|could|can|will|looks?|has|have"
    r"|please|thanks?|instead|better|again|too|still|it's|that's|there's|don't|doesn't|like)\b"
    r"|\b(?:the|his|her|its|their|this|that)\s+(?:(?:top|bottom|upper|lower|far)\s+)?(?:background|foreground|corner"
    r"|left|right|middle|center|centre|edge|top|bottom|picture|image|photo|frame|scene|front|back)\b"
    r"|^(?:\S+\s+){1,4}?(?:on|in|at|by)\s+(?:his|her|its|their|this|that)\b",
    re.I,
)
_PICTURE = (
    r"(?:picture|image|photo|photograph|version|one|variant|variation|drawing|painting|render|shot|scene|result|take)"
)
_NO_DESCRIPTION = re.compile(
    r"(?:an?\s+)?(?:bit|lot|tad|touch|few|more|less|better|nicer|different|second|third|extra|missing"
    r"|other|pity|shame"
    r"|mess|disaster|thing)\b",
    re.I,
)
_SCENE_KINDS = frozenset(
    [
        "person",
        "animal",
        "vehicle",
        "building",
        "furniture",
        "place",
        "flower",
        "tree",
        "fruit",
        "food",
        "drink",
        "vessel",
        "instrument",
    ]
)
_JOINTS = re.compile(
    r"[,;\n]\s*|(?<!\b[A-Z])(?<!\b[DMS][rtsx])(?<!\bMrs)(?<![.!?…])[.!?…]+(?:\s+|$)|\s(?=but\s)|\s(?=and\s+no\s)"
    r"|\s(?:-+|[–—])\s|—"
)
_ITEM = r"(?:an?\s+)?(?!(?:in|on|at|with|near|by|under|no|without|an?|the|\w+ing)\b)[\w'-]+(?: (?!n?or\b)[\w'-]+)?"
_COMMA_LIST = re.compile(rf"(?<![\w-])(?:without|no)\s+(?:any\s+)?{_ITEM}(?:,\s*{_ITEM})+,?(?=\s+n?or\s)", re.I)
_RELATIVE = re.compile(r"\s+(?:that|who|which)(?:\s+(?:is|are|was|were|has|have|does|do))?\s*$", re.I)
"""What precedes the negation in "a man who is not smiling"."""
_NOTHING_ELSE = re.compile(r"nothing\s+else\b|no\s+more\s*$", re.I)
_LIST = re.compile(
    r"\s*(?:,|\band/or\b|\bor\b|\bnor\b|\band\b|&)\s*(?:(?:no|any|without" r"|not|nor|or|and)\s+)*", re.I
)


def is_full_description(text: str) -> bool:
    """Whether feedback describes a whole picture: "a cat with a crown", "portrait of a man without mustache".

    "A dog in the corner" and "a version without text" are about the present picture instead.
    """
    prompt, unwanted = split_description(text)
    has_medium = bool(prompt_rewriting.MEDIUM.match(prompt))
    is_bare = (
        re.match(r"(?!the\b)[\w-]+(?: [\w-]+)? (?:without|with no)\s", text, re.I)
        and load_lexicon().find_kind(prompt) in _SCENE_KINDS
    )
    if not (has_medium or is_bare or re.match(r"(?:an?|two|three)\s", prompt, re.I)) or is_statement(text):
        return False
    subject, rest = prompt_rewriting.find_subject(prompt)
    subject = collapse_whitespace(re.sub(r"[^\w\s'-]", " ", subject))
    if not 0 < len(subject.split()) <= 6 or is_only_picture_word(subject) or _NO_DESCRIPTION.match(subject):
        return False
    is_known = has_medium or load_lexicon().find_kind(subject) in _SCENE_KINDS
    if unwanted:
        is_direct = bool(re.match(rf"{re.escape(prompt)}\s+(?:without|with no)\b", text, re.I))
        return is_known or (is_direct and not load_lexicon().is_praise(subject))
    if set(re.findall(r"[\w-]+", prompt.lower())) & load_lexicon().words["wrongness"]:
        return False
    continuation = re.match(r"(?:with|wearing|holding|riding|(?:in|on|at|under|by|near)(?!\s+the\b))\s+\w", rest, re.I)
    return is_known and (has_medium or bool(continuation))


def is_statement(text: str) -> bool:
    """Whether a text makes a statement or asks a question about the present picture."""
    return bool(_STATEMENT.search(text))


def is_scene(text: str) -> bool:
    """Whether a text is a noun phrase for something that a picture can show: "a red barn"."""
    return (
        bool(re.match(r"an?\s", text, re.I)) and is_noun_phrase(text) and load_lexicon().find_kind(text) in _SCENE_KINDS
    )


def is_only_picture_word(text: str) -> bool:
    """Whether a text only says "picture" or "a new version"."""
    return bool(re.fullmatch(rf"(?:(?:an?|the)\s+)?(?:\w+\s+)?{_PICTURE}", text.strip(), re.I))


def is_redundant(description: str, unwanted: list[str], prompt: str) -> bool:
    """Whether a prompt has all words of a description, and none of the unwanted terms."""
    prompt_words = set(re.findall(r"[\w'-]+", prompt.lower()))
    description_words = set(re.findall(r"[\w'-]+", description.lower())) - {"a", "an", "the"}
    return description_words <= prompt_words and not any(
        set(re.findall(r"[\w'-]+", term.lower())) <= prompt_words for term in unwanted
    )


def split_description(text: str) -> tuple[str, list[str]]:
    """The prompt without its negations, and the terms that they exclude.

    "portrait of a man without mustache" -> ("portrait of a man", ["mustache"])

    Negations that exclude nothing, such as the words on a sign, are masked during the search. The prompt and the terms
    are cut from the unmasked text.
    """
    original = strip_opening(text)
    text = normalize_negations(original)
    text = re.sub(r"\s*[(\[]((?:no|not|without|minus)\b[^()\[\]]*)[)\]]", r", \1,", text, flags=re.I)
    text = _COMMA_LIST.sub(lambda match: match[0].replace(",", " or"), text)
    masked = _NOT_A_NEGATION.sub(lambda match: "\0" * len(match[0]), text)
    prompt = joint = ""
    unwanted: list[str] = []
    negated = has_negation = False
    for start, end in _split_segments(masked):
        segment, segment_text = masked[start:end], text[start:end]
        before, joint = joint, _find_joint(text, end)
        match = _NEGATION.search(segment)
        if match is None:
            if negated and re.match(r"\s*(?:or|nor)\b", segment, re.I):
                unwanted += _extract_terms(segment, segment_text)
                continue
            negated = False
            prompt = _join_parts(prompt, before, segment_text)
            continue
        rest = segment[match.end() :]
        is_about_people = re.search(r"\b(?:nobody|no\s+one)\b", match[0], re.I)
        positive_part = _POSITIVE_REMAINDER.search(rest)
        kept = _RELATIVE.sub("", segment_text[: match.start()])
        if positive_part and is_about_people and _ABOUT_NOBODY.match(rest):  # "with no one sitting in it"
            rest, positive_part = "", None
        if positive_part:
            kept += segment_text[match.end() + positive_part.start() :]
            rest = rest[: positive_part.start()]
        negated_text = segment_text[match.end() :][: len(rest)]
        if is_about_people:
            terms = ["people"]
            if positive_part and re.match(
                r"\s+(?:\w+ing|around|in it|on it)\b", segment[match.end() + positive_part.start() :], re.I
            ):
                kept = segment_text[: match.start()]
            if not prompt and not kept.strip():
                kept = re.sub(r"^\s*(?:in|on|at)\s+", "", negated_text)
        else:
            if tail := _POSITIVE_TAIL.search(rest):
                kept += f", {negated_text[tail.end() :]}"
                rest = rest[: tail.start()]
            terms = [] if _NOTHING_ELSE.match(match[0] + rest) else _extract_terms(rest, negated_text)
            if not terms and not _NOTHING_ELSE.match(match[0] + rest):
                negated = False
                prompt = _join_parts(prompt, before, segment_text)
                continue
        negated = has_negation = True
        unwanted += terms
        prompt = _join_parts(prompt, before, kept)
    if not has_negation:
        return original, []
    prompt = remove_absent(prompt_rewriting.tidy(prompt), unwanted)
    prompt = re.sub(r"(?:[\s,]+(?:and|but|with|or|please|that|who|which))+$", "", prompt.strip(" .,;!"), flags=re.I)
    return prompt, list(dict.fromkeys(unwanted))


_ABOUT_NOBODY = re.compile(
    r"\s*(?:\w{3,}ing\b|(?:in|on|at|around|near|inside|by)\s+(?:it|them|there|sight|view)\b)", re.I
)
"""A description of the people in "nobody sitting in it"."""


def _join_parts(prompt: str, joint: str, part: str) -> str:
    part = part.strip()
    if not part.strip(" .,;!"):
        return prompt
    return f"{prompt}{joint or ' '}{part}" if prompt else part


def _find_joint(text: str, at: int) -> str:
    match = _JOINTS.match(text, at)
    return match[0] if match else ""


def _split_segments(text: str) -> list[tuple[int, int]]:
    """Start and end of the parts between commas, semicolons and full stops."""
    spans, start = [], 0
    for match in _JOINTS.finditer(text):
        spans.append((start, match.start()))
        start = match.end()
    return [*spans, (start, len(text))]


_POSITIVE_TAIL = re.compile(
    r"\s+(?:and|but)\s+(?=(?:an?|with|the|lots|plenty|some|just|only)\s)|\s+(?:just|only)\s", re.I
)
"""A positive request after the excluded thing: "and a ...", "just ..."."""


def _extract_terms(masked: str, text: str) -> list[str]:
    """The terms of a list. Separators are found in the masked text, and terms are cut from the unmasked text."""
    names, chat = load_lexicon().names, load_lexicon().chat
    found, start = [], 0
    for joint in [*_LIST.finditer(masked), None]:
        end = joint.start() if joint else len(masked)
        part = re.sub(
            r"^(?:too|very|so|overly)\s+|\s+(?:whatsoever|at all|anywhere|please)\W*$",
            "",
            text[start:end].strip(),
            flags=re.I,
        )
        start = joint.end() if joint else end
        part = " ".join(chat.get(word.lower(), word) if len(word) > 1 else word for word in part.split())
        if term := extract_term(part):
            found.append(names.get(term, term))
    return found
