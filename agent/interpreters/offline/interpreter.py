"""The embedded interpreter: a grammar of how people talk about a picture they asked for."""

import re
from typing import TYPE_CHECKING

from ...edits import State
from ...replies import describe
from ..base import Interpretation
from . import complaints, controls, guards, removals, rewriting, weights, wishes
from .descriptions import (
    adds_nothing,
    full_description,
    is_scene,
    new_description,
    says_no_more_than_picture,
    speaks,
    split_description,
)
from .draft import Draft
from .faults import fault
from .lexicon import lexicon
from .phrases import is_noun_phrase, term_of
from .rule import Rule
from .text import clean, plain, split, trim

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_CLAUSE = 200
_NO = re.compile(
    r"(?:no|nope|not that|not this|wrong|not quite|no wait|that's wrong"
    r"|that's not it|not what i (?:meant|asked for|wanted))$",
    re.I,
)
_REQUEST = re.compile(
    r"^(?:(?:can|could|would|will|won't|can't|couldn't|may|might|should) "
    r"(?:you|we|u)(?: please| maybe| just| possibly| also| perhaps"
    r"| kindly| at least)*(?: be able to| try to| try and)?\s+(?!have\b"
    r"|get\b|see\b|be\b|stand\b|bear\b)"
    r"|(?:i(?:'d| would) (?:like|love|prefer|want)|i want|i need|we need"
    r"|you need|need)\s+(?:for )?you to\s+|(?:i(?:'d| would) like|i want"
    r"|i need|let's|let us|try to|try and|go ahead and|you (?:should|could"
    r"|can|must|need to|have to|may)|we (?:should|could|need to|have to"
    r"|can|must)|i think (?:you|we) should|please|kindly"
    r"|it would be (?:nice|great|better|good|lovely|cool) (?:if you (?:could"
    r"|would)|to)|would be (?:nice|great|better|good|cool) to|make sure "
    r"(?:to|you)|be sure to|feel free to|remember to|don't forget to|i'm asking you to"
    r"|how about we|why don't (?:you|we)|why not|maybe we (?:could|should)"
    r"|do me a favou?r and|would you mind)\s+(?!a\b|the\b|see\b|some\b"
    r"|an\b|it\b|have\b|two\b|three\b|another\b))+",
    re.I,
)
_INTERJECTION = re.compile(
    r"^no\s+(?=(?:that's|it's|this is|i|you|we|he's|she's|keep|leave|don't"
    r"|just|make|change|stop|put|wait|really|thanks|please"
    r"|not|remove|undo|add|it)\b)",
    re.I,
)
_REASON = re.compile(r"(?:it|it's|they|they're|everything|the|this|that|now)\b", re.I)
_QUESTION = re.compile(
    r"^(?:(?:so|and|but|hm+|wait|ok|okay)\s+)*(?:who(?:'s|se)?|what(?:'s"
    r"|re)?|why(?:'s)?|how(?!ever)(?:'s)?|when|where(?:'s)?|which|(?:is"
    r"|are|was|were|does|did|has|isn't|aren't|wasn't|doesn't|didn't)\b"
    r"|(?:do|have|had|will|would|can|could|should|am|may)\s+(?:you|we"
    r"|they|i|it|the|this|that|he|she|there)\b|any (?:idea|chance|reason"
    r"|way))\b",
    re.I,
)
_ASKED_COMPLAINT = re.compile(
    r"^(?:(?:can|could|would) (?:it|this|he|she|they|the \w+) (?:be|look|have|wear|hold)\b|"
    r"why|how come|who (?:put|added|asked|ordered|invited|left|let"
    r"|gave|placed|drew|wants|needs|brought|said)|what(?:'s| is| are|'re)? .*\b(?:doing"
    r"|there|here|about|with|up|happened|wrong|going on|in the|on the)\b"
    r"|whats with|what(?:'s)? happened|where(?:'s| is| are)|where did"
    r"|do (?:we|you|i) (?:really |even |still |actually )*need|is (?:it possible"
    r"|there (?:any|a) way)|any (?:chance|way)|how about|what about|what if"
    r"|isn't|aren't|(?:is|are) .* (?:necessary|needed)"
    r"|(?:can|could) (?:i|we) (?:have|get|see|do)|would you mind|do you mind)\b",
    re.I,
)
_REFUSED = re.compile(
    r"(?:^|(?<=[.;!]))\s*(?P<thing>[\w' -]{3,40})(?:(?P<asked>\s*\?)|\s*(?:[,:]|\s-+\s|\.\.+))\s*"
    r"(?:no|nope|nah|no way)(?:[ ,]+(?:thanks|thank you|please))?\s*[.!]*\s*$",
    re.I,
)
_PRESENT = {"": "make", "chang": "change", "turn": "turn"}
_AFRESH = re.compile(r"\b(start(?:ing)? over|reset|from scratch)\s+(?:but\s+)?(?:with\s+)?(?=no\b|without\b)", re.I)
_LISTED = re.compile(r"^\s*(?:negatives?(?: prompt)?|exclude|avoid|without|no)\s*:\s*", re.I)
_CORRECTS = re.compile(r"an?\s+[\w-]+(?:\s+[\w-]+)?$", re.I)
_RULES: tuple[Rule, ...] = (
    *weights.FIRST,
    *guards.RULES,
    *controls.RULES,
    *weights.RULES,
    *wishes.FIRST,
    *removals.RULES,
    *complaints.RULES,
    *wishes.RULES,
)


