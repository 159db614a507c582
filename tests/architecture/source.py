"""The project's files, as the architecture tests read them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "packhorse"
TESTS = ROOT / "tests"
FOLDERS = (".ci", "benchmarks", "docs", "examples", "src", "tests", "tools")
"""What the project consists of, beside the files in its root."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(folder: Path) -> list[Path]:
    """All Python files under a folder, in order."""
    return sorted(folder.rglob("*.py"))


def project_files() -> Iterator[Path]:
    """Every text file of the project; what tools and tests leave behind is not among them."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


@cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(), str(path))


def functions_of(path: Path) -> Iterator[FunctionNode]:
    """Every function and method of a file, nested ones too."""
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, FunctionNode))


def place(path: Path, line: int | None = None) -> str:
    """Where in the project: `src/packhorse/app.py:12`."""
    name = str(path.relative_to(ROOT))
    return name if line is None else f"{name}:{line}"
