"""The interpreter that asks a language model: by default any server that speaks OpenAI's protocol.

`messages` says what the model is told, `chat` gets an answer out of its server, `answers` makes of that
answer edits that the session can bear, and `interpreter` is the story of the three. LangChain is imported
when the first question is asked.
"""

from .client import LLMClient
from .interpreter import LLMInterpreter

__all__ = ["LLMClient", "LLMInterpreter"]
