"""What went wrong inside the libraries, in one line that says what to do."""

import pickle
import re
from collections.abc import Callable

import torch
from safetensors import SafetensorError

BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
"""What diffusers, transformers and torch raise of a damaged model; out of memory is a RuntimeError or MemoryError."""

_RULES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (
        r"(\S*) ?expected shape torch\.Size\((\[[\d, ]*\])\),? but got torch\.Size\((\[[\d, ]*\])\)",
        lambda m: f"“{m[1]}” has the shape {m[3]}, and config.json wants {m[2]}: one of them is of another model",
    ),
    (
        r"does not appear to have a file named (\S+)",
        lambda m: f"it lacks the file {m[1].rpartition('/')[2]}: download the model again",
    ),
    (
        r"ignore_mismatched_sizes",
        lambda m: "weights of a text encoder don't fit its config.json: one of them is of another model",
    ),
    (
        r"Weights only load failed|UnpicklingError|Unable to load weights from (?:checkpoint|pickle)",
        lambda m: "its weights are a damaged pickle, or one with more than weights: give .safetensors files",
    ),
    (
        r"mat1 and mat2 shapes|must match the size|[Ss]ize mismatch|expected input\S* to have|shape '.*' is invalid",
        lambda m: f"its parts don't fit each other ({m.string[:80]}): one of them is of another model",
    ),
    (
        r"index out of range|device-side assert",
        lambda m: "its text encoder lacks words of its tokenizer: one of them is of another model",
    ),
)
"""Patterns of messages, and what they mean."""

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|CUBLAS_STATUS_ALLOC", re.IGNORECASE)


def explain_failure(error: BaseException) -> str:
    """What an error of a library means for a model, in one line without its name."""
    text = f"{type(error).__name__}: {error}"
    for pattern, explain in _RULES:
        if match := re.search(pattern, text):
            return " ".join(explain(match).split())
    line = first_line(error)
    if isinstance(error, AssertionError | AttributeError | LookupError | TypeError | ArithmeticError):
        return f"a configuration has a missing or wrong value ({line})"
    return line


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the CPU or the GPU has no memory left. On the CPU that is a RuntimeError."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None
    )


def is_misfit(error: BaseException) -> bool:
    """Whether an error says that parts of a model don't fit each other."""
    return explain_failure(error).endswith("of another model")


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
