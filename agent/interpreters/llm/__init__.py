"""The interpreter that asks a language model: by default any server with OpenAI's API.

`prompt` builds the messages, `client` calls the model, `response_parsing` turns its answer into valid edits, and
`interpreter` puts the three together. LangChain is imported with the first call.
"""

from .client import LLMClient
from .interpreter import LLMInterpreter

__all__ = ["LLMClient", "LLMInterpreter"]
