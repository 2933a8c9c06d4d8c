""" "Remove it", when nothing says what "it" is: the candidates are the things that the prompt names."""

import re

from ...edits import Exclude, State
from ...replies import ask
from ..base import Interpretation, Question
from ..language.noun_phrases import extract_term, is_noun_phrase

_MAX_CANDIDATES = 4
_REMOVE_IT = re.compile(
    r"(?:(?:please|just|can you|could you|now|ok|okay)\s+)*"
    r"(?:(?:remove|delete|erase|drop|lose|exclude|hide|omit|kill|ditch|leave out|take out|get rid of|no more of)"
    r"\s+(?:it|that|this|that one|this one|that thing)"
    r"|take\s+(?:it|that|this|that one)\s+(?:out|off|away))"
    r"(?:\s+(?:please|now|again|thanks))*\W*$",
    re.I,
)
_JOINT = re.compile(
    r",|\b(?:with|wearing|holding|carrying|and|in|on|at|by|under|near|next to|behind|beside|of)\b", re.I
)


def ask_what_to_remove(feedback: str, state: State) -> Interpretation | None:
    """A question about the things that the prompt names. None unless the feedback is a bare "remove it"."""
    if not _REMOVE_IT.fullmatch(feedback.strip()):
        return None
    parts = [part.strip() for part in _JOINT.split(state.prompt)]
    terms = dict.fromkeys(term for part in parts[1:] if is_noun_phrase(part) and (term := extract_term(part)))
    edits = tuple(Exclude(term=term) for term in terms if term not in state.negative)[:_MAX_CANDIDATES]
    if not edits:
        return None
    question = Question(text=ask(edits, state, choose=len(edits) > 1), edits=edits, choose=len(edits) > 1)
    return Interpretation(reply=question.text, question=question)
