"""A turn as text, for language models that use notthat as a tool and for clients that only show text."""

from ...storage import QuestionRecord
from ..answers import answer_keys
from ..conversation import Turn
from ..exclusion_history import explain_exclusion
from ..exclusions import NegativePrompt


def format_turn(turn: Turn) -> str:
    """Three lines: the reply; session, turn, prompt and seed; and the exclusions with their origin.

    An open question comes last, with the words that answer it.
    """
    excluded = "; ".join(explain_exclusion(exclusion) for exclusion in NegativePrompt.from_records(turn.exclusions))
    return "\n".join(
        [
            turn.reply,
            f"Session {turn.session}, turn {turn.number}: “{turn.prompt}”, seed {turn.seed}.",
            f"Excluded: {excluded}." if excluded else "Nothing is excluded.",
            *([] if turn.question is None else [format_question(turn.question)]),
        ]
    )


def format_question(question: QuestionRecord) -> str:
    """A question for the user, and how to pass on the answer."""
    answers = answer_keys(question)
    return f"Nothing was drawn: ask the user “{question.text}” ({answers}), and pass the answer on as feedback."
