"""The embedded interpreter: a grammar, no model.

A first prompt is read by `descriptions`. Feedback is cleaned and cut into clauses by `text`, and each clause is tried
against the rules of `prompts/grammar`, from the top: the first that understands it adds its edits to a `draft`.
A rule lists templates (`template`) and names an act for what they mean, and one for what they mean when denied; the
acts stand in `acts`. The words they know are data too, in `prompts/lexicon`, and `faults` names what is wrong.
"""

from .interpreter import AppliedRule, OfflineInterpreter

__all__ = ["AppliedRule", "OfflineInterpreter"]
