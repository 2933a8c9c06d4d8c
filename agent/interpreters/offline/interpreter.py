"""The embedded interpreter: a grammar of how people talk about a picture they asked for."""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...edits import Edit, Reset, State
from ...replies import describe
from ..base import Interpretation
from ..edit_draft import Draft
from ..language import prompt_rewriting
from ..language.lexicon import lexicon
from .clause_parser import read_all
from .descriptions.new_scene import fresh_description
from .descriptions.openings import new_description
from .descriptions.parser import (
    adds_nothing,
    full_description,
    is_scene,
    says_no_more_than_picture,
    speaks,
    split_description,
)
from .normalization.cleaning import MAX_CHARACTERS, clean, plain, trim

if TYPE_CHECKING:
    from PIL.Image import Image

_AGAIN_WITH = re.compile(
    r"^(?:let's\s+)?(?:start(?:ing)?\s+(?:over|again|afresh|fresh)|reset|(?:start\s+)?from scratch)\s+(?:but\s+)?"
    r"with\s+(?=an?\s)",
    re.I,
)
_POLITELY = re.compile(r"\b(?:please|pls+|plz+|kindly)\b(?!\s+(?:fix|sort|correct|remove|change|do something))", re.I)
_SO_MANY = re.compile(r"(?:^|(?<=[.!?,;] ))so (many|much)\b(?! (?:thanks|love|better|nicer)\b)", re.I)
""" "So many birds!", where nothing is praised."""
_CHANGED_MIND = re.compile(r"\w[\s,.!-]+no,? wait\b", re.I)
""" "Remove the hat, no wait, keep it": what is said, and no description of a picture."""
_CORRECTS = re.compile(r"an?\s+[\w-]+(?:\s+[\w-]+)?$", re.I)


@dataclass(frozen=True)
class Reason:
    """Why an utterance means what it does: a clause, the rule that understood it, and the edits that came of it."""

    clause: str
    rule: str
    edits: tuple[Edit, ...]


class OfflineInterpreter:
    """Reads feedback with rules alone: no network, no model, the same answer every time.

    It never raises, whatever the text; what it doesn't understand changes nothing.
    """

    name = "offline"

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits a text asks for; the picture is not looked at."""
        edits = _draft(feedback, state).finish()
        return Interpretation(edits=edits, reply=describe(edits, state))

    def explain(self, feedback: str, state: State) -> tuple[Reason, ...]:
        """Which rule of `prompts/grammar` understood which clause, and what came of it."""
        return tuple(Reason(*step) for step in _draft(feedback, state).trail)


def _draft(feedback: str, state: State) -> Draft:
    draft = Draft(state)
    known = {word for exclusion in state.negative for word in re.findall(r"\w+", exclusion.term.lower())}
    draft.groaned = _groan().search(feedback[:MAX_CHARACTERS]) is not None
    draft.asked = _POLITELY.search(feedback[:MAX_CHARACTERS]) is not None
    draft.praised = lexicon().is_praise(feedback[:MAX_CHARACTERS])
    known |= set(re.findall(r"[a-z]+", state.prompt.lower()))
    said, text = plain(feedback), clean(feedback, {word for word in known if len(word) > 4})
    if not draft.praised:
        text = _SO_MANY.sub(r"too \1", text)
    if anew := _AGAIN_WITH.match(said):
        with draft.step(said, "reset"):
            draft.control(Reset())
        said = f"next: {said[anew.end() :]}"
    description = said if not state.prompt.strip() else new_description(said) or new_description(text)
    description = description or fresh_description(said, state.prompt)
    changed_mind = state.prompt.strip() and _CHANGED_MIND.search(said)
    if description is not None and not changed_mind:
        with draft.step(said, "description"):
            _describe(description, draft)
    elif changed_mind or not _redescribe(trim(said), draft):
        read_all(text, draft)
        if not draft.finish():
            with draft.step(said, "wish"):
                _read_as_wish(trim(said), draft)
    return draft


@cache
def _groan() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){lexicon().pattern('groans')}(?!\w)", re.I)


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
    with draft.step(text, "description"):
        if _CORRECTS.match(prompt) and draft.wants(unwanted[0]) and _is_alike(prompt, unwanted[0]):  # "a dog, no cat"
            draft.rewrite(prompt_rewriting.swap(draft.prompt, unwanted[0], prompt))
            if re.search(r"\bnot\s+an?\s", text, re.I):
                return True
        elif not adds_nothing(prompt, unwanted, draft.prompt):
            draft.want(prompt)
        is_new = draft.prompt != draft.state.prompt
        for term in unwanted:
            draft.keep_out(term) if is_new else draft.exclude_term(term)
    return True


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
        draft.rewrite(prompt_rewriting.recolour(draft.prompt, text))
