"""Parses a cleaned text clause by clause: each on its own, or as a continuation of the previous one."""

import re

from ...edits import Exclude
from ..edit_draft import EditDraft
from ..language import prompt_rewriting
from ..language.lexicon import load_lexicon
from ..language.noun_phrases import extract_term, is_noun_phrase
from .actions import ACTIONS
from .grammar.rules import RuleMatch, load_grammar
from .normalization.cleaning import expand_abbreviations, split_clauses, trim_clause
from .paraphrases.anaphora import rephrase_wish, replace_one
from .paraphrases.explanations import find_conclusion, find_reason_before, is_explanation
from .paraphrases.idioms import rephrase_hate
from .paraphrases.utterance_rewrites import rewrite_utterance

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
_SAME_FOR = re.compile(
    r"(?:(?:so )?(?:is|are|do|does|has|have|was|were)(?=\s(?:the|that|those|these|this|his|her|its|their)\s)"
    r"|ditto(?: for)?|(?:the )?same (?:goes |thing )?for|neither (?:is|are|do|does))\s+(?P<thing>[^?]+)$",
    re.I,
)
_NONE_AT_ALL = re.compile(r"no\s+(?P<thing>[\w' -]+)\?$", re.I)
_CLAUSE_START = re.compile(
    r"\s+(?=(?:(?:it|that|this|there|they|he|she|i|we|you)\s+(?:is|are|am|was|were|looks?|looked|has|have"
    r"|had|can|could|should"
    r"|would|must|want|need|like|love|hate|keeps?|feels?|said|told|asked|think|just|still|also|only|do|does|did|don't"
    r"|doesn't|didn't|isn't|aren't|wasn't|won't|can't|couldn't|never)"
    r"|it's|that's|there's|they're|he's|she's|i'm|i'd|i've|we're|don't|can you|could you|can we|please|get rid|remove"
    r"|delete|erase|add|make|put|change|fix|undo|take|give|lose|try|keep|go back|start over|no more|still|why|too"
    r"|nothing|everything|(?:the|his|her|its|their|my)\s+[\w-]+\s+(?:is|are|looks?|was|were|needs?|should|has|have"
    r"|isn't|aren't))\b)",
    re.I,
)
"""The start of a clause that follows another one without punctuation."""
_BACK_REFERENCE = re.compile(r"\b(?:it|its|they|their|them|he|his|him|she|her|one|that)\b", re.I)
_COMPLAINT_RULES = frozenset(
    {"too", "faulty", "hedged", "not_good", "wrongly", "annoying", "fault", "counted", "grown_extra"}
)
_AFTERTHOUGHT = re.compile(
    r"\s+(?:again|here|there|somewhere|as usual|as always|once more|yet again|everywhere|this time|every time|each time"
    r"|or something|or whatever|somehow|(?:back|up|down|over|out|in|right) (?:there|here)|classic|i see|it seems"
    r"|(?:in|on|at|to|along|by) the (?:very )?(?:far |top |bottom )?(?:corner|corners|background|foreground|back"
    r"|distance|middle|sky|frame|picture|image|left|right|side|sides|top|bottom|front|edge|edges|end|shadows))$",
    re.I,
)
"""Time and place at the end of a clause, which templates don't match: "six fingers | again"."""


def parse_text(text: str, draft: EditDraft) -> None:
    """Add the edits that a cleaned text asks for to the draft."""
    if (rewritten := rewrite_utterance(text, draft)) is None:
        return
    if reason := find_reason_before(rewritten):
        reason_draft = EditDraft(draft.state)
        parse_text(reason, reason_draft)
        draft.mention = reason_draft.mention
        rewritten = find_conclusion(rewritten)
    remaining = _MAX_CLAUSES
    for clauses in split_clauses(rewritten):
        _parse_sentence([clause[:_MAX_CLAUSE] for clause in clauses[:remaining]], rewritten, draft)
        remaining = max(0, remaining - len(clauses))


def _parse_sentence(clauses: list[str], text: str, draft: EditDraft) -> None:
    previous: RuleMatch | None = None
    pending_things: list[str] = []
    for clause in clauses:
        if _NO.match(clause):
            draft.is_correction = True
            continue
        if draft.has_lowered_weight and (_REASON.match(clause) or _LOWER_REQUEST.match(clause)):
            continue
        if previous and (is_explanation(clause, previous, text) or _is_reason_for_return(clause, previous)):
            continue
        if previous and previous.rule.name == "none" and draft.excluded_phrase and _is_instead(clause, text):
            previous, draft.is_correction, draft.rejected_phrase = None, True, draft.excluded_phrase
        if previous and _is_continued_description(clause, previous, draft):
            continue
        corrective, rejected = draft.is_correction, draft.rejected_phrase
        if match := _parse_clause(clause, draft, previous) or _parse_run_on(clause, draft, previous):
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
        elif thing := _extract_bare_thing(clause):  # "license plate visible... | remove it"
            draft.mention = thing
        if match is None:
            draft.unmatched.append(clause)
        if match and match.rule.name in _COMPLAINT_RULES:
            _complain_about_pending(clause, draft)
        if corrective and draft.rejected_phrase == rejected:
            draft.is_correction = False
        draft.excluded_phrase = draft.mention if re.match(r"no\s+(?!an?\s)", clause, re.I) else None


