"""Parses a cleaned text clause by clause: each on its own, or as a continuation of the previous one."""

import re

from ..edit_draft import EditDraft
from ..language.lexicon import load_lexicon
from ..language.noun_phrases import extract_term, is_noun_phrase
from .actions import ACTIONS
from .grammar.rules import RuleMatch, load_grammar
from .normalization.cleaning import expand_abbreviations, split_clauses, trim_clause
from .utterance_rewrites import rewrite_utterance

_MAX_CLAUSE = 200
_MAX_CLAUSES = 40
_NO = re.compile(
    r"(?:no|nope|not that|not this|wrong|not quite|no wait|wrong \w+|that's wrong|that's not it"
    r"|not what i (?:meant|asked for|wanted))$",
    re.I,
)
_INTERJECTION = re.compile(
    r"^no\s+(?=(?:(?:the|his|her|its|their|my|those|these)\s+[\w-]+\s+(?:stays?|is|are|was|were|must"
    r"|should|has|have|can|looks?|needs?)"
    r"|that's|it's|this is|i|you|we|he's|she's|keep|leave|don't|just|go back|back|revert|reset|try|use"
    r"|give|let|bring|make|change|stop|put|wait|really|thanks"
    r"|please|not|remove|undo|add|it)\b)",
    re.I,
)
_REASON = re.compile(r"(?:looks?|feels?|seems?|it|it's|they|they're|everything|the|this|that|now|i|we|he|she)\b", re.I)
_LOWER_REQUEST = re.compile(
    r"(?:(?:go |much |a bit |make it )?(?:lower|softer|gentler|weaker|lighter|milder|less|down))(?: please| now| it)*$",
    re.I,
)
_NONE_AT_ALL = re.compile(r"no\s+(?P<thing>[\w' -]+)\?$", re.I)


def parse_text(text: str, draft: EditDraft) -> None:
    """Add the edits that a cleaned text asks for to the draft."""
    remaining = _MAX_CLAUSES
    for clauses in split_clauses(rewrite_utterance(text)):
        _parse_sentence([clause[:_MAX_CLAUSE] for clause in clauses[:remaining]], draft)
        remaining = max(0, remaining - len(clauses))


def _parse_sentence(clauses: list[str], draft: EditDraft) -> None:
    previous: RuleMatch | None = None
    pending_things: list[str] = []
    for clause in clauses:
        if _NO.match(clause):
            draft.is_correction = True
            continue
        if draft.has_lowered_weight and (_REASON.match(clause) or _LOWER_REQUEST.match(clause)):
            continue
        if match := _parse_clause(clause, draft, previous):
            if (
                pending_things and match.thing and match.clause.startswith(match.thing)
            ):  # "the hat and | the tie must go"
                _apply_to_things(pending_things, match, draft)
            if not draft.edits and (mentioned := draft.find_all_mentioned(clause)):
                draft.mention = draft.mention if draft.find_exclusion(draft.mention or "") else mentioned[0].term
            previous, pending_things = match, []
        elif (named := re.fullmatch(r"an?\s+[\w' -]+", clause, re.I)) and is_noun_phrase(
            clause
        ):  # "a hat? | off with it"
            draft.mention = extract_term(named[0]) or draft.mention
        elif _is_thing(clause, draft):  # "the earrings? | remove them"
            mentioned = [] if draft.find_exclusion(clause) else draft.find_all_mentioned(clause)
            draft.mention = mentioned[0].term if mentioned else extract_term(clause) or draft.mention
            pending_things.append(clause)
        elif mentioned := draft.find_all_mentioned(clause):
            draft.mention = mentioned[0].term
        elif is_noun_phrase(clause):  # "a boat again, | take it out"
            draft.mention = extract_term(clause) or draft.mention
        if match is None:
            draft.unmatched.append(clause)
        draft.is_correction = False


def _apply_to_things(things: list[str], match: RuleMatch, draft: EditDraft) -> None:
    for thing in things:
        if continued := match.continue_with(thing):
            _apply_match(continued, draft)


