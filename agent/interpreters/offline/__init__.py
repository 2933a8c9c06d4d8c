"""The embedded interpreter: a grammar, no model.

A first prompt is read by `descriptions`. Feedback is cleaned and cut into clauses by `text`, and each
clause is tried against the rules of `guards`, `controls`, `weights`, `removals`, `complaints` and
`wishes`, in that order: the first that understands it adds its edits to a `draft`. What the rules do
stands in `faults` and `changes`; the words they know are data, in `prompts/lexicon.toml`.
"""

from .interpreter import OfflineInterpreter

__all__ = ["OfflineInterpreter"]
