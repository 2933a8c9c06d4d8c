"""What the errors of a language model's server mean: a refused request, overload, or a failure that has a reason."""

import time
from email.utils import parsedate_to_datetime

_ACCESS_STATUSES = frozenset({401, 402, 403, 407})
"""The key or the account is refused, whatever is asked."""
_OVERLOAD_STATUSES = frozenset({408, 425, 429, 502, 503, 504, 529})
"""The server has no time for now, whatever is asked."""


def status_code(error: Exception) -> int | None:
    """The HTTP status of a provider's error, if it has one."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def is_refusal(error: Exception) -> bool:
    """Whether the server may accept the same question in another format.

    Servers answer an unsupported format with almost any status: llama-cpp-python with 500, OpenRouter with 404.
    """
    if isinstance(error, NotImplementedError):
        return True
    status = status_code(error)
    return status is not None and status >= 400 and status not in _ACCESS_STATUSES and not _is_overload(error)


def retry_delay(error: Exception) -> float | None:
    """Seconds to wait before the same request is sent again. None if that cannot help."""
    if not _is_overload(error):
        return None
    header = _retry_after(error)
    return 1.0 if header is None else _parse_retry_after(header)


def explain_error(error: Exception, model: str, timeout: float) -> str:
    """The reason for a failure. It never quotes the server's message, which may contain the API key."""
    from langchain_core.exceptions import ModelConnectionError, ModelTimeoutError

    status = status_code(error)
    if isinstance(error, ModelTimeoutError | TimeoutError):
        return f"no answer within {timeout:g} seconds: set NOTTHAT_LLM_TIMEOUT to wait longer"
    if isinstance(error, ModelConnectionError):
        return "its server can't be reached or closed the connection: check OPENAI_BASE_URL"
    match status:
        case 401 | 403:
            return "its server refused the key: check OPENAI_API_KEY"
        case 404:
            return f"its server has no model “{model}”: set NOTTHAT_LLM, or check OPENAI_BASE_URL"
        case 429:
            return "its server is limiting requests: try again later"
        case int():
            return f"its server answered with status {status}"
    return f"its answer can't be read ({type(error).__name__})"


def _is_overload(error: Exception) -> bool:
    status = status_code(error)
    return status in _OVERLOAD_STATUSES or (status is not None and status >= 500 and _retry_after(error) is not None)


def _retry_after(error: Exception) -> str | None:
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    return header if isinstance(header, str) else None


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