def _parse_run_on(clause: str, draft: EditDraft, previous: RuleMatch | None) -> RuleMatch | None:
    """ "Go back it was better before": splits clauses without a comma after the first one that matches a rule."""
    for joint in _CLAUSE_START.finditer(clause):
        left, right = trim_clause(clause[: joint.start()]), trim_clause(clause[joint.end() :])
        if left and right and (first := _parse_clause(left, draft, previous)):
            return _parse_clause(right, draft, first) or _parse_run_on(right, draft, first) or first
        if right and not left:
            return _parse_clause(right, draft, previous)
    return None


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


def _extract_bare_thing(clause: str) -> str | None:
    """The term of a short clause that only names a thing, or says that it is visible."""
    thing = re.sub(r"\s(?:is|are|looks?) (?:visible|there|showing|everywhere)$", "", clause)
    if len(thing.split()) > 3 or not is_noun_phrase(thing) or load_lexicon().is_praise(thing):
        return None
    return extract_term(thing)


def _complain_about_pending(clause: str, draft: EditDraft) -> None:
    """ "There's dust on it | and the band is too thick": two complaints about different things."""
    if (
        not draft.possible_complaint
        or not draft.edits
        or (_BACK_REFERENCE.search(clause) and not re.search(r"\btoo\b", clause, re.I))
    ):
        return
    *before, last = draft.edits
    if isinstance(last, Exclude) and last.term != draft.possible_complaint:
        draft.edits = before
        draft.exclude(draft.possible_complaint)
        draft.edits += [last] if last not in draft.edits else []
    draft.possible_complaint = None


def _is_continued_description(clause: str, previous: RuleMatch, draft: EditDraft) -> bool:
    """ "The cloak should be longer and | made of feathers": extends the description of the same thing."""
    thing = previous.thing
    if previous.rule.name not in {"attribute", "should_be"} or previous.is_negated or not extract_term(thing):
        return False
    if not re.match(
        r"(?:made|covered|lined|filled|decorated|trimmed|embroidered|painted) (?:of|from|in|with|by)\s", clause, re.I
    ):
        return False
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, clause))


def _is_reason_for_return(clause: str, previous: RuleMatch) -> bool:
    """Whether a clause gives the reason to allow something: "we need the shop name"."""
    return previous.action in {"allow", "fine", "release", "restore"} and bool(_NEEDED.match(clause))


_NEEDED = re.compile(
    r"(?:i|we|he|she|they|it|(?:the|my|our) \w+) (?:do |does |really |actually )*"
    r"(?:need|want|like|love|prefer|miss)(?:s|es)? "
    r"(?:the|his|her|its|their|that|it|them|one|some)\b",
    re.I,
)


def _is_instead(clause: str, text: str) -> bool:
    """Whether "a goatee" follows a comma or a "but", and not an "or"."""
    return bool(re.match(r"an?\s", clause)) and bool(re.search(rf"(?:,\s*|\bbut\s+){re.escape(clause)}", text))


def _parse_clause(clause: str, draft: EditDraft, previous: RuleMatch | None) -> RuleMatch | None:
    """The first rule that matches the clause, alone or as a continuation of the previous clause."""
    if previous and (same_for := _SAME_FOR.match(clause)) and (continued := previous.continue_with(same_for["thing"])):
        return continued if _apply_match(continued, draft) else None
    if (
        (none := _NONE_AT_ALL.match(clause))
        and (thing := extract_term(none["thing"]))
        and not draft.find_exclusion(thing)
    ):
        draft.mention = draft.missing_thing = thing
        return None
    clause = replace_one(clause, draft.missing_thing) if draft.missing_thing else rephrase_wish(clause)
    stripped, negated = _strip_wrapping(expand_abbreviations(trim_clause(_INTERJECTION.sub("", clause))))
    if not stripped or _is_only_praise(stripped) or load_grammar().questions.length(load_grammar().words(stripped)):
        return None
    continuation = (
        previous.continue_with(stripped) if previous and not negated and _continues_clause(stripped, previous) else None
    )
    if rephrased := rephrase_hate(stripped):
        return _parse_clause(rephrased, draft, previous)
    for match in load_grammar().match_rules(stripped, negated):
        if match.rule.is_bare and continuation:
            break
        if _apply_match(match, draft):
            return match
    if continuation is None or _apply_match(continuation, draft):
        return continuation
    bare = (match for match in load_grammar().match_rules(stripped, negated) if match.rule.is_bare)
    if bare_match := next((match for match in bare if _apply_match(match, draft)), None):
        return bare_match
    shorter = _AFTERTHOUGHT.sub("", stripped)
    return _parse_clause(shorter, draft, previous) if shorter and shorter != stripped else None


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
