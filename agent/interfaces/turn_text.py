"""A turn as text, for language models that use notthat as a tool and for clients that only show text."""

from ..conversation import Turn
from ..exclusion_history import explain_exclusion
from ..exclusions import NegativePrompt


def format_turn(turn: Turn) -> str:
    """Three lines: the reply; session, turn, prompt and seed; and the exclusions with their origin."""
    excluded = "; ".join(explain_exclusion(exclusion) for exclusion in NegativePrompt.from_records(turn.exclusions))
    return "\n".join(
        [
            turn.reply,
            f"Session {turn.session}, turn {turn.number}: “{turn.prompt}”, seed {turn.seed}.",
            f"Excluded: {excluded}." if excluded else "Nothing is excluded.",
        ]
    )
