"""Finds what was asked for and not understood, so that the reply can say it."""

import re

from ...edits import Edit
from ...terms import stem_term
from ..edit_draft import EditDraft
from ..guards import is_talk
from ..language.lexicon import load_lexicon
from .grammar.rules import load_grammar
from .normalization.cleaning import expand_abbreviations, trim_clause

_REQUEST = re.compile(
    r"(?:(?:please|can you|could you|now|also|just)\s+)*"
    r"(?:(?:no|without|less|more|too)\s+(?!much\b|many\b|one\b)\w|(?:remove|delete|add|put|make|change|turn|replace|swap|fix"
    r"|give|draw|use|move|exclude|avoid|allow)\s+(?!(?:it|that|them|this|one|me)\b)\w|(?!like\b|with\b|than\b)[\w-]+\s+the\s+\w+$)",
    re.I,
)
_NO_CHANGE = re.compile(
    r"^(?:(?:no|nah|please|just|so|and)\W+)*(?:keep|leave)\b|\bstays?(?: put)?$"
    r"|\b(?:do not|don't|dont|wouldn't|would not) (?:change|touch|alter|mind|make any changes|add anything|worry)\b"
    r"|^no (?:problems?|notes?|complaints?|idea|worries|need|rush|matter)\b|^never ?mind\b|^nvm\b"
    r"|\b(?:can't|can not|cannot|couldn't|could not) (?:complain|be happier|fault)\b",
    re.I,
)
""" "Keep the hat", "I don't mind the fog": asks for no change."""
_CHATTER = re.compile(
    r"^(?:(?:haha\w*|lol|lmao|lmfao|aw+|ha|oh|omg|bro|wow|now|no|nah|hm+|so|and|but)\W+)*"
    r"(?:(?:my|our) (?:\w+ )?(?:kids?|daughters?|sons?|wife|husband|mother|mum|mom|father|dad|boss|class|students?|dog"
    r"|cat|teacher|headmaster|friends?|grand\w+|family|colleagues?|publisher|phone|sister|brother|boys?|girls?|team)\b"
    r"|(?:i'm|i am|we're|we are|i'll|i will|we'll|we will|i wonder|i mean)\b"
    r"|(?:this|that) (?:made|makes) (?:my|me)\b|makes me\b|look at (?:his|her|its|their)\b"
    r"|(?:(?:that's|that is) (?:the one|it|mental)|printing|saving|brb|afk|goosebumps|respect|not gonna lie)\b"
    r"|(?:he|she|it) (?:looks|reminds) (?:so |just )?(?:like my|me of|done)\b|$)",
    re.I,
)
_WORD = re.compile(r"[\w'-]{3,}")
_LAUGHTER = re.compile(r"(?:a+w+|(?:ha)+h?|(?:he)+|lo+l|lmf?ao+|wo+w+|sick|x+d+|rofl|respect|goosebumps)\W*", re.I)


def find_unclear_clauses(draft: EditDraft, edits: tuple[Edit, ...]) -> list[str]:
    """The clauses that are worded as requests, that no rule matched and that none of the edits is about."""
    said = {
        stem_term(word) for edit in edits for word in _WORD.findall(getattr(edit, "term", getattr(edit, "text", "")))
    }
    return [
        clause
        for clause in draft.unmatched
        if not clause.endswith("?")
        and _REQUEST.match(clause)
        and not asks_nothing(clause)
        and said.isdisjoint(map(stem_term, _WORD.findall(clause)))
    ]


def asks_nothing(clause: str) -> bool:
    """Whether a clause is praise, thanks, a greeting or chatter, or asks for information or for no change."""
    words = re.findall(r"[\w'-]+", clause.lower())
    if not words or not trim_clause(clause) or is_talk(clause):
        return True
    if load_lexicon().is_praise(clause) and not set(words) & load_lexicon().words["opposed"]:
        return True
    if _LAUGHTER.fullmatch(clause) or _CHATTER.match(clause) or _NO_CHANGE.search(clause):
        return True
    return _starts_question(clause) or (
        clause.endswith("?") and not set(words).isdisjoint(load_lexicon().guards["tool_words"])
    )


def _starts_question(clause: str) -> bool:
    grammar = load_grammar()
    return grammar.questions.length(grammar.words(expand_abbreviations(trim_clause(clause)))) > 0
