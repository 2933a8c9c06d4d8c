"""Who reads the feedback: the embedded grammar, or a language model."""

from .base import Interpretation, Interpreter, Usage
from .llm import LLMInterpreter
from .offline import OfflineInterpreter

__all__ = ["Interpretation", "Interpreter", "LLMInterpreter", "OfflineInterpreter", "Usage"]
