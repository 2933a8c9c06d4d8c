"""From a cleaned text to a draft, clause by clause: what each means, alone or after the one before."""

import re

from ...edits import Exclude
from ..edit_draft import Draft
from ..language import prompt_rewriting
from ..language.lexicon import lexicon
from ..language.noun_phrases import is_noun_phrase, term_of
from .actions import ACTS
from .grammar.rules import Reading, grammar
from .normalization.cleaning import in_full, split, trim
from .paraphrases.anaphora import as_wish, in_words
from .paraphrases.explanations import explains, reason_before, so_then
from .paraphrases.idioms import hated
from .paraphrases.utterance_rewrites import prepared

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
_LOWER = re.compile(
    r"(?:(?:go |much |a bit |make it )?(?:lower|softer|gentler|weaker|lighter|milder|less|down))(?: please| now| it)*$",
    re.I,
)
_SO_IS = re.compile(
    r"(?:(?:so )?(?:is|are|do|does|has|have|was|were)(?=\s(?:the|that|those|these|this|his|her|its|their)\s)"
    r"|ditto(?: for)?|(?:the )?same (?:goes |thing )?for|neither (?:is|are|do|does))\s+(?P<thing>[^?]+)$",
    re.I,
)
_NONE_AT_ALL = re.compile(r"no\s+(?P<thing>[\w' -]+)\?$", re.I)
_STARTS = re.compile(
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
"""Where a clause may begin that nothing parts from the one before."""
_OF_THE_SAME = re.compile(r"\b(?:it|its|they|their|them|he|his|him|she|her|one|that)\b", re.I)
_ACCUSES = frozenset({"too", "faulty", "hedged", "not_good", "wrongly", "annoying", "fault", "counted", "grown_extra"})
_AFTERTHOUGHT = re.compile(
    r"\s+(?:again|here|there|somewhere|as usual|as always|once more|yet again|everywhere|this time|every time|each time"
    r"|or something|or whatever|somehow|(?:back|up|down|over|out|in|right) (?:there|here)|classic|i see|it seems"
    r"|(?:in|on|at|to|along|by) the (?:very )?(?:far |top |bottom )?(?:corner|corners|background|foreground|back"
    r"|distance|middle|sky|frame|picture|image|left|right|side|sides|top|bottom|front|edge|edges|end|shadows))$",
    re.I,
)
"""What says where or when, and is no part of what a rule knows: "six fingers | again"."""


def read_all(text: str, draft: Draft) -> None:
    """Add to the draft what a cleaned text asks for."""
    if (heard := prepared(text, draft)) is None:
        return
    if reason := reason_before(heard):
        told = Draft(draft.state)
        read_all(reason, told)
        draft.mention = told.mention
        heard = so_then(heard)
    left = _MAX_CLAUSES
    for clauses in split(heard):
        _read_sentence([clause[:_MAX_CLAUSE] for clause in clauses[:left]], heard, draft)
        left = max(0, left - len(clauses))


def _read_sentence(clauses: list[str], text: str, draft: Draft) -> None:
    before: Reading | None = None
    waiting: list[str] = []
    for clause in clauses:
        if _NO.match(clause):
            draft.corrective = True
            continue
        if draft.weakened and (_REASON.match(clause) or _LOWER.match(clause)):
            continue
        if before and (explains(clause, before, text) or _says_why_it_is_back(clause, before)):
            continue
        if before and before.rule.name == "none" and draft.refused and _is_instead(clause, text):
            before, draft.corrective, draft.rejected = None, True, draft.refused
        if before and _describes_on(clause, before, draft):
            continue
        corrective, rejected = draft.corrective, draft.rejected
        if reading := _read(clause, draft, before) or _read_run_on(clause, draft, before):
            if (
                waiting and reading.thing and reading.clause.startswith(reading.thing)
            ):  # "the hat and | the tie must go"
                _say_of(waiting, reading, draft)
            if not draft.edits and (spoken_of := draft.mentioned(clause)):
                draft.mention = draft.mention if draft.known(draft.mention or "") else spoken_of[0].term
            before, waiting = reading, []
        elif (named := re.fullmatch(r"an?\s+[\w' -]+", clause, re.I)) and is_noun_phrase(
            clause
        ):  # "a hat? | off with it"
            draft.mention = term_of(named[0]) or draft.mention
        elif _names_a_thing(clause, draft):  # "the earrings? | remove them"
            spoken_of = [] if draft.known(clause) else draft.mentioned(clause)
            draft.mention = spoken_of[0].term if spoken_of else term_of(clause) or draft.mention
            waiting.append(clause)
        elif spoken_of := draft.mentioned(clause):
            draft.mention = spoken_of[0].term
        elif is_noun_phrase(clause):  # "a boat again, | take it out"
            draft.mention = term_of(clause) or draft.mention
        elif thing := _bare_thing(clause):  # "license plate visible... | remove it"
            draft.mention = thing
        if reading and reading.rule.name in _ACCUSES:
            _accuse_pending(clause, draft)
        if corrective and draft.rejected == rejected:
            draft.corrective = False
        draft.refused = draft.mention if re.match(r"no\s+(?!an?\s)", clause, re.I) else None


def _read_run_on(clause: str, draft: Draft, before: Reading | None) -> Reading | None:
    """ "Go back it was better before": two clauses without a comma, cut where the first of them is understood."""
    for joint in _STARTS.finditer(clause):
        left, right = trim(clause[: joint.start()]), trim(clause[joint.end() :])
        if left and right and (first := _read(left, draft, before)):
            return _read(right, draft, first) or _read_run_on(right, draft, first) or first
        if right and not left:
            return _read(right, draft, before)
    return None


def _say_of(things: list[str], reading: Reading, draft: Draft) -> None:
    for thing in things:
        if shared := reading.going_on_with(thing):
            _carry_out(shared, draft)


def _names_a_thing(clause: str, draft: Draft) -> bool:
    thing = clause.strip("?! ")
    pointed = clause.endswith("?") or re.match(r"(?:the|that|those|these|this|his|her|its|their|my)\s", thing, re.I)
    return is_noun_phrase(thing) and bool(pointed or draft.known(thing))


def _bare_thing(clause: str) -> str | None:
    """What a clause of few words only names, or only says that it is seen."""
    thing = re.sub(r"\s(?:is|are|looks?) (?:visible|there|showing|everywhere)$", "", clause)
    if len(thing.split()) > 3 or not is_noun_phrase(thing) or lexicon().is_praise(thing):
        return None
    return term_of(thing)


def _accuse_pending(clause: str, draft: Draft) -> None:
    """ "There's dust on it | and the band is too thick": two complaints, where the second is of something else."""
    if (
        not draft.pending
        or not draft.edits
        or (_OF_THE_SAME.search(clause) and not re.search(r"\btoo\b", clause, re.I))
    ):
        return
    *before, last = draft.edits
    if isinstance(last, Exclude) and last.term != draft.pending:
        draft.edits = before
        draft.exclude(draft.pending)
        draft.edits += [last] if last not in draft.edits else []
    draft.pending = None


def _describes_on(clause: str, before: Reading, draft: Draft) -> bool:
    """ "The cloak should be longer and | made of feathers": the prompt says that, too, of the same thing."""
    thing = before.thing
    if before.rule.name not in {"attribute", "should_be"} or before.denied or not term_of(thing):
        return False
    if not re.match(
        r"(?:made|covered|lined|filled|decorated|trimmed|embroidered|painted) (?:of|from|in|with|by)\s", clause, re.I
    ):
        return False
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, clause))


