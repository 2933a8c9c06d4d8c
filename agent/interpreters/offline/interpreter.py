"""The offline interpreter: a grammar of feedback about a generated picture, and an encoder that verifies it."""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...edits import Edit, Reroll, Reset, State, Undo
from ...handoff import asks_for_person
from ...replies import NOTHING, SIZE, describe, describe_unclear
from ..base import Interpretation
from ..edit_draft import EditDraft
from ..guards import strip_talk
from ..language import prompt_rewriting
from ..language.languages import detect_foreign_language
from ..language.lexicon import load_lexicon
from ..verifier.verifier import load_verifier
from .bare_removals import ask_what_to_remove
from .clause_parser import parse_text
from .descriptions.openings import find_new_description
from .descriptions.parser import (
    is_full_description,
    is_only_picture_word,
    is_redundant,
    is_scene,
    is_statement,
    split_description,
)
from .normalization.cleaning import MAX_CHARACTERS, clean_feedback, normalize, trim_clause
from .pasted_lists import read_pasted_list
from .size_requests import split_size_requests
from .unclear_clauses import asks_nothing, find_unclear_clauses

if TYPE_CHECKING:
    from PIL.Image import Image

_AGAIN_WITH = re.compile(
    r"^(?:let's\s+)?(?:start(?:ing)?\s+(?:over|again|afresh|fresh)|reset|(?:start\s+)?from scratch)\s+(?:but\s+)?"
    r"with\s+(?=an?\s)",
    re.I,
)
_PLEASE = re.compile(r"\b(?:please|pls+|plz+|kindly)\b(?!\s+(?:fix|sort|correct|remove|change|do something))", re.I)
_SO_MANY = re.compile(r"(?:^|(?<=[.!?,;] ))so (many|much)\b(?! (?:thanks|love|better|nicer)\b)", re.I)
""" "So many birds!" in feedback without praise."""
_CHANGED_MIND = re.compile(r"\w[\s,.!-]+no,? wait\b", re.I)
""" "Remove the hat, no wait, keep it" is feedback, not a description."""
_SHORT_NOUN_PHRASE = re.compile(r"an?\s+[\w-]+(?:\s+[\w-]+)?$", re.I)


@dataclass(frozen=True)
class AppliedRule:
    """A clause, the rule that it matched, and the resulting edits."""

    clause: str
    rule: str
    edits: tuple[Edit, ...]


