"""Django's migrations of Packhorse go along with its own."""

import ast
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE

OURS = sorted((PACKAGE / "engines/sqlite/migrations").glob("*.sql"))
DJANGOS = sorted((PACKAGE / "integrations/django/migrations").glob("0*.py"))


def assigned(path: Path, name: str) -> str:
    """What a migration's class says for that name."""
    for node in ast.walk(ast.parse(path.read_text())):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert node.value is not None
            return ast.unparse(node.value)
    raise AssertionError(f"{path.name} says nothing of {name}")


def test_each_migration_has_one_of_djangos() -> None:
    """Of the same number and name, so that `migrate` brings whatever `packhorse migrate up` brings."""
    assert [one.stem for one in DJANGOS] == [f"0{one.stem}" for one in OURS]


@pytest.mark.parametrize("path", DJANGOS, ids=lambda path: path.stem)
def test_each_runs_its_own_number_behind_the_one_before(path: Path) -> None:
    """On connections and in transactions of the engine's own, not in one of Django's."""
    place = DJANGOS.index(path)
    before = f"(('packhorse', '{DJANGOS[place - 1].stem}'),)" if place else "()"
    assert assigned(path, "dependencies") == before
    assert assigned(path, "operations").startswith(f"(BringUp({place + 1}),")
    assert assigned(path, "atomic") == "False"