class OfflineInterpreter:
    """Reads feedback with rules alone: no network, no model, the same answer every time.

    It never raises, whatever the text; what it doesn't understand changes nothing.
    """

    name = "offline"

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits a text asks for; the picture is not looked at."""
        draft = Draft(state)
        known = {word for exclusion in state.negative for word in exclusion.term.lower().split() if len(word) > 4}
        said, text = plain(feedback), clean(feedback, known)
        description = said if not state.prompt.strip() else new_description(said) or new_description(text)
        if description is not None:
            _describe(description, draft)
        elif not _redescribe(trim(said), draft):
            _read_all(text, draft)
            if not draft.finish():
                _read_as_wish(trim(said), draft)
        edits = draft.finish()
        return Interpretation(edits=edits, reply=describe(edits, state))


def _describe(description: str, draft: Draft) -> None:
    prompt, unwanted = split_description(description)
    draft.want(prompt)
    for term in unwanted:
        draft.keep_out(term)


def _redescribe(text: str, draft: Draft) -> bool:
    """ "A wizard without a hat", in the place of what the prompt was."""
    prompt, unwanted = split_description(text)
    if not unwanted or not text.startswith(prompt[:3]):
        return False
    if says_no_more_than_picture(prompt) and not speaks(text):  # "a version without text"
        prompt = ""
    elif not full_description(text):
        return False
    if _CORRECTS.match(prompt) and draft.wants(unwanted[0]) and _is_alike(prompt, unwanted[0]):  # "a dog, no cat"
        draft.rewrite(rewriting.swap(draft.prompt, unwanted[0], prompt))
    elif not adds_nothing(prompt, unwanted, draft.prompt):
        draft.want(prompt)
    is_new = draft.prompt != draft.state.prompt
    for term in unwanted:
        draft.keep_out(term) if is_new else draft.exclude_term(term)
    return True


def _read_all(text: str, draft: Draft) -> None:
    for clauses in split(_LISTED.sub("no ", _REFUSED.sub(_refuse, _AFRESH.sub(r"\1, ", text)))):
        lead = ""
        for clause in clauses:
            clause = clause[:_MAX_CLAUSE]
            if _NO.match(clause):
                draft.corrective = True
                continue
            if draft.weakened and _REASON.match(clause):
                continue
            if lead == "no" and draft.refused and re.match(r"an?\s", clause) and _is_instead(clause, text):
                lead, draft.corrective, draft.rejected = "", True, draft.refused
            corrective, rejected = draft.corrective, draft.rejected
            rule = _read(clause, draft, lead)
            lead = rule.lead if rule and rule.lead else lead if rule is None else ""
            if corrective and draft.rejected == rejected:
                draft.corrective = False
            draft.refused = draft.mention if re.match(r"no\s+(?!an?\s)", clause, re.I) else None


def _is_instead(clause: str, text: str) -> bool:
    """Whether a clause goes on after a comma or a "but", not after an "or"."""
    return bool(re.search(rf"(?:,\s*|\bbut\s+){re.escape(clause)}", text))


def _is_alike(phrase: str, other: str) -> bool:
    kind = lexicon().kind(phrase)
    return kind is not None and kind == lexicon().kind(other)


def _read_as_wish(text: str, draft: Draft) -> None:
    """ "A cat with a crown" and nothing more: what the picture should be of."""
    if split_description(text)[1]:
        return
    if full_description(text) or (says_no_more_than_picture(draft.prompt) and is_scene(text)):
        draft.want(text)
    elif re.match(r"an?\s+\w", text, re.I) and lexicon().kind(text.split()[1]) in {"color", "material"}:
        draft.rewrite(rewriting.recolour(draft.prompt, text))


def _refuse(match: re.Match[str]) -> str:
    """ "That collar, no" -> "no collar"."""
    thing = match["thing"].strip()
    pointed = re.match(r"(?:that|the|this|those|these|his|her|its|their|a|an|my)\s", thing, re.I)
    term, known = term_of(thing), lexicon()
    if term is None or not is_noun_phrase(thing) or known.is_praise(thing) or fault(term):
        return match[0]
    command = set(thing.lower().split()) & (_VERBS | known.words["commands"] | known.words["fillers"])
    return f"no {term}" if pointed or (match["asked"] and not command) else match[0]


def _read(clause: str, draft: Draft, lead: str) -> Rule | None:
    """The rule that understood the clause, standing alone or after what the one before left unsaid."""
    said = _REQUEST.sub("", _INTERJECTION.sub("", clause)).strip(" ?!.")
    said = re.sub(
        r"^what if (?:you|we|i) (?:made|(chang|turn)e?ed)\b", lambda m: _PRESENT[m[1] or ""], said, flags=re.I
    )
    if not said or _is_only_praise(said):
        return None
    if _QUESTION.match(said) and not _ASKED_COMPLAINT.match(said):
        return None
    continues = bool(lead) and _continues(said, lead)
    if continues and (rule := _first(f"{lead} {said}", draft)):
        return rule
    return _first(said, draft)


def _first(clause: str, draft: Draft) -> Rule | None:
    return next((rule for rule in _RULES if rule.read(clause, draft)), None)


def _continues(clause: str, lead: str) -> bool:
    if lead in {"make", "change"}:
        return bool(re.match(r"(?:the|his|her|its|their)\s+\w+\s+\w+", clause, re.I)) and is_noun_phrase(
            re.sub(r"\b(?:to|into|look|in)\b", "", clause)
        )
    if re.match(r"(?:no|not|too|more|less|still|very|without)\b", clause, re.I) or " = " in clause:
        return False
    first = clause.lower().split()[0]
    return is_noun_phrase(clause) and first not in _VERBS and not lexicon().is_praise(clause)


def _is_only_praise(clause: str) -> bool:
    """Whether nothing is said but that it is good."""
    words = set(re.findall(r"[a-z']+", clause.lower()))
    return bool(words & lexicon().words["praise"]) and len(words) <= 2 and not words & _OPPOSED


_OPPOSED = frozenset(
    {
        "no",
        "not",
        "too",
        "without",
        "less",
        "more",
        "still",
        "isn't",
        "remove",
        "again",
        "don't",
        "add",
        "make",
        "fine",
        "ok",
        "back",
        "undo",
    }
)
_VERBS = frozenset(
    [
        "remove",
        "delete",
        "erase",
        "drop",
        "lose",
        "ditch",
        "kill",
        "scrap",
        "omit",
        "exclude",
        "avoid",
        "skip",
        "hide",
        "take",
        "get",
        "cut",
        "add",
        "put",
        "give",
        "make",
        "change",
        "turn",
        "swap",
        "replace",
        "bring",
        "allow",
        "restore",
        "undo",
        "reset",
        "reroll",
        "try",
        "redo",
        "start",
        "go",
        "show",
        "draw",
        "use",
        "let",
        "have",
        "keep",
        "leave",
        "set",
        "move",
        "zoom",
        "stop",
        "clear",
        "clean",
        "lighten",
        "darken",
        "brighten",
        "soften",
        "sharpen",
        "regenerate",
        "another",
        "again",
        "back",
        "same",
        "next",
        "love",
    ]
)
