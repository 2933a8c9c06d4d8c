"""A language model that answers in this process."""

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ...waiting import report
from ..base import Usage
from ..llm.client import LLMError
from ..llm.prompt import Message
from ..llm.response_parsing import response_schema
from .source import locate_language_model

if TYPE_CHECKING:
    from PIL.Image import Image

    from .decoding import JsonDecoder


class LocalModel:
    """An instruct model from a hub id, a folder or a `.gguf` file. It is loaded with the first call.

    Its answers always are JSON that matches the response schema. `timeout` is the time for one answer in seconds,
    without loading.

    Raises:
        InvalidLanguageModelError: the model does not exist. If that is found out while it is loaded, `ask` raises.
    """

    def __init__(self, name: str, *, timeout: float = 300) -> None:
        self.name = name
        self._source = locate_language_model(name)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._decoder: JsonDecoder | None = None
        self._warm_up: threading.Thread | None = None

    def ask(self, messages: list[Message], picture: "Image | None" = None) -> tuple[str, Usage | None]:
        """The JSON of the answer, and its tokens. The picture is ignored.

        Raises:
            InvalidLanguageModelError: the model can't be loaded.
            LLMError: on any other failure.
        """
        from .decoding import DeadlineError

        with self._lock:
            decoder = self._prepare(messages)
            try:
                answer = decoder.generate(messages, time.monotonic() + self._timeout)
            except DeadlineError:
                raise LLMError(
                    f"no answer within {self._timeout:g} seconds: set NOTTHAT_LLM_TIMEOUT to wait longer"
                ) from None
            except (RuntimeError, ValueError) as error:  # torch's errors, such as a lack of memory
                raise LLMError(f"it failed in this process ({type(error).__name__})") from error
        return answer.text, Usage(prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens)

    def warm_up(self, messages: list[Message]) -> None:
        """Load the model and read the fixed part of these messages in the background. Errors are left to `ask`."""
        if self._warm_up is None:
            self._warm_up = threading.Thread(target=self._warm_up_quietly, args=(messages,), daemon=True)
            self._warm_up.start()

    def release_memory(self) -> None:
        """Move the model to the CPU until the next call, so that pictures have the accelerator's memory."""
        decoder = self._decoder
        if decoder is not None and decoder.is_on_accelerator:
            with self._lock:
                decoder.release_memory()

    def _warm_up_quietly(self, messages: list[Message]) -> None:
        with suppress(Exception), self._lock:  # `ask` raises it again
            self._prepare(messages)

    def _prepare(self, messages: list[Message]) -> "JsonDecoder":
        """The loaded model on its device. It has read the fixed part of the messages."""
        from .decoding import JsonDecoder
        from .loading import load_language_model

        if self._decoder is None:
            with report(f"loading {self.name}"):
                decoder = JsonDecoder(load_language_model(self.name, self._source), response_schema())
                decoder.keep_prefix(messages[0])
                self._decoder = decoder
        self._decoder.take_memory()
        return self._decoder
