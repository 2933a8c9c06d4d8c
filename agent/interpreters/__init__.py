"""Interpreters that turn feedback into edits: the offline grammar, and a language model."""

from .base import Interpretation, Interpreter, Usage
from .llm import LLMInterpreter
from .offline import OfflineInterpreter

__all__ = ["Interpretation", "Interpreter", "LLMInterpreter", "OfflineInterpreter", "Usage"]
