"""Interpreters that turn feedback into edits: the offline grammar, a language model, and both in a cascade."""

from .base import Interpretation, Interpreter, Usage
from .cascade import CascadeInterpreter
from .llm import LLMInterpreter
from .offline import OfflineInterpreter

__all__ = ["CascadeInterpreter", "Interpretation", "Interpreter", "LLMInterpreter", "OfflineInterpreter", "Usage"]
