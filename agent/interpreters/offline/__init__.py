"""The embedded interpreter. Words in `lexicon`; text to clauses in `text`; clauses to edits by rules.

A clause is tried against `guards`, `controls`, `weights`, `complaints` and `wishes`, in that order;
the first rule that understands it wins. A first prompt is read by `descriptions` instead.
"""

from .interpreter import OfflineInterpreter

__all__ = ["OfflineInterpreter"]
