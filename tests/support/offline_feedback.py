"""The offline interpreter's edits in a short form for test tables."""

from notthat.agent.edits import Allow, Edit, Exclude, Reweight, State, Undo
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import OfflineInterpreter


def read(feedback: str, *, prompt: str = "portrait of a man", negative: str = "") -> tuple[Edit, ...]:
    """The edits of the offline interpreter."""
    state = State(prompt=prompt, negative=parse_negative(negative), seed=1)
    return OfflineInterpreter().propose(feedback, state)


def brief(edits: tuple[Edit, ...], negative: str = "") -> str:
    """Edits on one line: `exclude hat; up blurry; prompt`."""
    state = parse_negative(negative)

    def format_edit(edit: Edit) -> str:
        match edit:
            case Exclude() | Allow():
                return f"{edit.op} {edit.term}"
            case Reweight():
                known = state.find(edit.term)
                assert known is not None
                return f"{'up' if edit.weight > known.weight else 'down'} {edit.term}"
            case Undo():
                return f"undo {edit.turns}"
            case _:
                return edit.op

    return "; ".join(map(format_edit, edits))
