"""What commands tell of work packages: their parameters, and what has become of their records."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packhorse.cli.records import decoded
from packhorse.domain.package import NOT_DONE, Element, Outcome, PackageRecord
from packhorse.errors import PayloadError

if TYPE_CHECKING:
    from packhorse.app import Packhorse

SHOWN = 10
"""How many records that are not done are listed for people."""
LISTED = 1000
"""How many of them a program gets."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A package, and the first of its records that are not done."""

    package: PackageRecord
    open: Sequence[Element]


def find_package(app: Packhorse, id: int) -> Shown | None:
    """What there is to tell of a job that is a package; None of another one."""
    package = app.find_package(id)
    return None if package is None else Shown(package, app.list_records(id, *NOT_DONE, limit=LISTED))


def package_document(shown: Shown | None) -> dict[str, Any]:
    """For programs: `package`, null for a job that is none."""
    if shown is None:
        return {"package": None}
    counts = {outcome or "open": count for outcome, count in shown.package.counts.items()}
    return {
        "package": {
            "parameters": decoded(shown.package.parameters_text),
            "correlation": shown.package.correlation,
            "records": counts,
            "open": [{**dataclasses.asdict(element), "record": str(element.record)} for element in shown.open],
        }
    }


def package_texts(shown: Shown | None) -> dict[str, str | None]:
    """For people, by label."""
    if shown is None:
        return {}
    return {
        "parameters": _parameters_text(shown.package),
        "correlation": shown.package.correlation,
        "records": _counts_text(shown.package),
        "not done": _open_text(shown),
    }


def _parameters_text(package: PackageRecord) -> str | None:
    """`day=2026-11-23, rate=1.10`; what can't be read stays as it is."""
    try:
        parameters = package.parameters
    except PayloadError:
        return package.parameters_text
    return ", ".join(f"{name}={value}" for name, value in parameters.items()) or None


def _counts_text(package: PackageRecord) -> str:
    """`4,812 done, 12 failed, 3 skipped, 7 to do`."""
    names: Mapping[Outcome | None, str] = {"done": "done", "failed": "failed", "skipped": "skipped", None: "to do"}
    said = [f"{package.counts[outcome]:,} {name}" for outcome, name in names.items() if package.counts.get(outcome)]
    return ", ".join(said) or "none"


def _open_text(shown: Shown) -> str | None:
    lines = [f"{element.record}{_why(element)}" for element in shown.open[:SHOWN]]
    left = sum(count for outcome, count in shown.package.counts.items() if outcome != "done") - len(lines)
    return "\n".join([*lines, *([f"and {left:,} more"] if left > 0 else [])]) or None


def _why(element: Element) -> str:
    if element.outcome is None:
        return ""
    return f"  {element.outcome}{f': {element.reason}' if element.reason else ''}"
