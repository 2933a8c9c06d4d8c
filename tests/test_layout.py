"""The layout of the package: what is packaged, what may import what, and the public names."""

import ast
import compileall
import importlib
import shutil
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
"""The packages that each package may import. All of them may import the modules of the root, such as `errors`."""


def list_modules() -> dict[str, Path]:
    """Module name -> file, for everything that is installed."""
    files = [*ROOT.glob("*.py"), *(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))]
    modules = {}
    for file in sorted(files):
        parts = file.relative_to(ROOT).with_suffix("").parts
        modules[".".join(["notthat", *(parts[:-1] if parts[-1] == "__init__" else parts)])] = file
    return modules


MODULES = list_modules()


def find_imports_at_load(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The import statements that run when a module is loaded: not those for type checkers or inside functions."""
    for node in body:
        if isinstance(node, ast.If):
            is_for_type_checkers = ast.unparse(node.test) == "TYPE_CHECKING"
            yield from find_imports_at_load(node.orelse if is_for_type_checkers else [*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from find_imports_at_load([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With | ast.ClassDef):
            yield from find_imports_at_load(node.body)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def resolve_import(node: ast.AST, importer: str) -> Iterator[str]:
    """The modules of notthat that an import statement of the module `importer` names."""
    if isinstance(node, ast.Import):
        targets = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        package = importer if MODULES[importer].name == "__init__.py" else importer.rpartition(".")[0]
        base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
        base = ".".join(part for part in (base, node.module) if part)
        names = [f"{base}.{alias.name}" for alias in node.names]
        targets = [name if name in MODULES else base for name in names]
    else:
        targets = []
    return (target for target in targets if target in MODULES and target != importer)


def parse(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def top_package(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_every_package_is_packaged() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = [name for name, file in MODULES.items() if file.name == "__init__.py"]
    assert sorted(listed) == sorted(found)


def test_every_folder_with_code_is_a_package() -> None:
    assert not [file.parent for file in MODULES.values() if not (file.parent / "__init__.py").is_file()]


def test_imports_point_downwards_only() -> None:
    """Those inside functions and for type checkers, too."""
    imports = [
        (name, target) for name in MODULES for node in ast.walk(parse(name)) for target in resolve_import(node, name)
    ]
    assert len(imports) > len(MODULES)
    assert not [
        f"{name} -> {target}"
        for name, target in imports
        if top_package(name) in PACKAGES
        and top_package(target) in PACKAGES
        and top_package(target) not in MAY_IMPORT[top_package(name)]
    ]


def test_no_import_cycles() -> None:
    graph = {
        name: {target for node in find_imports_at_load(parse(name).body) for target in resolve_import(node, name)}
        for name in MODULES
    }
    visited, cycles = set[str](), []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            cycles.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in visited:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            visited.add(name)

    for name in graph:
        visit(name, ())
    assert not cycles


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith(("__main__", "migrations.env"))])
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
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(process.stdout.split()) & {"torch", "sqlalchemy", "pydantic", "PIL", "numpy", "langchain"}


def test_a_package_without_its_source_says_so(tmp_path: Path) -> None:
    package = tmp_path / "notthat"
    package.mkdir()
    for name in ("__init__.py", "_lazy.py"):
        shutil.copy(ROOT / name, package)
    compileall.compile_dir(package, quiet=1, legacy=True)
    for file in package.glob("*.py"):
        file.unlink()
    process = subprocess.run([sys.executable, "-c", "import notthat"], cwd=tmp_path, capture_output=True, text=True)
    assert "notthat has no source file" in process.stderr


def test_the_public_api() -> None:
    names = {"Conversation", "AsyncConversation", "NotthatError"}
    assert names | {"Exclude", "Allow", "Reweight", "SetPrompt", "Undo", "Reset", "Reroll"} <= set(notthat.__all__)
