"""An interpreter that calls a language model, retries once, and falls back to another interpreter."""

from typing import TYPE_CHECKING, Protocol

from ...edits import State
from ...exclusions import NegativePrompt
from ...waiting import report
from ..base import Interpretation, Interpreter, Usage
from ..offline import OfflineInterpreter
from . import prompt, response_parsing
from .client import LLMError
from .prompt import Message
from .response_parsing import UnusableResponseError

if TYPE_CHECKING:
    from PIL.Image import Image


class LanguageModel(Protocol):
    """A language model that answers chat messages: on a server, or in this process."""

    name: str

    def ask(self, messages: list[Message], picture: "Image | None" = None) -> tuple[str, Usage | None]:
        """The text of the response, which should be JSON, and its tokens.

        Raises:
            LLMError: if there is no response.
        """
        ...

    def warm_up(self, messages: list[Message]) -> None:
        """Read the fixed part of these messages in the background, if that costs nothing."""
        ...

    def release_memory(self) -> None:
        """Free the accelerator's memory until the next call, if the model is in this process."""
        ...


class LLMInterpreter:
    """Calls a language model, and a fallback interpreter if the model fails.

    An unusable response is retried once, with the reason. No feedback and no response makes the interpreter raise.
    """

    def __init__(self, model: LanguageModel, fallback: Interpreter | None = None, *, name: str = "llm") -> None:
        self.name = name
        self._model = model
        self._fallback = fallback or OfflineInterpreter()

    def warm_up(self) -> None:
        """Let the model read the fixed part of the prompt in the background, so that the first answer is faster."""
        self._model.warm_up(prompt.build_messages("", State("", NegativePrompt(), seed=0)))

    def release_memory(self) -> None:
        """Let the model free the accelerator's memory until the next feedback."""
        self._model.release_memory()

    def interpret(self, feedback: str, state: State, picture: "Image | None" = None) -> Interpretation:
        """The edits of the model's response, or else those of the fallback, which the reply then says."""
        raw, reason = "", ""
        usage: Usage | None = None
        try:
            messages = prompt.build_messages(feedback, state)
            for _ in range(2):
                with report(f"asking {self._model.name}"):
                    raw, call_usage = self._model.ask(messages, picture)
                usage = call_usage if usage is None or call_usage is None else usage + call_usage
                try:
                    return response_parsing.parse_response(raw, state, feedback).model_copy(update={"usage": usage})
                except UnusableResponseError as error:
                    reason = "its responses are unusable"
                    messages = prompt.build_retry_messages(messages, raw, str(error))
        except LLMError as error:
            reason = str(error)
        interpretation = self._fallback.interpret(feedback, state, picture)
        notice = f"(Read {self._fallback.name}, without the language model: {reason}.)"
        return interpretation.model_copy(
            update={
                "reply": f"{interpretation.reply} {notice}",
                "raw": raw or None,
                "fallback": True,
                "usage": usage,
            }
        )
