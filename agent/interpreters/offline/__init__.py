"""The embedded interpreter: a grammar, no model.

`descriptions` parses a first prompt. `normalization` cleans feedback and splits it into clauses; `clause_parser`
tries the rules of `prompts/grammar` on each clause in order, and the first that matches adds its edits to an
`EditDraft`. A rule lists templates (`grammar`) and names one of the `actions` for what it means, and one for what it
means when denied. `defect_names` names what is wrong; the words themselves are data in `prompts/lexicon`.
"""

from .interpreter import AppliedRule, OfflineInterpreter

__all__ = ["AppliedRule", "OfflineInterpreter"]
