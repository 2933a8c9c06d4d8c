"""A turn in words: for language models that use notthat as a tool, and for clients that show text alone."""

from ..conversation import Turn
from ..exclusion_history import explain_exclusion
from ..exclusions import NegativePrompt


def format_turn(turn: Turn) -> str:
    """The reply, which session and turn it is, and what is left out since when and why: a line each."""
    excluded = "; ".join(explain_exclusion(exclusion) for exclusion in NegativePrompt.from_records(turn.exclusions))
    return "\n".join(
        [
            turn.reply,
            f"Session {turn.session}, turn {turn.number}: “{turn.prompt}”, seed {turn.seed}.",
            f"Left out: {excluded}." if excluded else "Nothing is left out.",
        ]
    )
