"""Clauses that only give a reason: "too shiny, it looks cheap", "lose the hat, it looks silly"."""

import re

from ...language.lexicon import load_lexicon
from ..grammar.rules import RuleMatch

_COMPLAINT_RULES = frozenset({"too", "not_keen", "unwanted", "annoying", "faulty", "hedged"})
_CONCLUSION = re.compile(
    r"(?P<reason>[^.!?;,]{3,80}?),?\s+so\s+(?:please\s+|maybe\s+|just\s+|let's\s+)*"
    r"(?=(?:add|put|give|make|change|swap|replace|turn|move|use|draw|paint|zoom|show|brighten|darken"
    r"|can you|could you)\s)",
    re.I,
)
""" "He looks lonely so | add a dog": the first part is only a reason."""
_REMOVAL_RULES = frozenset(
    {"remove", "none", "must_go", "not_excluding", "unwanted", "liked", "not_keen", "not_belonging"}
)
_REASON = re.compile(
    r"(?:it|they|he|she|that|this|its|it's|they're)(?:\s(?:is|are|looks?|looked|feels?|makes?|seems?|just)\s"
    r"(?!.*\b(?:dark|bright|blurry|grainy|noisy|pixelated|crowded|cluttered|busy)\b)"
    r"|'s\s|'re\s|\s(?:ruins|spoils|kills|distracts|does|do|don't|doesn't)\b)|its\s|(?:looks?|feels?|seems?)\s",
    re.I,
)
""" "(Lose the hat,) it looks silly"."""
_EFFECT = re.compile(
    r"(?:kills?|ruins?|spoils?|hurts?|drowns? out|takes? away|hides?|swallows?|washes out"
    r"|eats?|steals?|makes?)\s|like an?\s|can't\s|cannot\s|can not\s",
    re.I,
)
_ASKED_FOR = re.compile(r"(?:i|we)(?:'d| had| have)? (?:asked|wanted|want|ordered|said|expected|prefer|like)\b", re.I)
_SCENE_RULES = frozenset(
    {
        "without_part",
        "grown_extra",
        "twice",
        "on_backwards",
        "seeing",
        "placed",
        "in_mid_air",
        "broken",
        "of_nobody",
        "it_is_that",
        "same_for_all",
    }
)
_IS_JUDGED = re.compile(
    r"(?:it|they|that|this)(?:'s|'re| is| are| looks?| feels?| just)\s(?!too\b|.*\b(?:dark|bright|blurry|grainy)\b)",
    re.I,
)
""" "(Half of them have no eyes,) it's horrifying"."""
_MISMATCH_RULES = frozenset({"wrongly", "not_good", "faulty", "part_does", "same_for_all", "counting"})
_IMPRESSION = re.compile(
    r"(?:it )?(?:feels|seems|reads|makes it (?:look|feel|seem)|gives? (?:me|it|off)) |.* (?:vibes?|energy)$", re.I
)
""" "(The ears look wrong,) it feels fake"."""


_THIRD_PARTY_OPINION = re.compile(
    r"(?:(?:the|my|our|their|most|some|all|no) )?(?:clients?|customers?|visitors?|readers?|users?|buyers?"
    r"|guests?|viewers?|people|kids|children|parents"
    r"|players?|students?|tourists|shoppers|drivers|employers?|recruiters?|teachers?|patients?|fans|folks"
    r"|collectors|nobody"
    r"|no one|everyone|everybody|audiences?|the public|boss|mum|mom|grandma|publisher|editor)\s+(?:will"
    r"|would|won't|can't|could|may|might|must"
    r"|expects?|wants?|needs?|likes?|loves?|hates?|prefers?|gets?|thinks?|are|is|have|has|don't|doesn't"
    r"|aren't|isn't|never|only)\b",
    re.I,
)
""" "(Too playful,) clients expect serious", "visitors will get lost"."""
_FACT = re.compile(
    r"(?:it|this|that|he|she|they|we|i|these|those)(?:'s| is| are|'re|'m| am| was)\s+(?:only |just |still "
    r"|supposed to be |meant to be |for )*"
    r"(?:(?:an?|the|my|our|for|in|about|of|from)\s|not\s|\d|supposed|meant)(?!.*\b(?:too|should|please|mess"
    r"|disaster|joke|blur|distraction|eyesore)\b)",
    re.I,
)
""" "(Too muscular,) she's an archer not a bodybuilder"."""
_OF_ALL_PLACES = re.compile(
    r"(?:(?:and )?(?:right )?(?:in|on|at|during|for|on top of|inside|behind) (?:(?:the|an?|this|that|my"
    r"|all) )?[\w' -]+|of all (?:things|places|times))$",
    re.I,
)
""" "(There's a scooter,) in 1880!"."""
_FREE_IT = re.compile(
    r"(?:free|let|save|poor|happy|respect|justice|long live|liberate)(?:\s+(?:the|that|his|her|its))?\s+[\w-]+$", re.I
)
""" "(Lose the bridle,) free horse"."""


def find_reason_before(text: str) -> str | None:
    """The reason before "so add a dog". None if there is no such reason."""
    match = _CONCLUSION.match(text)
    if match is None or re.search(r"\b(?:no|not|remove|lose|delete)\b|n't\b", match["reason"], re.I):
        return None
    return match["reason"]


def find_conclusion(text: str) -> str:
    """The text after the reason and its "so"."""
    match = _CONCLUSION.match(text)
    return text[match.end() :] if match else text


def is_explanation(clause: str, previous: RuleMatch, text: str) -> bool:
    """Whether a clause such as "feels fake" explains the previous complaint."""
    if previous.rule.name in _MISMATCH_RULES and re.match(
        r"(?:one|the other|the left one|the right one|one of them)\s\w", clause, re.I
    ):
        return True
    if previous.rule.name in _SCENE_RULES and _IS_JUDGED.match(clause):
        return True
    after_comma = re.search(rf"(?P<joint>,)?\s*(?<![.!?;])\s*{re.escape(clause)}", text, re.I)
    if after_comma is None:
        return False
    if (
        previous.rule.name in _REMOVAL_RULES
        and after_comma["joint"]
        and (_FREE_IT.match(clause) or _THIRD_PARTY_OPINION.match(clause))
    ):
        return True
    if previous.rule.name in _REMOVAL_RULES:
        return bool(_REASON.match(clause)) and not re.search(r"\b(?:and|but|also|too)\b", clause, re.I)
    if not after_comma["joint"]:
        return False
    if previous.rule.name in _COMPLAINT_RULES and _IMPRESSION.match(clause):
        return True
    if previous.rule.name in _COMPLAINT_RULES and (_THIRD_PARTY_OPINION.match(clause) or _FACT.match(clause)):
        return True
    if previous.rule.name in {"pointed_at", "crept_in", "placed"} and _OF_ALL_PLACES.match(clause):
        return True
    if previous.rule.name != "too":
        return False
    is_requested_style = _ASKED_FOR.match(clause) and load_lexicon().find_kind(clause) in {"style", "decor"}
    return bool(
        is_requested_style or _EFFECT.match(clause) or re.match(r"(?:it |they |he |she )?looks?\s", clause, re.I)
    )
