"""Sentences about a turn's verification, for its reply."""

from collections.abc import Sequence

from ...storage import ExclusionRecord, NewTurn
from .record import Verification


def describe_verification(turn: NewTurn, verification: Verification, *, can_change_seed: bool) -> list[str]:
    """One sentence for each: what is gone, what is still there, what nobody could tell, and what failed.

    Terms that were excluded before and are still gone are not named.
    """
    tries, chosen = len(verification.tries), verification.tries[verification.chosen]
    new = {str(edit["term"]) for edit in turn.edits if edit["op"] in ("exclude", "reweight")}
    new |= set(verification.tries[0].terms("there"))
    gone, there, unknown = (chosen.terms(verdict) for verdict in ("gone", "there", "unknown"))
    gone = [term for term in gone if term in new]
    unknown = [term for term in unknown if term in new]
    sentences = [f"{_join(gone)} {_be(gone)} gone."] if gone else []
    if there:
        count = f" after {tries} tries" if tries > 1 else ""
        advice = ": try another seed" if can_change_seed else ""
        sentences.append(f"{_join(there)} {_be(there)} still there{count}{advice}.")
    if unknown:
        sentences.append(f"No judge can tell whether {_join(unknown)} {_be(unknown)} gone.")
    if verification.failures:
        sentences.append(f"Not everything was checked: {'; '.join(verification.failures)}.")
    return sentences


def describe_verdict(exclusion: ExclusionRecord) -> str:
    """The verdict on one exclusion of a verified turn, as a phrase."""
    if exclusion.judge is None:
        return "no judge can tell whether it is gone"
    words = {"gone": "gone", "there": "still there", "unknown": "perhaps there"}
    sure = "" if exclusion.probability is None else f" (probability that it is there: {exclusion.probability:.0%})"
    return f"{words[exclusion.verdict or 'unknown']}, says {exclusion.judge}{sure}"


def _join(terms: Sequence[str]) -> str:
    quoted = [f"“{term}”" for term in terms]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def _be(terms: Sequence[str]) -> str:
    return "is" if len(terms) == 1 else "are"
