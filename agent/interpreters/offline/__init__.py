"""The offline interpreter: a grammar, without a model.

`descriptions` parses a first prompt. `normalization` cleans feedback and splits it into clauses. `clause_parser` tries
the rules of `prompts/grammar` on each clause in order; the first match adds its edits to an `EditDraft`. A rule lists
templates (`grammar`), and names one of the `actions` for its meaning and one for its negation. `defect_names` maps
complaints to terms. The words themselves are data in `prompts/lexicon`.
"""

from .interpreter import AppliedRule, OfflineInterpreter

__all__ = ["AppliedRule", "OfflineInterpreter"]
