"""A module of tasks that can't be imported is set aside and reported; others go on, and its jobs come back with it."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from packhorse.runtime import loader
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("M13")

GOOD = """
from packhorse_module_tests import app

@app.task(name="{name}.work")
def work() -> str:
    return "{name}"
"""
HALF_WAY = GOOD + "\nimport a_module_that_nobody_has\n"
_numbers = itertools.count(1)


@pytest.fixture
def app(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """An application that modules can import."""
    app = Packhorse(database_url)
    app.engine.migrate()
    monkeypatch.setitem(sys.modules, "packhorse_module_tests", type(sys)("packhorse_module_tests"))
    sys.modules["packhorse_module_tests"].app = app  # type: ignore[attr-defined]
    monkeypatch.setattr(loader, "RETRY_SECONDS", 0.05)
    yield app
    app.close()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Writes a module, by its new name or again by that which it returned."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names: list[str] = []

    def write_module(name: str, text: str) -> str:
        full = name if name in names else f"{name}_{next(_numbers)}"
        names.append(full)
        (tmp_path / f"{full}.py").write_text(text.format(name=full))
        return full

    yield write_module
    for name in names:
        sys.modules.pop(name, None)


def test_others_go_on_and_its_jobs_come_back(app: Packhorse, write: Callable[[str, str], str]) -> None:
    """Blocked meanwhile, with no attempt used; without a restart they run when the module is mended."""
    good, broken = write("good", GOOD), write("broken", HALF_WAY)
    app.include(good, broken)
    waiting = app.enqueue(f"{broken}.work")
    with working(app):
        done = wait_for(app, app.enqueue(f"{good}.work").id)
        parked = wait_for(app, waiting.id, JobState.BLOCKED)
        assert (done.state, parked.attempt) == (JobState.SUCCEEDED, 0)
        assert app.registry.find(f"{broken}.work") is None
        write(broken, GOOD)
        back = wait_for(app, waiting.id)
        assert (back.state, back.attempt) == (JobState.SUCCEEDED, 1)
        wait_until(lambda: not app.list_load_failures(), what="the report to go")


def test_the_failure_is_reported_with_its_times(app: Packhorse, write: Callable[[str, str], str]) -> None:
    """Which module, where, why, since when and how often; for whoever looks from outside."""
    broken = write("broken", HALF_WAY)
    app.include(broken)
    with working(app):
        wait_until(lambda: any(one.hits > 2 for one in app.list_load_failures()), what="some tries")
        [failure] = app.list_load_failures()
        assert failure.module == broken
        assert "No module named 'a_module_that_nobody_has'" in failure.error
        assert f"{broken}.py:8" in failure.error
        assert failure.first_at < failure.last_at


def test_a_failure_is_logged_once(
    app: Packhorse, write: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    """Not at every try; and again when it fails for another reason."""
    broken = write("broken", HALF_WAY)
    app.include(broken)
    with working(app):
        wait_until(lambda: any(one.hits > 2 for one in app.list_load_failures()), what="some tries")
        write(broken, "this is no Python")
        wait_until(lambda: "SyntaxError" in caplog.text, what="the other reason")
    told = [record.getMessage() for record in caplog.records if "can't be imported" in record.getMessage()]
    assert len(told) == 2, told


def test_whatever_a_module_raises_is_a_failure(app: Packhorse, write: Callable[[str, str], str]) -> None:
    """Also what would end the process."""
    broken = write("broken", "raise SystemExit(3)")
    app.include(broken)
    app.modules.load()
    assert app.modules.failures[broken].startswith("SystemExit: 3")


def test_what_a_broken_module_has_imported_stays(app: Packhorse, write: Callable[[str, str], str]) -> None:
    """Another module's tasks are known, though only the broken one has asked for it; nothing is registered twice."""
    other = write("other", GOOD)
    broken = write("broken", f"import {other}\n{HALF_WAY}")
    app.include(broken)
    app.modules.load()
    assert app.registry.names() == [f"{other}.work"]
    write(broken, f"import {other}\n{GOOD}")
    assert app.modules.load() == [broken]
    assert app.registry.names() == sorted([f"{broken}.work", f"{other}.work"])


def test_inline_jobs_know_the_included_modules(database_url: str, write: Callable[[str, str], str]) -> None:
    """Where no worker runs them."""
    app = Packhorse(database_url, worker="inline")
    app.engine.migrate()
    sys.modules["packhorse_module_tests"] = type(sys)("packhorse_module_tests")
    sys.modules["packhorse_module_tests"].app = app  # type: ignore[attr-defined]
    good = write("good", GOOD)
    app.include(good)
    assert app.enqueue(f"{good}.work").result() == good
    app.close()
    del sys.modules["packhorse_module_tests"]
