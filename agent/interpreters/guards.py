"""Decides which terms and prompts are accepted, whatever proposed them: the grammar, an encoder, a language model.

A term names something in a picture. Words of talk ("last bit", "please"), negations, clauses ("there should be") and
function words of other languages ("por favor", "sem") name nothing. The words are in `prompts/lexicon/guards.toml`
and `prompts/languages.toml`.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from ..edits import MAX_PROMPT_CHARACTERS, Edit, Exclude, Reweight, SetPrompt, State
from ..exclusions import MAX_TERM_CHARACTERS, MAX_TERM_WORDS, NegativePrompt, parse_negative
from ..terms import collapse_whitespace, normalize_term, to_one_line
from .language.languages import is_foreign_function_word, is_shared_function_word
from .language.lexicon import any_word_pattern, load_lexicon

_MAX_FEEDBACK = 4000
_MIN_LIST = 3
"""Number of items from which text with commas is a pasted list."""
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|(?<!\w)'([^']+)'(?!\w)|(?<!\w)‘([^’]+)’(?!\w)")
_EDGE = " .,;:!?=<>|/~*_-–—"
_EMPTY = ("talk", "negations", "clause_verbs", "clause_subjects", "function_words", "courtesy")
_JOINT = re.compile(r"((?:[,;\n]|(?<![.!?…])[.!?…]+(?=\s|$)|\s[-–—]\s)\s*)")
_MASK = "\ufdd0"
"""A character that no text contains: `to_one_line` removes it."""


def acceptable_term(term: str, state: State, feedback: str) -> str | None:
    """The tidied term if it can be excluded, else None.

    A term that is excluded already is accepted, and so is one that the user quotes.
    """
    term = _cut_courtesy(to_one_line(term.replace(",", " ")).strip(_EDGE))
    if not any(character.isalnum() for character in term):
        return None
    if len(term) > MAX_TERM_CHARACTERS or len(term.split()) > MAX_TERM_WORDS:
        return None
    if term in state.negative or _is_quoted(term, feedback):
        return term
    words = _words(term)
    if _about_tool_pattern().search(term) or _is_empty(words):
        return None
    if _is_listed(term, feedback):
        return term
    return None if _has_clause(words) or _has_foreign_words(words) else term


def acceptable_prompt(text: str, state: State, feedback: str) -> str | None:
    """The tidied prompt if it describes a picture, else None.

    Talk around a first prompt is cut off. Of a changed prompt, additions that are clauses or talk are cut off.
    """
    prompt = strip_talk(to_one_line(text))[:MAX_PROMPT_CHARACTERS]
    if not any(character.isalnum() for character in prompt):
        return None
    if state.prompt.strip():
        return _without_bad_additions(prompt, state.prompt) or None
    words = _words(prompt)
    is_vague = _guard_words("function_words").issuperset(words)  # "another one" is the user's own description
    return None if _is_empty(words) and not is_vague else prompt


def acceptable_edits(edits: tuple[Edit, ...], state: State, feedback: str) -> tuple[Edit, ...]:
    """The edits whose terms and prompts are accepted, tidied."""
    return tuple(_accept(edits, state, feedback))


def strip_talk(text: str) -> str:
    """A description without greetings, apologies and thanks around it. Quoted text is unchanged."""
    text = collapse_whitespace(text)
    parts = list(_split_parts(text))
    described = [part for part in parts if not _talk_pattern().fullmatch(part[2].strip(_EDGE))]
    return _cut_courtesy(text if described == parts else _join_parts(described))


def is_talk(text: str) -> bool:
    """Whether a text is a greeting, an apology or thanks, or has no words with content."""
    text = text.strip(_EDGE)
    return bool(_talk_pattern().fullmatch(text)) or _is_empty(_words(text))


def _split_parts(text: str) -> Iterator[tuple[str, str, str]]:
    """The parts between commas and full stops outside of quotes: the joint before, the part, the part with a mask."""
    pieces, end, joint = _JOINT.split(_mask_quoted(text)), 0, ""
    for k, piece in enumerate(pieces):
        start, end = end, end + len(piece)
        if k % 2:
            joint = piece
        elif piece.strip():
            yield joint, text[start:end], piece


def _accept(edits: tuple[Edit, ...], state: State, feedback: str) -> Iterator[Edit]:
    for edit in edits:
        if isinstance(edit, Exclude | Reweight):
            if term := acceptable_term(edit.term, state, feedback):
                yield edit if term == edit.term else edit.model_copy(update={"term": term})
        elif isinstance(edit, SetPrompt):
            text = acceptable_prompt(edit.text, state, feedback)
            if text and text != state.prompt:
                yield edit if text == edit.text else SetPrompt(text=text)
        else:
            yield edit


def _words(text: str) -> list[str]:
    return text.lower().replace("’", "'").replace(_MASK, "").split()


def _is_empty(words: list[str]) -> bool:
    """Whether words name nothing: talk, negations and function words only."""
    return all(
        word.strip(_EDGE) in _guard_words(*_EMPTY) or is_foreign_function_word(word.strip(_EDGE)) for word in words
    )


def _has_clause(words: list[str]) -> bool:
    """Whether words contain a negation or the verb of a clause."""
    return any(
        word in _guard_words("negations", "clause_verbs", "clause_subjects")
        or word.endswith(("n't", "'re", "'ll", "'ve", "'m"))
        for word in words
    )


def _has_foreign_words(words: list[str]) -> bool:
    if any(is_foreign_function_word(word) for word in words):
        return True
    return all(is_shared_function_word(word) for word in words)


def _cut_courtesy(text: str) -> str:
    """The text without "please" and "thanks" at its ends, unless it says that they are written there."""
    first, last, written = _courtesy_patterns()
    while match := first.match(text):
        text = text[match.end() :].lstrip(_EDGE)
    while match := last.search(ending := text.rstrip(_EDGE)):
        rest = ending[: match.start()].rstrip(_EDGE)
        if written.search(rest):
            break
        text = rest
    return text


def _is_quoted(term: str, feedback: str) -> bool:
    normalized = normalize_term(term)
    quoted = ("".join(filter(None, match.groups())) for match in _QUOTED.finditer(feedback[:_MAX_FEEDBACK]))
    return any(normalize_term(to_one_line(text).strip(_EDGE)) == normalized for text in quoted)


def _is_listed(term: str, feedback: str) -> bool:
    """Whether a term is an item of a list that the user pasted."""
    feedback = feedback[:_MAX_FEEDBACK]
    if feedback.count(",") < _MIN_LIST - 1:
        return False
    listed = _read_list(feedback.rpartition(":")[2] if feedback.count(":") == 1 else feedback)
    return len(listed) >= _MIN_LIST and listed.find(term) is not None


@lru_cache(maxsize=8)
def _read_list(text: str) -> NegativePrompt:
    return parse_negative(text)


def _without_bad_additions(prompt: str, old_prompt: str) -> str:
    """The prompt without the additions that are no descriptions, if it is the old prompt with additions."""
    old_parts = {_normalize_part(masked) for _, _, masked in _split_parts(old_prompt)}
    parts = list(_split_parts(prompt))
    if not any(_normalize_part(masked) in old_parts for _, _, masked in parts):
        return prompt
    is_clause_allowed = not _guard_words("clause_verbs").isdisjoint(_words(old_prompt))
    kept = [
        part
        for part in parts
        if _normalize_part(part[2]) in old_parts or not _is_bad_addition(part[2], is_clause_allowed)
    ]
    return prompt if kept == parts else _join_parts(kept)


def _join_parts(parts: list[tuple[str, str, str]]) -> str:
    return "".join((joint if k else "") + part for k, (joint, part, _) in enumerate(parts))


def _normalize_part(masked: str) -> str:
    return masked.strip(_EDGE).lower()


def _is_bad_addition(masked: str, is_clause_allowed: bool) -> bool:
    """Whether a part is talk about the tool, a reason, a clause, or has no content. Quoted text is content."""
    part = re.sub(r"\b(?:who|which|that)\s+(?:is|are|was|were|has|have|had)\b", " ", masked, flags=re.I)
    words = _words(part)
    if _about_tool_pattern().search(part) or _reason_pattern().match(part.strip(_EDGE)):
        return True
    if _MASK not in part and _is_empty(words):
        return True
    return not is_clause_allowed and any(word in _guard_words("clause_verbs") for word in words)


def _mask_quoted(text: str) -> str:
    return _QUOTED.sub(lambda match: _MASK * len(match[0]), text)


@cache
def _guard_words(*names: str) -> frozenset[str]:
    return frozenset(word for name in names for word in load_lexicon().guards[name])


@cache
def _about_tool_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){any_word_pattern(load_lexicon().guards['about_tool'])}(?!\w)", re.I)


@cache
def _reason_pattern() -> re.Pattern[str]:
    return re.compile(rf"{any_word_pattern(load_lexicon().guards['reason_starts'])}(?!\w)", re.I)


@cache
def _talk_pattern() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{sentence})" for sentence in load_lexicon().guards["talk_sentences"]), re.I)


@cache
def _courtesy_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Patterns for courtesy at the start and at the end of a text, and for what announces written words."""
    words = any_word_pattern(load_lexicon().guards["courtesy"])
    return (
        re.compile(rf"(?:please|pls|plz|kindly)(?!\w)|{words}(?=\s*[,.;:!?]|$)", re.I),
        re.compile(rf"(?<!\w){words}$", re.I),
        re.compile(r"\b(?:says?|saying|said|reads?|reading|words?|written|titled|named|called|text|letters)$", re.I),
    )
