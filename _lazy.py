"""Public names of a package that are imported on first use.

A package lists them once, as imports that type checkers read too:

    if TYPE_CHECKING:
        from .conversation import Conversation as Conversation
    else:
        __getattr__, __dir__, __all__ = lazy_exports(__name__)

An assignment in that block, `OldName = NewName`, is an alias for existing code. It is not part of `__all__`.

The block is read from the source file, because type checkers accept no table built at run time. `lazy_loader` reads a
stub file in the same way, but then each package needs two files and type checkers no longer read `__init__.py`.
"""

import ast
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazy_exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, from the imports under its `if TYPE_CHECKING`.

    Raises:
        ImportError: if the package was installed without its source files.
    """
    module = sys.modules[package]
    try:
        exports = _read_exports(inspect.getsource(module))
    except (OSError, TypeError) as error:
        raise ImportError(f"{package} has no source file; install notthat with its .py files") from error
    public = sorted(name for name, (_, attribute) in exports.items() if name == attribute)

    def get_export(name: str) -> Any:
        if name not in exports:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, attribute = exports[name]
        value = getattr(import_module(home, package), attribute)
        setattr(module, name, value)
        return value

    return get_export, lambda: sorted({*vars(module), *exports}), public


def _read_exports(source: str) -> dict[str, tuple[str, str]]:
    """Public name -> (module relative to the package, name in that module)."""
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
