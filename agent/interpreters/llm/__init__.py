"""The interpreter that calls a language model, by default on a server with OpenAI's API.

`prompt` builds the messages, `client` calls the model, `response_parsing` turns its response into valid edits, and
`interpreter` combines them. LangChain is imported with the first call.
"""

from .client import LLMClient
from .interpreter import LLMInterpreter

__all__ = ["LLMClient", "LLMInterpreter"]
