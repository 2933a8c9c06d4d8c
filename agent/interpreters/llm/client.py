"""A client for a language model on a server: response formats, timeouts, retries and warm-up."""

import json
import re
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from ....errors import NotthatError
from ..base import Usage
from .own_server import is_own_server
from .prompt import Message, attach_image
from .response_formats import ResponseFormat, bind_format, supported_formats
from .response_parsing import has_json_object
from .server_errors import explain_error, is_refusal, retry_delay

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from PIL.Image import Image

LONGEST_WAIT = 10.0
"""Longest `Retry-After` in seconds that is honored, because a user is waiting."""

_T = TypeVar("_T")


class LLMError(NotthatError):
    """The model returned no response. The message gives the reason as a phrase that ends a sentence."""


@dataclass(frozen=True)
class _Capabilities:
    """What the server is taken to support for this model."""

    response_format: ResponseFormat = ResponseFormat.JSON_SCHEMA
    images: bool = True
    temperature: bool = True


class LLMClient:
    """A language model, named `provider:model`, or by a model name on an OpenAI-compatible server.

    The client finds out what the server supports for this model (response formats, images) and remembers it. If the
    server refuses later what it accepted before, the client tries the other formats again. `timeout` is the time for
    one response in seconds, including all attempts.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 300,
    ) -> None:
        self.name = name
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
        self._options: dict[str, Any] = {"timeout": timeout, "max_retries": 0}
        # Hosted reasoning models refuse a temperature. Servers of one's own have high defaults.
        self._capabilities = _Capabilities(temperature=base_url is not None)
        self._warm_up: threading.Thread | None = None

    def ask(self, messages: list[Message], picture: "Image | None" = None) -> tuple[str, Usage | None]:
        """The text of the response, which should be JSON, and its tokens. Models that can't read images get no picture.

        Raises:
            LLMError: on any failure.
        """
        deadline = time.monotonic() + self._timeout
        try:
            if self._warm_up is not None:  # a second request would compute the same prefix at the same time
                self._warm_up.join(self._timeout)
            return self._ask_in_formats(messages, picture, deadline)
        except LLMError:
            raise
        except Exception as error:  # from LangChain, a provider's package, or a malformed response
            raise LLMError(explain_error(error, self.name, self._timeout)) from error

    def ask_about_picture(self, rules: str, question: str, picture: "Image") -> str:
        """The text of the answer to a question about a picture. It is never asked without the picture.

        Raises:
            LLMError: on any failure, also if the model takes no pictures.
        """
        deadline = time.monotonic() + self._timeout
        messages = [{"role": "system", "content": rules}, {"role": "user", "content": question}]
        request = replace(self._capabilities, response_format=ResponseFormat.TEXT, images=True)
        try:
            try:
                return self._ask_once(request, messages, picture, deadline)[0]
            except Exception as error:
                if not request.temperature or not is_refusal(error) or not re.search("temperature", str(error), re.I):
                    raise
            return self._ask_once(replace(request, temperature=False), messages, picture, deadline)[0]
        except LLMError:
            raise
        except Exception as error:
            raise LLMError(explain_error(error, self.name, self._timeout)) from error

    def warm_up(self, messages: list[Message]) -> None:
        """Send messages in the background, for one token, so that the server has their fixed part in its cache.

        Only to a server on a private or loopback address: elsewhere it might cost money. Errors are left to `ask`.
        """
        if self._base_url is not None and self._warm_up is None:
            self._warm_up = threading.Thread(target=self._warm_up_quietly, args=(messages,), daemon=True)
            self._warm_up.start()

    def release_memory(self) -> None:
        """Nothing: the server has its own memory."""

    def _warm_up_quietly(self, messages: list[Message]) -> None:
        with suppress(Exception):  # the first `ask` raises it again
            if is_own_server(self._base_url):
                model = self._model.bind(max_completion_tokens=1, extra_body={"max_tokens": 1})  # servers know either
                model.invoke(messages)

    def _ask_in_formats(
        self, messages: list[Message], picture: "Image | None", deadline: float
    ) -> tuple[str, Usage | None]:
        """Ask in the remembered format, then in the others, until the server answers with JSON.

        An answer without JSON is only returned if no later format brings JSON. The last format is then remembered,
        since the server enforces none.
        """
        request = self._capabilities if picture else replace(self._capabilities, images=False)
        formats = supported_formats(self._model)
        first = formats.index(request.response_format)
        untried = [*formats[first + 1 :], *formats[:first]]
        answer: tuple[str, Usage | None] | None = None
        while True:
            try:
                answer = self._ask_once(request, messages, picture, deadline)
                simpler = None if has_json_object(answer[0]) else _enforce_less(request, formats, untried)
                if simpler is None:
                    self._remember(request, had_picture=picture is not None)
                    return answer
            except Exception as error:
                simpler = _simplify(request, error, untried, formats)
                if simpler is None and answer is not None:
                    return answer
                if simpler is None:
                    raise
            request = simpler
            untried = [each for each in untried if each is not request.response_format]

    def _ask_once(
        self, request: _Capabilities, messages: list[Message], picture: "Image | None", deadline: float
    ) -> tuple[str, Usage | None]:
        sent = attach_image(messages, picture) if picture and request.images else messages
        base_model = self._model.model_copy(update={"temperature": 0.0}) if request.temperature else self._model
        model = bind_format(base_model, request.response_format)

        def call() -> "AIMessage":
            answer: AIMessage = _run_with_deadline(deadline, lambda: model.invoke(sent))
            return answer

        message = _call_with_retry(call)
        text = _message_text(message).encode("utf-8", "replace").decode()  # JSON escapes can encode lone surrogates
        return text, _usage(message)

    def _remember(self, request: _Capabilities, *, had_picture: bool) -> None:
        images = request.images if had_picture else self._capabilities.images
        self._capabilities = replace(request, images=images)

    @cached_property
    def _model(self) -> "BaseChatModel":
        # langchain_openai warns about servers without JSON schemas; `_simplify` handles these.
        warnings.filterwarnings("ignore", category=UserWarning, module="langchain_openai")
        return self._provider_model() or self._openai_compatible()

    def _provider_model(self) -> "BaseChatModel | None":
        """The model of another provider. None if the name has no provider prefix, as in "qwen3:8b"."""
        from langchain.chat_models import init_chat_model

        provider, _, name = self.name.partition(":")
        if not name or provider == "openai":
            return None
        try:
            model: BaseChatModel = init_chat_model(name, model_provider=provider, **self._options)
        except ImportError:
            raise LLMError(f"LangChain's package for {provider} is not installed") from None
        except ValidationError:
            raise LLMError(f"{provider} is not configured: set its API key") from None
        except ValueError:
            return None
        return model

    def _openai_compatible(self) -> "BaseChatModel":
        from langchain.chat_models import init_chat_model

        if not (self._api_key or self._base_url):
            raise LLMError("set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server")
        model: BaseChatModel = init_chat_model(
            self.name.removeprefix("openai:"),
            model_provider="openai",
            base_url=self._base_url,
            api_key=self._api_key or "none",  # the client requires a key, even if a self-hosted server does not
            **self._options,
        )
        return model


def _enforce_less(
    request: _Capabilities, formats: tuple[ResponseFormat, ...], untried: list[ResponseFormat]
) -> _Capabilities | None:
    """The next request after an answer that ignores the format. None after plain text, which promises no JSON."""
    later = formats[formats.index(request.response_format) + 1 :]
    following = next((each for each in untried if each in later), None)
    return None if following is None else replace(request, response_format=following)


def _simplify(
    request: _Capabilities, error: Exception, untried: list[ResponseFormat], formats: tuple[ResponseFormat, ...]
) -> _Capabilities | None:
    """The next request after an error. None if the error is no refusal, or nothing is left to try."""
    if not is_refusal(error):
        return None
    if request.images and re.search("image|vision|multimodal", str(error), re.I):
        return replace(request, images=False)
    if request.temperature and re.search("temperature", str(error), re.I):
        return replace(request, temperature=False)
    if untried:
        return replace(request, response_format=untried[0])
    if request.images:  # some servers don't say what they refuse
        untried[:] = formats
        return replace(request, images=False, response_format=formats[0])
    return None


def _call_with_retry(call: "Callable[[], _T]") -> _T:
    """Call, and retry once after a delay if the server is overloaded."""
    try:
        return call()
    except Exception as error:
        delay = retry_delay(error)
        if delay is None or delay > LONGEST_WAIT:
            raise
    time.sleep(delay)
    return call()


def _message_text(message: "AIMessage") -> str:
    """The content of a message: tool call arguments or text.

    Raises:
        LLMError: if the model refused.
    """
    if message.tool_calls:
        return json.dumps(message.tool_calls[0]["args"])
    if message.invalid_tool_calls:
        return message.invalid_tool_calls[0]["args"] or ""
    if message.additional_kwargs.get("refusal"):
        raise LLMError("the model refused to answer")
    return message.text


def _usage(message: "AIMessage") -> Usage | None:
    metadata = message.usage_metadata
    if metadata is None:
        return None
    return Usage(prompt_tokens=metadata["input_tokens"], completion_tokens=metadata["output_tokens"])


def _run_with_deadline(deadline: float, call: "Callable[[], _T]") -> _T:
    """The result of a call with a total time limit. The timeout of an HTTP client only limits each read."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(max(0.0, deadline - time.monotonic()))
