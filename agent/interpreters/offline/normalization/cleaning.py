"""Cleans feedback (emoji, text-speak, typos) and splits it into clauses with one intent each."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from ....terms import collapse_whitespace
from ...language.lexicon import any_word_pattern, load_lexicon
from .typos import load_vocabulary, repair_typos

MAX_CHARACTERS = 4000
"""Longer feedback is cut off."""

_PUNCTUATION = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "—": ", ", "–": ", "})
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
_ZERO_WIDTH_JOINERS = "\u200c\u200d"
"""Zero-width characters that are needed in Persian words and compound emoji."""
_PAIRS = re.compile(
    r"\b(black|salt|red|rock|arts|bed|fish|mac|pen|gin|hide)(\s+(?:and|&|n)\s+)"
    r"(white|pepper|roll|crafts|breakfast|chips|cheese|ink|tonic)\b",
    re.I,
)
_SED = re.compile(r"\bs/([\w -]{1,40})/([\w -]{1,40})(?:/g?\b|/|(?=\s|$))", re.I)
""" "s/blue/green", sed syntax."""
_ASIDE = re.compile(r"(?<=\w)\s+\(([^():]*[^():\s\d][^():]*)\)")
""" "No glitter (I'm allergic)": a remark in parentheses."""
_SIGNED = re.compile(
    r"(?:^|(?<=[,;\n]))(\s*)([+\u2212\u2013\u2014-])\s*(?=(?:an?\s+)?[a-z][\w-]*(?:\s+[a-z][\w-]*){0,2}\s*(?:[,;\n]|$))",
    re.I,
)
""" "+ hat, - glasses": signs instead of verbs."""
_LIST_ANNOUNCEMENT = re.compile(
    r"^\s*(?:(?:just|only|but|and|ok|okay|so)[, ]+)*"
    r"(?:one|two|three|four|a few|(?:a )?couple(?: of)?|some|several|\d)\s+"
    r"(?:(?:more|small|quick|little|tiny|other)\s+)*(?:things?|problems?|issues?|notes?|points?|tweaks?"
    r"|fixes|requests?"
    r"|complaints?|nitpicks?|wishes|remarks?)\s*(?::|,|\.|\s-+\s)\s*",
    re.I,
)
""" "Two problems: ...": announces a list and has no content."""
_NEW_IDEA = re.compile(
    r"^\s*(?:(?:ok|okay|so|and|right)[, ]+)*(?:new|another|different|next)\s+"
    r"(?:idea|thought|request|thing|plan)\s*[:,.]\s+"
    r"(?=(?:put|add|give|remove|change|turn|keep|lose|drop|swap|replace|move|make)\s+(?!(?:me|us)\b))",
    re.I,
)
""" "New idea: put the dog on a skateboard"."""
_TAG = re.compile(
    r"(?<=\w)(?:,?\s+(?:no|innit|isn't it|isnt it|aren't they|don't you think|dont you think|wouldn't you say|or not)"
    r"|,\s*(?:right|eh|huh|yeah|correct|ok|okay))\s*\?",
    re.I,
)
""" "A bit too big, no?": a question tag, which has no content."""
_SENTENCE = re.compile(r"(?:[^.!?;\n]|(?<=\w)\.(?=\w))+[!?]?")
_JOINT = re.compile(
    r"\s*,\s*(?:(?:and|but|so|then|also|plus|n?or|though|yet|because|while)\b\s*)*"
    r"|\s+but\s+(?=(?:change|make|add|remove|lose|drop|put|swap|replace|turn|give|keep)\s)"
    r"|\s+(?:(?<!everything )(?<!anything )(?<!nothing )but|and(?:\s+(?:also|then))?|also|plus"
    r"|then|though|yet|while you're at it|n?or)\s+"
    r"|\s+(?:lol|lmao|lmfao|rofl|haha\w*|hehe\w*|smh|ffs|omg|bruh|bro|ngl|tbh|imo|imho|fr|wtf|xd|jk)\s+"
    r"|\s+(?:[&+]|n)\s+|\s+-+\s+|\s*:\s+",
    re.I,
)


_PLUS = re.compile(
    r"^(?P<before>\s*(?:please\s+)?(?:minus|no|without|remove|lose|drop|delete|less|fewer|take|ditch)\s[^.!?;]*?)[,\s]+plus\s+"
    r"(?=(?:an?|some|two|three|more)\s)",
    re.I,
)
""" "Minus the knights, plus a princess"."""


def clean_feedback(text: str, known: Iterable[str] = ()) -> str:
    """The feedback in plain words: "noooo teh hat plz!!1" -> "no the hat please!". Case is kept.

    `known` are words of this session to which typos may also be corrected.
    """
    text = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])
    if re.search(r"(?:^|[,;\n])\s*\+", text):  # without a plus, a dash starts a list item
        text = _SIGNED.sub(lambda match: f"{match[1]}{'add' if match[2] == '+' else 'no'} ", text)
    text = text.translate(_PUNCTUATION)
    if re.search(r"(?:^|\s)1[.)]\s", text) and re.search(r"\s2[.)]\s", text):  # a numbered list
        text = re.sub(r"(?:^|(?<=\s))\d{1,2}[.)]\s+", "\n", text)
    text = re.sub(r"^\s*\(?([a-z][\w ]{1,30}?)\s*[:=]\s*([0-2]\.\d+)\)?\s*$", r"set \1 to \2", text, flags=re.I)
    text = re.sub(r"\b(undo(?: it| that)?|back|revert) (?:twice|thrice)\b", _format_times, text, flags=re.I)
    text = re.sub(r"^\s*([a-z][\w ]*?)\s*(?:[-=]+>|→|⇒)\s*([a-z][\w ]*?)\s*$", r"replace \1 with \2", text, flags=re.I)
    text = _narrow_characters("".join(_keep_visible(character) for character in text))
    text = re.sub(r"\bw/o(?:ut)?\b\s*", "without ", text, flags=re.I)
    text = re.sub(r"\bw/\s*", "with ", text, flags=re.I)
    text = re.sub(r"(?<=\w )w (?=\w{2,})", "with ", text, flags=re.I)
    text = _SED.sub(r"replace \1 with \2", text)
    text = re.sub(r"\s\+\s?0?\.\d+\b", " harder", text)
    text = re.sub(r"^\s*([\w ]+?)\s-\s?0?\.\d+\b", r"ease off \1", text)
    text = re.sub(r"\s(?:[0-2]\.\d+)\s*(?:->|=>|→)\s*([0-2](?:\.\d+)?)", r" to \1", text)
    text = re.sub(r"\bx\s?(\d{1,2})\b|\b(\d{1,2})x\b", r"\1\2 times", text, flags=re.I)
    text = re.sub(rf"\b2\s+(?={_adjective_pattern()}\b)", "too ", text, flags=re.I)
    text = re.sub(
        r"\b(way|far|is|are|looks?|feels?|its|it's|bit|just)\s+2\s+(?=[a-z]{3})", r"\1 too ", text, flags=re.I
    )
    text = _TAG.sub(_strip_tag, _NEW_IDEA.sub("", _LIST_ANNOUNCEMENT.sub("", text)))
    text = re.sub(r"\b(an? [\w-]+) or (?:two|three|so|more)\b", r"\1", text, flags=re.I)
    text = re.sub(
        r"(?<!another )(?<!different )(?<!fresh )(?<!second )(?<!new )(?<!more )\b(take|cut|turn|leave"
        r"|wipe|chop|shave)\s+of\b",
        r"\1 off",
        text,
        flags=re.I,
    )
    text = re.sub(r"\b(another|this|that|last|next) 1\b", r"\1 one", text, flags=re.I)
    text = re.sub(r"(?<!\w)(?:[:;=]-?[()DPp/|]+|<3|xD)(?!\w)", " ", text)
    text = re.sub(r"(?<![!?])([!?])[!?]*1*(?=\s|$)", r"\1", text)
    text = re.sub(r"\b([A-Za-z]+)(?:\s+\1\b)+", r"\1", text, flags=re.I)
    text = _PLUS.sub(r"\g<before>, add ", text)
    text = re.sub(r"(?:^|(?<=[,.;]\s)|(?<=\band\s))ad\s+(?=(?:an?|the|some|more)\s)", "add ", text, flags=re.I)
    vocabulary = load_vocabulary() | frozenset(known)
    text = re.sub(r"[A-Za-z']{1,40}", lambda match: repair_typos(match[0], vocabulary), text)
    text = re.sub(
        rf"(?:\b(?:it'?s|wa+y|is|are|looks?|feels?|seems?|bit|little|much|far|tad|all|so)\s+"
        rf"|^)to\s+(?={_adjective_pattern()}\b)|\b(?:it'?s|is|are|looks?|wa+y)\s+to\s+(?={_color_pattern()}\b)",
        lambda match: re.sub(r"to\s+$", "too ", match[0], flags=re.I),
        text,
        flags=re.I,
    )
    text = re.sub(r"(?<=\w)[\s,.!-]*\bno,? wait\b[\s,.!-]*(?=\w)", ". no wait, ", text, flags=re.I)
    text = re.sub(r"\bis it (?:(?:just|only) )?me,? or (is|are) there\b", r"there \1", text, flags=re.I)
    text = re.sub(r"\bis it (?:(?:just|only) )?me,? or (is|are|does|do)\b", r"\1n't", text, flags=re.I)
    return re.sub(r"\bnever\s?mind\s+(?=(?:you|i|we|it|keep|undo|leave|that|put)\b)", "never mind, ", text, flags=re.I)


def normalize(text: str) -> str:
    """A description on one line, with straight quotes and with "w/o" spelled out. Other words are unchanged."""
    text = unicodedata.normalize("NFC", text[:MAX_CHARACTERS]).translate(_QUOTES)
    text = collapse_whitespace("".join(_normalize_character(character) for character in text))
    text = re.sub(r"(?<![\w/])w/o(?:ut)?\b\s*", "without ", text, flags=re.I)
    return collapse_whitespace(re.sub(r"(?<![\w/])w/(?=\s|\w{2})\s*", "with ", text, flags=re.I))


def split_clauses(text: str) -> Iterator[list[str]]:
    """The clauses of each sentence in a cleaned text. Questions keep their question mark."""
    text = _ASIDE.sub(r", \1,", text)
    protected = _PAIRS.sub(lambda match: f"{match[1]}\0{match[3]}", _setting_pattern().sub(r"\1 = ", text))
    for sentence in _SENTENCE.findall(protected):
        joined = (clause.replace("\0", " and ") for clause in _JOINT.split(sentence))
        clauses = [trim_clause(clause) for clause in joined]
        yield [clause for clause in clauses if clause]


def trim_clause(clause: str) -> str:
    """The clause without hedges, expletives and politeness at its ends."""
    clause = collapse_whitespace(clause).strip(' .,!:;"()*~_-')
    return _filler_patterns()[1].sub("", _filler_patterns()[0].sub("", clause)).strip(' .,!"()*~_-')


def expand_abbreviations(clause: str) -> str:
    """The clause with contractions expanded and adverbs removed: "it really isn't sharp" -> "it is not sharp"."""
    for pattern, full in _CONTRACTIONS:
        clause = pattern.sub(full, clause)
    clause = _faulty_pattern().sub(" is", clause)
    return collapse_whitespace(_adverb_pattern().sub(" ", clause)).strip(" ,?!.")


_CONTRACTIONS = [
    (re.compile(pattern, re.I), full)
    for pattern, full in (
        (r"\bcannot\b|\bcan't\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\bshan't\b", "shall not"),
        (r"\bain't\b", "is not"),
        (r"n't\b", " not"),
        (r"\blet's\b", "let us"),
        (r"^its(?=\s+(?:too|so|very|way|still|not|a|an|all|really|just|kind|more|like|\w+(?:y|ish)$)\b)", "it is"),
        (r"\bno[- ]one\b", "nobody"),
        (r"\b(is|are|was|were)\s+(?:nothing but|nothing more than|little more than|not much more than)\s+", r"\1 "),
        (r"\b(should|must|can|could|would|may|will)\s+to\s+(?=[a-z])", r"\1 "),
        (
            r"^(?P<x>(?:the|that|this|his|her|its|my|your|their)\s+[\w-]+)\s+(?:it|they|he|she)\s+(?=(?:is"
            r"|are|can|could|may|must"
            r"|should|has|have|looks?|needs?|was|were|will|do|does)\b)",
            r"\g<x> ",
        ),
        (
            r"\btoo (?:much|very) (?=(?:big|small|long|short|dark|bright|red|green|blue|yellow|old|young|high|low"
            r"|thick|thin|fat|tall|wide|near|far|strong|heavy|loud|clean|dirty|shiny|sharp|soft|cold|warm"
            r"|happy|sad|serious)\b)",
            "too ",
        ),
        (r"^do (?=(?:let|keep|make|add|put|remove|give|take|bring|try|have)\b)", ""),
        (r"\s+(?:for good|once and for all|for ever|forever)$", ""),
        (
            r"'s(?=\s+(?:got|been|become|gone|turned|grown|lost|crept|appeared|come|melted|merged|fused|vanished|ended)\b)",
            " has",
        ),
        (
            r"'s(?=\s+(?:no longer|no good|no more|on the|in the|at the|\w{3,}ing(?:\s+(?:in|on|up|out|through|at|into"
            r"|over|down|off|again|back|the|his|her|my|me)\b|$)))",
            " is",
        ),
        (r"'m\b", " am"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (r"'d\b", " would"),
        (
            r"^(?:i|we) would (?:like|love|prefer|want|wish) (?:for )?(?:you )?to (?!see\b|have\b|keep\b|know\b"
            r"|say\b|show\b|be\b"
            r"|go\b(?! back)|get\b(?! rid))",
            "",
        ),
        (r"\b(it|that|this|he|she|there|here|what|who|where|why|how|everything|something|nothing|one)'s\b", r"\1 is"),
        (r"\b(i|we) do (?=(?:want|need|like|love|miss)\b)", r"\1 "),
        (
            r"'s(?=\s+(?:allowed|welcome|too|back|still|gone|too|not|so|got|here|off|wrong|weird|odd"
            r"|strange|crooked|dirty|blurry|ugly|bad|bent"
            r"|tilted|perfect|great|good|nice|missing|looking|getting|full|covered|kind|sort|just|now|out"
            r"|there|a|an|way|all|again|fine|ok|okay|very|been|showing|crept)\b)",
            " is",
        ),
    )
]


_STATES = {
    "off",
    "cropped",
    "cut",
    "tilted",
    "ok",
    "okay",
    "missing",
    "gone",
    "back",
    "open",
    "closed",
    "upside down",
    "inside out",
}


@cache
def _faulty_pattern() -> re.Pattern[str]:
    """ "Horizon's wonky", unless a noun follows that makes it a possessive."""
    words = load_lexicon().words
    faults = any_word_pattern(words["faults"] | words["wrongness"] | words["praise"] | _STATES)
    degree = r"(?:(?:really|very|too|so|all|a bit|a little|kind of|pretty|totally|completely|way|still|quite)\s+)*"
    after = r"(?:\s+(?:in|on|at|here|now|again|and|as|like|for|off|all|because|when)\b|\s*[,.!?]|\s*$)"
    return re.compile(rf"(?<=\w)'s(?=\s+{degree}{faults}{after})", re.I)


@cache
def _adverb_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'-]){any_word_pattern(load_lexicon().words['adverbs'])}(?![\w'-])", re.I)


@cache
def _filler_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = load_lexicon().words["fillers"]
    fillers, last = any_word_pattern(words), any_word_pattern(words - {"ok", "okay"} | {"what the hell"})  # "hats ok"
    return (
        re.compile(rf"^(?:{fillers}(?:\s+|[,.!]+\s*|$))+", re.I),
        re.compile(rf"(?:(?:\s+|^){last}[.,!]*)+(?=[?!\s]*$)", re.I),
    )


@cache
def _setting_pattern() -> re.Pattern[str]:
    """ "background: a beach" becomes one clause, "background = a beach"."""
    return re.compile(
        rf"((?:^|(?<=[.;,!\n]))\s*(?:the\s+)?{any_word_pattern(load_lexicon().words['settings'])})\s*:\s+", re.I
    )


@cache
def _adjective_pattern() -> str:
    return any_word_pattern(
        {"many", "much", "brite", "bright", "high"}
        | load_lexicon().words["faults"]
        | load_lexicon().words["needs_noun"]
    )


@cache
def _color_pattern() -> str:
    return any_word_pattern(load_lexicon().kinds["color"])


def _strip_tag(tag: re.Match[str]) -> str:
    """Remove a question tag. After one or two words it is an answer, and kept: "a hat, no?"."""
    sentence = re.split(r"[.!?;\n]", tag.string[: tag.start()])[-1]
    return "." if len(sentence.split()) > 2 else tag[0]


def _format_times(match: re.Match[str]) -> str:
    """ "Undo twice" -> "undo two times"."""
    return f"{match[1]} {'three' if match[0].lower().endswith('thrice') else 'two'} times"


def _narrow_characters(text: str) -> str:
    """The text with repeated spaces, newlines and punctuation shortened.

    Many patterns are tried at each space, so a held-down key would make the search slow.
    """
    text = re.sub(r"\s*\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text))
    return re.sub(r"([^\w\s])\1{3,}", r"\1\1\1", text)


def _keep_visible(character: str) -> str:
    category = unicodedata.category(character)
    return " " if category in {"So", "Sk", "Cs", "Co", "Cn", "Cf", "Mn"} or character == "\0" else character


def _normalize_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in _ZERO_WIDTH_JOINERS or "\U000e0020" <= character <= "\U000e007f" else ""
    return " " if category in {"Cc", "Cs", "Co", "Cn"} else character
