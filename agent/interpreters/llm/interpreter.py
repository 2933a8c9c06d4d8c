"""An interpreter that calls a language model, retries once, and falls back to another interpreter."""

from typing import TYPE_CHECKING

from ...edits import State
from ..base import Interpretation, Interpreter, Usage
from ..offline import OfflineInterpreter
from . import prompt, response_parsing
from .client import LLMClient, LLMError
from .response_parsing import UnusableResponseError

if TYPE_CHECKING:
    from PIL.Image import Image


class LLMInterpreter:
    """Calls a language model, and a fallback interpreter if the model fails.

    An unusable response is retried once, with the reason. The interpreter never raises, whatever the feedback or the
    response.
    """

    name = "llm"

    def __init__(self, client: LLMClient, fallback: Interpreter | None = None) -> None:
        self._client = client
        self._fallback = fallback or OfflineInterpreter()

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits of the model's response, or else those of the fallback, which the reply then says."""
        raw, reason = "", ""
        usage: Usage | None = None
        try:
            messages = prompt.build_messages(feedback, state)
            for _ in range(2):
                raw, call_usage = self._client.ask(messages, picture)
                usage = call_usage if usage is None or call_usage is None else usage + call_usage
                try:
                    return response_parsing.parse_response(raw, state).model_copy(update={"usage": usage})
                except UnusableResponseError as error:
                    reason = "its responses are unusable"
                    messages = prompt.build_retry_messages(messages, raw, str(error))
        except LLMError as error:
            reason = str(error)
        interpretation = self._fallback.interpret(feedback, state, picture)
        notice = f"(Read {self._fallback.name}, without the language model: {reason}.)"
        return Interpretation(
            edits=interpretation.edits,
            reply=f"{interpretation.reply} {notice}",
            raw=raw or None,
            fallback=True,
            usage=usage,
        )
