"""The layout of the package: what is packaged, what may import what, and the public names."""

import ast
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import notthat

ROOT = Path(__file__).parents[1]
PACKAGES = ("agent", "generation", "storage", "prompts")
MAY_IMPORT = {
    "agent": {"agent", "generation", "storage", "prompts"},
    "generation": {"generation"},
    "storage": {"storage"},
    "prompts": {"prompts"},
}
"""Which packages may import which; every one may import the modules beside them, such as `errors`."""


def modules() -> dict[str, Path]:
    """Module name -> file, for everything that is installed."""
    files = [*ROOT.glob("*.py"), *(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))]
    named = {}
    for file in sorted(files):
        parts = file.relative_to(ROOT).with_suffix("").parts
        named[".".join(["notthat", *(parts[:-1] if parts[-1] == "__init__" else parts)])] = file
    return named


def imports_when_loaded(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of notthat that importing this one imports: not those for type checkers, or inside functions."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    waiting: list[ast.stmt] = list(ast.parse(file.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If):
            waiting += node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            waiting += [*node.body, *node.orelse, *node.finalbody]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (base, node.module) if part)
            for alias in node.names:
                target = f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
                if target in known and target != name:
                    yield target


def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: set(imports_when_loaded(name, file, known)) for name, file in known.items()}


def test_every_package_is_packaged() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = [name for name, file in modules().items() if file.name == "__init__.py"]
    assert sorted(listed) == sorted(found)


def test_every_folder_with_code_is_a_package() -> None:
    assert not [file.parent for file in modules().values() if not (file.parent / "__init__.py").is_file()]


def test_arrows_run_downwards_only() -> None:
    known = modules()
    wrong = []
    for name, targets in graph().items():
        place = name.split(".")[1] if "." in name else ""
        for target in targets:
            there = target.split(".")[1] if "." in target else ""
            if place in MAY_IMPORT and there in PACKAGES and there not in MAY_IMPORT[place]:
                wrong.append(f"{name} -> {target}")
    assert known
    assert not wrong


def test_no_import_cycles() -> None:
    edges, done, cycles = graph(), set[str](), []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            cycles.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for target in sorted(edges[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())
    assert not cycles


@pytest.mark.parametrize("name", [name for name in modules() if not name.endswith(("__main__", "migrations.env"))])
def test_every_module_can_be_imported_first(name: str) -> None:
    assert importlib.import_module(name)


@pytest.mark.parametrize("package", ["notthat", "notthat.agent", "notthat.generation", "notthat.storage"])
def test_public_names_are_there_and_imported_when_used(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = module.nonsense


def test_importing_the_package_loads_no_library() -> None:
    code = "import sys, notthat, notthat.agent, notthat.generation, notthat.storage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"torch", "sqlalchemy", "pydantic", "PIL", "numpy", "langchain"}


def test_the_public_api() -> None:
    names = {"Conversation", "AsyncConversation", "NotthatError"}
    assert names | {"Exclude", "Allow", "Reweight", "SetPrompt", "Undo", "Reset", "Reroll"} <= set(notthat.__all__)
