"""Text in, picture out. Knows no conversation and no database.

Names are imported when they are first used: `LocalEngine` needs torch.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from .engine import Engine as Engine
    from .engine import Picture as Picture
    from .engine import Progress as Progress
    from .engine import generate as generate
    from .errors import GenerationError as GenerationError
    from .errors import InvalidModelError as InvalidModelError
    from .errors import InvalidRequestError as InvalidRequestError
    from .local_engine import LocalEngine as LocalEngine
    from .model_catalog import BUILT_IN as BUILT_IN
    from .model_catalog import Model as Model
    from .model_catalog import list_models as list_models
    from .model_catalog import to_absolute as to_absolute
    from .model_library import LibraryModel as LibraryModel
    from .model_library import find_model as find_model
    from .model_library import list_library as list_library
    from .model_name import ModelName as ModelName
    from .prompt_networks import NetworkLibrary as NetworkLibrary
    from .request import Defaults as Defaults
    from .request import GenerationRequest as GenerationRequest
    from .request import PromptReport as PromptReport
    from .stub_engine import StubEngine as StubEngine

    Reading = PromptReport  # its former name
    absolute = to_absolute  # its former name
    available = list_models  # its former name
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__)
