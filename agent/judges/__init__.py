"""Judges look at pictures and say whether an excluded term is gone.

`mini` knows the pictures of the included model; SAM 3 and OWLv2 find objects, SigLIP 2 tells styles and faults, and
`llm` asks a language model. `loading.load_judge` finds a judge by its name, `panel.JudgePanel` asks several.
"""

from .base import Box, Finding, Judge, JudgeError, Presence, Thresholds, Verdict
from .panel import Findings, JudgePanel

__all__ = [
    "Box",
    "Finding",
    "Findings",
    "Judge",
    "JudgeError",
    "JudgePanel",
    "Presence",
    "Thresholds",
    "Verdict",
]
