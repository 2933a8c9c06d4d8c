"""Public names of a package, imported when they are first used.

A package declares them once, as imports for type checkers:

    if TYPE_CHECKING:
        from .conversation import Conversation as Conversation
    else:
        __getattr__, __dir__, __all__ = lazy_exports(__name__)

An assignment there, `OldName = NewName`, is an alias for older code: it works, and isn't listed in `__all__`.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.abc import InspectLoader
from typing import Any


def lazy_exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, from the imports under its `if TYPE_CHECKING`."""
    module = sys.modules[package]
    spec = module.__spec__
    if spec is None or not isinstance(spec.loader, InspectLoader):
        raise ImportError(f"{package} has no source to read its public names from")
    exports = _read_exports(spec.loader.get_source(package) or "")
    public = sorted(name for name, (_, attribute) in exports.items() if name == attribute)

    def get(name: str) -> Any:
        if name not in exports:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, attribute = exports[name]
        value = getattr(import_module(home, package), attribute)
        setattr(module, name, value)
        return value

    return get, lambda: sorted({*vars(module), *exports}), public


def _read_exports(source: str) -> dict[str, tuple[str, str]]:
    """Public name -> (module relative to the package, name there)."""
    exports: dict[str, tuple[str, str]] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            for node in statement.body:
                if isinstance(node, ast.ImportFrom):
                    home = "." * node.level + (node.module or "")
                    exports |= {alias.asname or alias.name: (home, alias.name) for alias in node.names}
                elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    exports[node.targets[0].id] = exports[ast.unparse(node.value)]
    return exports