def _says_why_it_is_back(clause: str, before: Reading) -> bool:
    """Whether "we need the shop name" only tells why text may be there again."""
    return before.act in {"allow", "fine", "release", "restore"} and bool(_NEEDED.match(clause))


_NEEDED = re.compile(
    r"(?:i|we|he|she|they|it|(?:the|my|our) \w+) (?:do |does |really |actually )*"
    r"(?:need|want|like|love|prefer|miss)(?:s|es)? "
    r"(?:the|his|her|its|their|that|it|them|one|some)\b",
    re.I,
)


def _is_instead(clause: str, text: str) -> bool:
    """Whether "a goatee" goes on after a comma or a "but", not after an "or"."""
    return bool(re.match(r"an?\s", clause)) and bool(re.search(rf"(?:,\s*|\bbut\s+){re.escape(clause)}", text))


def _read(clause: str, draft: Draft, before: Reading | None) -> Reading | None:
    """How the clause is understood, standing alone or as what the one before goes on with."""
    if before and (shared := _SO_IS.match(clause)) and (same := before.going_on_with(shared["thing"])):
        return same if _carry_out(same, draft) else None
    if (none := _NONE_AT_ALL.match(clause)) and (thing := term_of(none["thing"])) and not draft.known(thing):
        draft.mention = draft.wanted = thing
        return None
    clause = in_words(clause, draft.wanted) if draft.wanted else as_wish(clause)
    said, negated = _unwrap(in_full(trim(_INTERJECTION.sub("", clause))))
    if not said or _is_only_praise(said) or grammar().questions.length(grammar().words(said)):
        return None
    going_on = before.going_on_with(said) if before and not negated and _continues(said, before) else None
    if hates := hated(said):
        return _read(hates, draft, before)
    for reading in grammar().readings(said, negated):
        if reading.rule.bare and going_on:
            break
        if _carry_out(reading, draft):
            return reading
    if going_on is None or _carry_out(going_on, draft):
        return going_on
    bare = (reading for reading in grammar().readings(said, negated) if reading.rule.bare)
    if understood := next((reading for reading in bare if _carry_out(reading, draft)), None):
        return understood
    shorter = _AFTERTHOUGHT.sub("", said)
    return _read(shorter, draft, before) if shorter and shorter != said else None


