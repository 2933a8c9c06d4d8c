"""Text in, picture out. This package knows no conversation and no database.

`LocalEngine` needs torch and is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from .engine import Engine, Picture, Progress, generate
from .errors import GenerationError, InvalidModelError, InvalidRequestError
from .model_catalog import BUILT_IN, Model, list_models, to_absolute
from .request import Defaults, GenerationRequest, PromptReport
from .stub_engine import StubEngine

if TYPE_CHECKING:
    from .local_engine import LocalEngine

__all__ = [
    "BUILT_IN",
    "Defaults",
    "Engine",
    "GenerationError",
    "GenerationRequest",
    "InvalidModelError",
    "InvalidRequestError",
    "LocalEngine",
    "Model",
    "Picture",
    "Progress",
    "PromptReport",
    "StubEngine",
    "generate",
    "list_models",
    "to_absolute",
]


def __getattr__(name: str) -> Any:
    if name == "LocalEngine":
        from .local_engine import LocalEngine

        return LocalEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
