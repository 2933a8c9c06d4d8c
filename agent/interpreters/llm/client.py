"""A client for one language model: structured output, timeouts and retries."""

import json
import re
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from ....errors import NotthatError
from ..base import Usage
from .prompt import attach_image
from .response_parsing import response_schema

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.runnables import Runnable
    from PIL.Image import Image

TIMEOUT = 60.0
"""Seconds to wait for a response. Models that run on a CPU are slow."""
LONGEST_WAIT = 10.0
"""Longest `Retry-After` in seconds that is honored, because a user is waiting."""

_MODES = ("json_schema", "function_calling", None)
"""LangChain's methods of structured output, in the order they are tried. With None, only the prompt asks for JSON."""
_UNSUPPORTED_STATUSES = {400, 413, 415, 422, 501}
"""Statuses with which servers reject a request that they don't support."""

_T = TypeVar("_T")


class LLMError(NotthatError):
    """The model returned no response. The message gives the reason as a phrase that ends a sentence."""


class LLMClient:
    """A language model, named `provider:model`, or by a model name on an OpenAI-compatible server.

    The client detects what the server does not support (JSON schemas, tools, images) from its errors, and remembers it.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.name = name
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
        self._options: dict[str, Any] = {"timeout": timeout, "max_retries": 0}
        self._mode = 0
        self._accepts_images = True

    def ask(self, messages: "list[BaseMessage]", picture: "Image | None" = None) -> tuple[str, Usage | None]:
        """The text of the response, which should be JSON, and its tokens. Models that can't read images get no picture.

        Raises:
            LLMError: on any failure.
        """
        try:
            while True:
                sent_picture = picture if self._accepts_images else None
                sent_messages = attach_image(messages, sent_picture) if sent_picture else messages
                try:
                    message = self._call_with_retries(lambda: self._invoke(sent_messages))  # noqa: B023  (called at once)
                    text = (
                        _message_text(message).encode("utf-8", "replace").decode()
                    )  # JSON escapes can encode lone surrogates
                    return text, _usage(message)
                except Exception as error:
                    if not self._simplify_request(error, with_picture=sent_picture is not None):
                        raise
        except LLMError:
            raise
        except Exception as error:  # from LangChain, a provider's package, or a malformed response
            raise LLMError(self._explain_error(error)) from error

    def _simplify_request(self, error: Exception, *, with_picture: bool) -> bool:
        """Turn off what the server did not support, if the error is about that. False if nothing is left to try."""
        is_about_picture = with_picture and re.search("image|vision|multimodal", str(error), re.I) is not None
        is_unsupported = _status_code(error) in _UNSUPPORTED_STATUSES or isinstance(error, NotImplementedError)
        if not is_unsupported and not (is_about_picture and _status_code(error) == 500):  # llama.cpp answers with 500
            return False
        if is_about_picture:
            self._accepts_images = False
        elif self._mode + 1 < len(_MODES):
            self._mode += 1
        else:
            self._mode = 0
            self._accepts_images = self._accepts_images and not with_picture
            return with_picture
        return True

    def _call_with_retries(self, call: "Callable[[], _T]") -> _T:
        """Call, and retry once after a delay if the error is temporary."""
        try:
            return call()
        except Exception as error:
            delay = _retry_delay(error)
            if delay is None or delay > LONGEST_WAIT:
                raise
        time.sleep(delay)
        return call()

    def _invoke(self, messages: "list[BaseMessage]") -> "AIMessage":
        from langchain_openai import ChatOpenAI

        model, mode = self._model, _MODES[self._mode]
        if mode is None:
            return _run_with_timeout(self._timeout, lambda: model.invoke(messages))
        strict = {"strict": True} if isinstance(model, ChatOpenAI) else {}
        structured_model: Runnable[Any, Any] = model.with_structured_output(
            response_schema(), method=mode, include_raw=True, **strict
        )
        message: AIMessage = _run_with_timeout(self._timeout, lambda: structured_model.invoke(messages))["raw"]
        return message

    @cached_property
    def _model(self) -> "BaseChatModel":
        # langchain_openai warns about servers without JSON schemas; `_simplify_request` handles these.
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

    def _explain_error(self, error: Exception) -> str:
        """The reason for a failure. It never quotes the server's message, which may contain the API key."""
        from langchain_core.exceptions import ModelConnectionError, ModelTimeoutError

        status = _status_code(error)
        if isinstance(error, ModelTimeoutError | TimeoutError):
            return f"no answer within {self._timeout:g} seconds"
        if isinstance(error, ModelConnectionError):
            return "its server can't be reached or closed the connection: check OPENAI_BASE_URL"
        match status:
            case 401 | 403:
                return "its server refused the key: check OPENAI_API_KEY"
            case 404:
                return f"its server has no model “{self.name}”: set NOTTHAT_LLM, or check OPENAI_BASE_URL"
            case 429:
                return "its server is limiting requests: try again later"
            case int():
                return f"its server answered with status {status}"
        return f"its answer can't be read ({type(error).__name__})"


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


def _status_code(error: Exception) -> int | None:
    """The HTTP status of a provider's error, if it has one."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _retry_delay(error: Exception) -> float | None:
    """Seconds to wait before a retry. None if a retry cannot help."""
    status = _status_code(error)
    if status is None or not (status == 429 or status >= 500) or status in _UNSUPPORTED_STATUSES:
        return None
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    return 1.0 if header is None else _parse_retry_after(header)


def _parse_retry_after(retry_after: str) -> float | None:
    """Seconds from a `Retry-After` header, which holds seconds or a date."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _run_with_timeout(seconds: float, call: "Callable[[], _T]") -> _T:
    """The result of a call with a total time limit. The timeout of an HTTP client only limits each read."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(seconds)
