"""An interpreter that asks where a test wants it to, and is the embedded one otherwise."""

from collections.abc import Mapping

from PIL.Image import Image

from notthat.agent.edits import Exclude, State
from notthat.agent.interpreters import Interpretation, OfflineInterpreter
from notthat.agent.interpreters.base import Question

BEARD = Question(text="Leave out “beard”?", edits=(Exclude(term="beard"),))
"""Whether a beard is to be left out."""
BEARD_NOT_FOG = Question(text="Leave out “beard”?", edits=(Exclude(term="beard"),), otherwise=(Exclude(term="fog"),))
"""The same, where fog is left out in any case."""
WHICH = Question(text="Leave out “hat” or “scarf”?", edits=(Exclude(term="hat"), Exclude(term="scarf")), choose=True)
"""Which of two things is to be left out."""

QUESTIONS: Mapping[str, Question] = {
    "hm, that beard": BEARD,
    "no fog, and hm, that beard": BEARD_NOT_FOG,
    "that thing on him": WHICH,
}


class AskingInterpreter:
    """Asks about the feedback of `questions`."""

    name = "asking"

    def __init__(self, questions: Mapping[str, Question] = QUESTIONS) -> None:
        self._questions, self._offline = questions, OfflineInterpreter()
        self.heard: list[str] = []
        """All feedback that it was asked about."""

    def interpret(self, feedback: str, state: State, picture: Image | None = None) -> Interpretation:
        """The question of this feedback, or what the embedded interpreter makes of it."""
        self.heard.append(feedback)
        if (question := self._questions.get(feedback)) is not None:
            return Interpretation(reply=question.text, question=question)
        return self._offline.interpret(feedback, state, picture)