class OfflineInterpreter:
    """Interprets feedback without a language model: no network, always the same result.

    The grammar proposes edits, and the verifier decides which of them were meant. It never raises, whatever the text.
    """

    name = "offline"

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits that the feedback asks for. The picture is ignored."""
        is_first_prompt = not state.prompt.strip()
        if not is_first_prompt and (language := detect_foreign_language(feedback)):
            return Interpretation(reply=language.reply, understood=False)
        rest, has_size = _split_size(feedback, state)
        if not rest.strip():
            return Interpretation(reply=SIZE if has_size else NOTHING)
        draft = _draft_edits(rest, state)
        edits = draft.finish()
        if is_first_prompt:
            reply = describe(edits, state) if edits else describe_unclear([feedback], is_first_prompt=True)
            return Interpretation(edits=edits, reply=reply, understood=bool(edits))
        if draft.is_pasted_list:
            return Interpretation(edits=edits, reply=describe(edits, state))
        if not edits and asks_for_person(rest):  # the interfaces hand over
            return Interpretation(reply=NOTHING)
        if not edits and (question := ask_what_to_remove(rest, state)):
            return question
        reviewed = load_verifier().review(rest, state, edits)
        only_commands = all(isinstance(edit, Undo | Reset | Reroll) for edit in _asked_edits(reviewed))
        if not edits and only_commands and asks_nothing(rest):  # "how do I undo?"
            reviewed = Interpretation(reply=NOTHING)
        unclear = find_unclear_clauses(draft, reviewed.edits) if reviewed.edits else []
        sentences = [SIZE] if has_size and not reviewed.question else []
        if reviewed.reply != NOTHING or not sentences:
            sentences.insert(0, reviewed.reply)
        sentences += [describe_unclear(unclear)] if unclear else []
        return reviewed.model_copy(
            update={"reply": " ".join(sentences), "understood": reviewed.understood and not unclear}
        )

    def propose(self, feedback: str, state: State) -> tuple[Edit, ...]:
        """The edits that the grammar alone reads in the feedback."""
        if state.prompt.strip() and detect_foreign_language(feedback):
            return ()
        return _draft_edits(_split_size(feedback, state)[0], state).finish()

    def explain(self, feedback: str, state: State) -> tuple[AppliedRule, ...]:
        """The clauses that matched a rule of `prompts/grammar`, with their edits."""
        if state.prompt.strip() and detect_foreign_language(feedback):
            return ()
        return tuple(AppliedRule(*step) for step in _draft_edits(_split_size(feedback, state)[0], state).steps)


def _asked_edits(interpretation: Interpretation) -> tuple[Edit, ...]:
    return interpretation.question.edits if interpretation.question else interpretation.edits


def _split_size(feedback: str, state: State) -> tuple[str, bool]:
    """The feedback without requests for a size, and whether it has any. A first prompt is unchanged."""
    return split_size_requests(feedback) if state.prompt.strip() else (feedback, False)


def _draft_edits(feedback: str, state: State) -> EditDraft:
    draft = EditDraft(state, feedback)
    session_words = {word for exclusion in state.negative for word in re.findall(r"\w+", exclusion.term.lower())}
    draft.has_groan = _complaint_pattern().search(feedback[:MAX_CHARACTERS]) is not None
    draft.has_please = _PLEASE.search(feedback[:MAX_CHARACTERS]) is not None
    draft.has_praise = load_lexicon().is_praise(feedback[:MAX_CHARACTERS])
    with draft.step(feedback, "list"):
        draft.is_pasted_list = read_pasted_list(feedback, draft)
    if draft.is_pasted_list:
        return draft
    session_words |= set(re.findall(r"[a-z]+", state.prompt.lower()))
    original, text = normalize(feedback), clean_feedback(feedback, {word for word in session_words if len(word) > 4})
    if not draft.has_praise:
        text = _SO_MANY.sub(r"too \1", text)
    if restart := _AGAIN_WITH.match(original):
        with draft.step(original, "reset"):
            draft.add_command(Reset())
        original = f"next: {original[restart.end() :]}"
    is_first = not state.prompt.strip()
    description = strip_talk(original) if is_first else find_new_description(original) or find_new_description(text)
    changed_mind = state.prompt.strip() and _CHANGED_MIND.search(original)
    if description is not None and not changed_mind:
        with draft.step(original, "description"):
            _apply_description(description, draft)
    elif changed_mind or not _replace_description(trim_clause(original), draft):
        parse_text(text, draft)
        if not draft.finish():
            with draft.step(original, "wish"):
                _interpret_as_wish(trim_clause(original), draft)
    return draft


@cache
def _complaint_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){load_lexicon().pattern('groans')}(?!\w)", re.I)


def _apply_description(description: str, draft: EditDraft) -> None:
    prompt, unwanted = split_description(description)
    draft.set_prompt(prompt)
    for term in unwanted:
        draft.keep_out(term)


def _replace_description(text: str, draft: EditDraft) -> bool:
    """ "A wizard without a hat" replaces the prompt."""
    prompt, unwanted = split_description(text)
    if not unwanted or not text.startswith(prompt[:3]):
        return False
    if is_only_picture_word(prompt) and not is_statement(text):  # "a version without text"
        prompt = ""
    elif not is_full_description(text):
        return False
    with draft.step(text, "description"):
        if (
            _SHORT_NOUN_PHRASE.match(prompt) and draft.is_in_prompt(unwanted[0]) and _is_similar(prompt, unwanted[0])
        ):  # "a dog, no cat"
            draft.rewrite(prompt_rewriting.swap(draft.prompt, unwanted[0], prompt))
            if re.search(r"\bnot\s+an?\s", text, re.I):
                return True
        elif not is_redundant(prompt, unwanted, draft.prompt):
            draft.set_prompt(prompt)
        is_new = draft.prompt != draft.state.prompt
        for term in unwanted:
            draft.keep_out(term) if is_new else draft.exclude_term(term)
    return True


def _is_similar(phrase: str, other: str) -> bool:
    kind = load_lexicon().find_kind(phrase)
    return kind is not None and kind == load_lexicon().find_kind(other)


def _interpret_as_wish(text: str, draft: EditDraft) -> None:
    """ "A cat with a crown" as the whole feedback is a new prompt."""
    if split_description(text)[1]:
        return
    if is_full_description(text) or (is_only_picture_word(draft.prompt) and is_scene(text)):
        draft.set_prompt(text)
    elif re.match(r"an?\s+\w", text, re.I) and load_lexicon().find_kind(text.split()[1]) in {"color", "material"}:
        draft.rewrite(prompt_rewriting.recolor(draft.prompt, text))