def _is_thing(clause: str, draft: EditDraft) -> bool:
    thing = clause.strip("?! ")
    is_pointed_at = clause.endswith("?") or re.match(
        r"(?:the|that|those|these|this|his|her|its|their|my)\s", thing, re.I
    )
    return is_noun_phrase(thing) and bool(is_pointed_at or draft.find_exclusion(thing))


def _parse_clause(clause: str, draft: EditDraft, previous: RuleMatch | None) -> RuleMatch | None:
    """The first rule that matches the clause, alone or as a continuation of the previous clause."""
    if (
        (none := _NONE_AT_ALL.match(clause))
        and (thing := extract_term(none["thing"]))
        and not draft.find_exclusion(thing)
    ):
        draft.mention = draft.missing_thing = thing
        return None
    stripped, negated = _strip_wrapping(expand_abbreviations(trim_clause(_INTERJECTION.sub("", clause))))
    if not stripped or _is_only_praise(stripped) or load_grammar().questions.length(load_grammar().words(stripped)):
        return None
    continuation = (
        previous.continue_with(stripped) if previous and not negated and _continues_clause(stripped, previous) else None
    )
    for match in load_grammar().match_rules(stripped, negated):
        if match.rule.is_bare and continuation:
            break
        if _apply_match(match, draft):
            return match
    if continuation is None or _apply_match(continuation, draft):
        return continuation
    bare = (match for match in load_grammar().match_rules(stripped, negated) if match.rule.is_bare)
    return next((match for match in bare if _apply_match(match, draft)), None)


def _strip_wrapping(clause: str) -> tuple[str, bool]:
    """The clause without politeness, and whether it is negated, as after "don't"."""
    negated = False
    while clause:
        words = load_grammar().words(clause)
        if (length := load_grammar().polite.length(words)) == 0:
            length = load_grammar().negators.length(words)
            negated ^= length > 0
        if length == 0:
            break
        clause = words.between(length, len(words.words))
    return clause, negated


def _apply_match(match: RuleMatch, draft: EditDraft) -> bool:
    with draft.step(match.clause, match.rule.name):
        return ACTIONS[match.action](match, draft)


def _continues_clause(clause: str, previous: RuleMatch) -> bool:
    """Whether a clause only names a thing or a quality to which the previous rule also applies."""
    if previous.rule.name in {"attribute", "should_be", "swap"}:
        return bool(re.match(r"(?:the|his|her|its|their)\s+\w+\s+\w+", clause, re.I)) and is_noun_phrase(
            re.sub(r"\b(?:to|into|look|in)\b", "", clause)
        )
    if re.match(r"(?:no|not|too|more|less|still|very|without)\b", clause, re.I) or " = " in clause:
        return False
    if _COMMAND.match(clause):
        return False
    words = clause.lower().split()
    if (
        previous.rule.name == "none" and len(words) > 1 and words[-1] in load_lexicon().words["looks"]
    ):  # "| parchment texture"
        return False
    first = clause.lower().split()[0]
    if load_grammar().words(clause).runs.keys() & {("comparable", 0), ("comparative", 0)}:  # "| thicker outlines"
        return False
    if re.fullmatch(
        r"(?:bright|dark|warm|cool|sharp|soft|big|small|larg|tall|short|old|young|light|wid|deep|clean"
        r"|simpl|round)e?r",
        first,
    ):
        return False
    return (
        is_noun_phrase(clause) and first not in load_lexicon().words["verbs"] and not load_lexicon().is_praised(clause)
    )


_COMMAND = re.compile(
    r"(?:paint|colou?r|dress|seat|sit|wrap|hang|place|plant|light|frame|serve|dye|tint|fill|cover|blur)\s"
    r"(?:the|his|her|its|their|my|him|it|them|everything|everyone)\b",
    re.I,
)
""" "Paint the van green" is a command, but "paint splatter" is a thing."""


def _is_only_praise(clause: str) -> bool:
    """Whether a clause contains praise and nothing else."""
    words = set(re.findall(r"[a-z']+", clause.lower()))
    return (
        bool(words & load_lexicon().words["praise"]) and len(words) <= 2 and not words & load_lexicon().words["opposed"]
    )
