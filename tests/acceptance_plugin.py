"""Which promised behaviours the tests show, and whether they hold on each engine and transport.

A test names them by `@pytest.mark.accepts("C5", "C6")`. With `--acceptance write` a run of the tests leaves
build/acceptance.json and docs/acceptance.md; with `--acceptance print` it also prints the table.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance_ids import CRITERIA, SECTIONS, TRANSPORTS, Criterion
from tests.engines import ENGINES, engines_of

COMPLETE_RUNS = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "beanstalkd": "Beanstalkd"}
INTRODUCTION = """\
# What works

Every promised behaviour, how many tests show it, and whether they pass on each engine or transport. A behaviour with
`none` is open there: no test shows it yet; `n/a` does not apply. `make test` and `make acceptance` generate this page.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--acceptance`."""
    parser.addoption("--acceptance", choices=["write", "print"], help="report on the acceptance IDs of the tests run")


def pytest_configure(config: pytest.Config) -> None:
    """Report from the process that sees all results."""
    how = config.getoption("acceptance")
    if how is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(AcceptanceReport(config.rootpath, is_printed=how == "print"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse marks that name what does not exist, as an error of the test's collection."""
    if unknown := set(_ids(metafunc.definition)) - set(CRITERIA):
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(f"{where}: no such ID in tests/acceptance_ids.py: {sorted(unknown)}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send the IDs along with each test's results, also between xdist's processes."""
    for item in items:
        if ids := _ids(item):
            item.user_properties.append(("accepts", " ".join(ids)))
            item.user_properties.append(("backends", " ".join(sorted(_backends(item)))))


class AcceptanceReport:
    """What the tests of one run say about each criterion.

    Args:
        root: the project's folder.
        is_printed: whether the terminal shows the table too.
    """

    def __init__(self, root: Path, *, is_printed: bool) -> None:
        self._root = root
        self._is_printed = is_printed
        self._tests: defaultdict[str, set[str]] = defaultdict(set)
        self._states: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the result of one phase of one test."""
        properties = dict(report.user_properties)
        for one in str(properties.get("accepts", "")).split():
            self._tests[one].add(report.nodeid.partition("[")[0])
            for backend in str(properties["backends"]).split():
                self._states[one, backend].add(_state(report))

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write both files after a run that was not broken off."""
        if exitstatus not in COMPLETE_RUNS:
            return
        rows = {one.id: self.row(one) for one in CRITERIA.values()}
        _write(self._root / "build" / "acceptance.json", json.dumps(rows, indent=2) + "\n")
        _write(self._root / "docs" / "acceptance.md", "\n".join([INTRODUCTION, *self._table(), *self._list()]) + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table when asked to."""
        if self._is_printed:
            terminalreporter.section("acceptance")
            for one in CRITERIA.values():
                states = "  ".join(f"{NAMES[name]} {self.state(one, name):7}" for name in one.backends)
                terminalreporter.line(f"{one.id:4} {len(self._tests[one.id]):3} tests  {one.title:76} {states}")

    def row(self, criterion: Criterion) -> dict[str, int | str]:
        """The criterion's entry in build/acceptance.json."""
        shown = [name for name in TRANSPORTS if name in ENGINES or name in criterion.backends]
        return {"tests": len(self._tests[criterion.id])} | {name: self.state(criterion, name) for name in shown}

    def state(self, criterion: Criterion, backend: str) -> str:
        """`passed`, `failed`, `none` or `n/a`; one failure outweighs any number of passes."""
        if backend not in criterion.backends:
            return "n/a"
        seen = self._states[criterion.id, backend]
        return next((state for state in ("failed", "passed") if state in seen), "none")

    def _table(self) -> Iterator[str]:
        for section, criteria in SECTIONS.items():
            yield f"## {section}\n"
            yield f"| ID | What works | Tests | {' | '.join(NAMES.values())} |"
            yield "|---|---|---|---|---|---|"
            for one in criteria:
                states = " | ".join(self.state(one, name) for name in NAMES)
                yield f"| {one.id} | {one.title} | {len(self._tests[one.id])} | {states} |"
            yield ""

    def _list(self) -> Iterator[str]:
        yield "## The tests\n"
        for one in CRITERIA.values():
            if self._tests[one.id]:
                yield f"**{one.id} {one.title}**\n"
                yield from (f"- `{test}`" for test in sorted(self._tests[one.id]))
                yield ""


def _ids(item: pytest.Item) -> list[str]:
    return sorted({str(one) for mark in item.iter_markers("accepts") for one in mark.args})


def _backends(item: pytest.Item) -> set[str]:
    """Where the test ran; one that names no engine and no transport shows its behaviour for all of them."""
    parameters = getattr(item, "callspec", None)
    if parameters is not None and "transport_name" in parameters.params:
        return {str(parameters.params["transport_name"])}
    is_bound = item.get_closest_marker("engines") or (parameters and "engine_name" in parameters.params)
    return set(engines_of(item)) if is_bound else set(TRANSPORTS)


def _state(report: pytest.TestReport) -> str:
    if report.failed:
        return "failed"
    return "passed" if report.when == "call" and report.passed else "none"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