def _unwrap(clause: str) -> tuple[str, bool]:
    """The clause less what is said for politeness, and whether it stands under a "don't"."""
    negated = False
    while clause:
        said = grammar().words(clause)
        if (length := grammar().polite.length(said)) == 0:
            length = grammar().negators.length(said)
            negated ^= length > 0
        if length == 0:
            break
        clause = said.between(length, len(said.words))
    return clause, negated


def _carry_out(reading: Reading, draft: Draft) -> bool:
    with draft.step(reading.clause, reading.rule.name):
        return ACTS[reading.act](reading, draft)


def _continues(clause: str, before: Reading) -> bool:
    """Whether a clause is only a thing, or a quality, that what was said before is also said of."""
    if before.rule.name in {"attribute", "should_be", "swap"}:
        return bool(re.match(r"(?:the|his|her|its|their)\s+\w+\s+\w+", clause, re.I)) and is_noun_phrase(
            re.sub(r"\b(?:to|into|look|in)\b", "", clause)
        )
    if re.match(r"(?:no|not|too|more|less|still|very|without)\b", clause, re.I) or " = " in clause:
        return False
    if _DOES.match(clause):
        return False
    words = clause.lower().split()
    if before.rule.name == "none" and len(words) > 1 and words[-1] in lexicon().words["looks"]:  # "| parchment texture"
        return False
    first = clause.lower().split()[0]
    if grammar().words(clause).runs.keys() & {("comparable", 0), ("comparative", 0)}:  # "| thicker outlines"
        return False
    if re.fullmatch(
        r"(?:bright|dark|warm|cool|sharp|soft|big|small|larg|tall|short|old|young|light|wid|deep|clean"
        r"|simpl|round)e?r",
        first,
    ):
        return False
    return is_noun_phrase(clause) and first not in lexicon().words["verbs"] and not lexicon().is_praised(clause)


_DOES = re.compile(
    r"(?:paint|colou?r|dress|seat|sit|wrap|hang|place|plant|light|frame|serve|dye|tint|fill|cover|blur)\s"
    r"(?:the|his|her|its|their|my|him|it|them|everything|everyone)\b",
    re.I,
)
""" "Paint the van green" is no thing, as "paint splatter" is."""


def _is_only_praise(clause: str) -> bool:
    """Whether nothing is said but that it is good."""
    words = set(re.findall(r"[a-z']+", clause.lower()))
    return bool(words & lexicon().words["praise"]) and len(words) <= 2 and not words & lexicon().words["opposed"]
