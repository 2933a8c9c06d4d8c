"""Edits that the encoder proposes itself, from what it reads in the words, the exclusions and the whole line."""

import re
from collections.abc import Iterator, Sequence

from ...edits import Edit, Exclude, Reroll, Reset, SetPrompt, State, Undo
from ...terms import normalize_term
from ..edit_draft import EditDraft
from ..language import prompt_rewriting
from ..language.lexicon import load_lexicon
from ..language.noun_phrases import extract_term
from .features import Features, Word
from .network import CHANGES, FAULTS, INTENTS, TAGS, WHOLE_FAULTS, Readings

LIKELY = 0.35
"""Probability from which on a reading becomes a proposal. The verifier still judges it."""
_WEB_ADDRESS = re.compile(r"\S*://\S*")
_JOINERS = frozenset({"-", "'", "/", "+", "_", "."})
_SMALL = frozenset(["a", "an", "the", "of", "in", "on", "at", "with", "and", "to", "is", "are", "it", "its"])


def propose_edits(feedback: str, state: State, features: Features, readings: Readings) -> list[Edit]:
    """The edits that the readings of a line suggest, in the order of the words."""
    draft = EditDraft(state)
    for op, edit in (("undo", Undo()), ("reset", Reset()), ("reroll", Reroll())):
        if readings.intents[INTENTS.index(op)] >= LIKELY:
            draft.add_command(edit)
    for (exclusion, _), change in zip(features.exclusions, readings.exclusions, strict=True):
        if change[CHANGES.index("keep")] <= 1 - LIKELY:
            match CHANGES[1 + int(change[1:].argmax())]:
                case "allow":
                    draft.allow(exclusion.term)
                case "up":
                    draft.strengthen(exclusion)
                case _:
                    draft.weaken(exclusion)
    changed = {normalize_term(edit.term) for edit in draft.edits if hasattr(edit, "term")}
    in_address = set(re.findall(r"\w+", " ".join(_WEB_ADDRESS.findall(feedback)).lower()))
    for term in find_terms(feedback, features.words, readings):
        is_skipped = normalize_term(term) in changed or not in_address.isdisjoint(term.split())
        if not is_skipped and not _is_about_tool(term, feedback):
            draft.exclude_term(term)
    for fault in WHOLE_FAULTS:
        if readings.intents[INTENTS.index(fault)] >= LIKELY:
            draft.exclude_term(fault)
    if state.prompt and readings.intents[INTENTS.index("prompt")] >= LIKELY:
        additions = [text for text, tag in _spans(feedback, features.words, readings) if tag == "prompt"]
        if prompt := rewrite_prompt(state.prompt, additions, features.prompt_words, readings):
            draft.prompt = prompt
    return list(draft.finish())


def rewrite_prompt(prompt: str, additions: Sequence[str], words: Sequence[Word], readings: Readings) -> str | None:
    """The prompt with words of the feedback in place of those that they replace, or at its end. None if unchanged."""
    additions = [phrase for phrase in additions if phrase.lower() not in _SMALL]
    replaced = [word for word, chance in zip(words, readings.prompt_words, strict=True) if chance >= LIKELY]
    if not additions:
        return None
    if not replaced or len(replaced) == len(words):
        for phrase in additions:
            prompt = prompt_rewriting.add_phrase(prompt, phrase)
        return prompt
    for word in reversed(replaced[1:]):
        prompt = prompt[: word.start] + prompt[word.end :]
    first = replaced[0]
    prompt = f"{prompt[: first.start]}{' '.join(additions)}{prompt[first.end :]}"
    return prompt_rewriting.fix_articles(prompt_rewriting.tidy(prompt))


def find_terms(feedback: str, words: Sequence[Word], readings: Readings) -> list[str]:
    """The terms to leave out that the words of the feedback name."""
    terms: list[str] = []
    quality: list[str] = []
    spans = list(_spans(feedback, words, readings))
    for number, (text, tag) in enumerate(spans):
        if tag in FAULTS:
            terms.append(f"{tag} {extract_term(text) or text}")
        elif tag == "quality":
            following = [other for _, other in spans[number + 1 :]]
            if terms and "exclude" not in following and quality == []:
                terms[-1] = f"{text} {terms[-1]}"
            else:
                quality.append(text)
        elif tag == "exclude":
            terms.append(" ".join([*quality, text]))
            quality = []
    terms += quality
    return [term for term in dict.fromkeys(map(_tidy, terms)) if term]


def _is_about_tool(term: str, feedback: str) -> bool:
    """Whether a word for a part of notthat follows a term: "the brand policy"."""
    following = re.search(rf"{re.escape(term)}\W+(\w+)", feedback, re.I)
    return following is not None and following[1].lower() in load_lexicon().guards["tool_words"]


def _tidy(text: str) -> str:
    text = re.sub(r"^(?:(?:an?|the|some|any|his|her|its|their|my|this|that|those|these)\s+)+", "", text.lower().strip())
    return re.sub(r"\s+", " ", text).strip(" .,!?;:\"'()[]{}*")


def _spans(feedback: str, words: Sequence[Word], readings: Readings) -> Iterator[tuple[str, str]]:
    """The runs of words with the same tag: their text and the tag."""
    run: list[Word] = []
    current = "other"
    for word, chances in zip(words, readings.words, strict=True):
        tag = TAGS[1 + int(chances[1:].argmax())] if chances[0] <= 1 - LIKELY else "other"
        if (
            tag == "other"
            and current != "other"
            and feedback[word.start : word.end] in _JOINERS
            and _touches(run, word)
        ):
            tag = current  # "third-party"
        if run and tag != current:
            yield _text(feedback, run), current
            run = []
        current = tag
        if tag != "other":
            run.append(word)
    if run:
        yield _text(feedback, run), current


def _touches(run: Sequence[Word], word: Word) -> bool:
    return bool(run) and run[-1].end == word.start


def _text(feedback: str, run: Sequence[Word]) -> str:
    return feedback[run[0].start : run[-1].end].strip(" -'/+_.")


def is_same(one: Edit, other: Edit) -> bool:
    """Whether two edits ask for the same."""
    if one.op != other.op:
        return False
    if isinstance(one, Exclude) and isinstance(other, Exclude):
        return normalize_term(one.term) == normalize_term(other.term)
    if isinstance(one, SetPrompt) and isinstance(other, SetPrompt):
        return one.text.lower() == other.text.lower()
    return not hasattr(one, "term") or normalize_term(one.term) == normalize_term(getattr(other, "term", ""))
