"""Replies to the user: one short line that says what changed and why."""

from collections.abc import Iterable, Sequence

from .edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo, apply, minimum_weight
from .terms import to_one_line

NOTHING = "Nothing to change."
SIZE = (
    "Words don't set the size of a picture: use width and height of the API when you start a session, or --width and "
    "--height of notthat generate."
)
_MAX_QUOTED_CHARACTERS = 80
_MAX_QUOTED_CLAUSES = 3


def describe(edits: Iterable[Edit], state: State) -> str:
    """Describe in one line what these edits change in `state`, the state before them."""
    edits = tuple(edits)
    if any(isinstance(edit, Reset) for edit in edits):  # the other edits apply to the state after the reset
        state = apply(state, [Reset()], turn=0, words="")
    new = [edit.term for edit in edits if isinstance(edit, Exclude) and edit.term not in state.negative]
    new_terms = set(new)
    parts = [_describe_one(edit, state) for edit in edits if isinstance(edit, Undo | Reset)]
    parts += [f"Excluded {_join_terms(new)}."] if new else []
    parts += [
        _describe_one(edit, state)
        for edit in edits
        if not isinstance(edit, Undo | Reset) and not (isinstance(edit, Exclude) and edit.term in new_terms)
    ]
    return " ".join(parts) or NOTHING


def ask(edits: Iterable[Edit], state: State, *, choose: bool = False) -> str:
    """Ask whether these edits were meant; with `choose`, which one of them."""
    edits = tuple(edits)
    if choose:
        names = [f"“{edit.term}”" for edit in edits if isinstance(edit, Exclude | Allow | Reweight)]
        return f"Which one: {', '.join(names[:-1])} or {names[-1]}?"
    excluded = [edit.term for edit in edits if isinstance(edit, Exclude)]
    parts = [f"leave out {_join_terms(excluded)}"] if excluded else []
    parts += [_ask_about(edit, state) for edit in edits if not isinstance(edit, Exclude)]
    sentence = ", and ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}?"


def _ask_about(edit: Edit, state: State) -> str:
    match edit:
        case Exclude():
            return f"leave out “{edit.term}”"
        case Allow():
            return f"allow “{edit.term}” again"
        case Reweight():
            known = state.negative.find(edit.term)
            degree = "more" if known is None or edit.weight > known.weight else "less"
            return f"exclude “{edit.term}” {degree} strongly"
        case SetPrompt():
            return f"draw “{edit.text}”"
        case Undo():
            return "go back one turn" if edit.turns == 1 else f"go back {edit.turns} turns"
        case Reset():
            return "drop all of your exclusions"
        case Reroll():
            return "try another seed"


def describe_unclear(clauses: Sequence[str], *, is_first_prompt: bool = False) -> str:
    """Say which clauses were not understood, with an example that would be."""
    quoted = _join_terms([_shorten(clause) for clause in clauses[:_MAX_QUOTED_CLAUSES]])
    if is_first_prompt:
        return f"I did not understand {quoted}. Say what the picture should show, for example “a cat on a sofa”."
    return f"I did not understand {quoted}. Try “no hat” or “too dark”."


def _shorten(text: str) -> str:
    line = to_one_line(text[: 10 * _MAX_QUOTED_CHARACTERS])
    return line if len(line) <= _MAX_QUOTED_CHARACTERS else f"{line[: _MAX_QUOTED_CHARACTERS - 1]}…"


def _describe_one(edit: Edit, state: State) -> str:
    match edit:
        case Exclude() | Reweight():
            return _describe_weight(edit, state)
        case Allow():
            return _describe_allowed(edit.term, state)
        case SetPrompt():
            return f"The prompt is now “{edit.text}”."
        case Undo():
            return "Back one turn." if edit.turns == 1 else f"Back {edit.turns} turns."
        case Reset():
            return "Dropped all of your exclusions."
        case Reroll():
            return "The same again from another seed."


def _describe_weight(edit: Exclude | Reweight, state: State) -> str:
    exclusion = state.negative.find(edit.term)
    if exclusion is None:
        return f"Excluded “{edit.term}” with a weight of {edit.weight:g}."
    weight = max(edit.weight, minimum_weight(exclusion, state) if exclusion.is_locked else 0)
    if isinstance(edit, Exclude):
        weight = max(weight, exclusion.weight)
    because = f", as {exclusion.source.replace(':', ' ')} asks" if weight > edit.weight and exclusion.is_locked else ""
    if weight == exclusion.weight:
        return f"“{exclusion.term}” stays excluded at {weight:g}{because}."
    return f"“{exclusion.term}” now weighs {weight:g}{because}."


def _describe_allowed(term: str, state: State) -> str:
    exclusion = state.negative.find(term)
    if exclusion is None:
        return f"“{term}” was not excluded."
    if exclusion.is_locked:
        return f"“{exclusion.term}” stays excluded, as {exclusion.source.replace(':', ' ')} asks."
    return f"“{exclusion.term}” is allowed again."


def _join_terms(terms: Sequence[str]) -> str:
    quoted = [f"“{term}”" for term in terms]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def describe_turns(done: tuple[int, ...], pending: tuple[int, ...]) -> list[str]:
    """Sentences about other turns that were finished or are still pending; at most one for each of the two."""
    lines = []
    if done:
        lines.append(
            f"Meanwhile {_format_turn_numbers(done)} {'was' if len(done) == 1 else 'were'} made; this one is shown now."
        )
    if pending:
        still = "is still being drawn" if len(pending) == 1 else "are still being drawn"
        lines.append(f"{_format_turn_numbers(pending).capitalize()} {still}, and shown when done.")
    return lines


def _format_turn_numbers(numbers: tuple[int, ...]) -> str:
    return f"turn{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"
