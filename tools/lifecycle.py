"""lifecycle.py: the tables of docs/lifecycle.md, made from the code; with --write, put into the page.

tests/unit/test_lifecycle_page.py fails while the page and the code disagree.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from packhorse.domain.decide import Ack, decide
from packhorse.domain.outcome import (
    Cancel,
    ErrorInfo,
    Fail,
    Failure,
    Outcome,
    Retry,
    Skip,
    Success,
    Unknown,
    Unstarted,
    WorkerLost,
)
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import FINAL, INITIAL, TRANSITIONS, JobState
from packhorse.testing.samples import claimed_job

PAGE = Path(__file__).resolve().parent.parent / "docs" / "lifecycle.md"
BEGIN, END = "<!-- {}: made by tools/lifecycle.py from the code -->", "<!-- end -->"
POLICY = RetryPolicy(max_skips=2)
ERROR = ErrorInfo("ValueError", "…")

BLOCKED, SCHEDULED, AVAILABLE, EXECUTING = (
    *(JobState.BLOCKED, JobState.SCHEDULED),
    *(JobState.AVAILABLE, JobState.EXECUTING),
)
SUCCEEDED, FAILED, CANCELLED = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED

VERBS = {
    (BLOCKED, SCHEDULED): "release",
    (BLOCKED, AVAILABLE): "unpark, release",
    (BLOCKED, CANCELLED): "cancel",
    (SCHEDULED, AVAILABLE): "stage",
    (SCHEDULED, BLOCKED): "hold",
    (SCHEDULED, CANCELLED): "cancel",
    (AVAILABLE, EXECUTING): "claim",
    (AVAILABLE, BLOCKED): "park, hold",
    (AVAILABLE, CANCELLED): "cancel",
    (EXECUTING, AVAILABLE): "ack (handed back, rescued)",
    (EXECUTING, BLOCKED): "ack (unknown task)",
    (EXECUTING, SCHEDULED): "ack (retry, skip)",
    (EXECUTING, SUCCEEDED): "ack (success)",
    (EXECUTING, FAILED): "ack (fail)",
    (EXECUTING, CANCELLED): "ack (cancel)",
    (FAILED, AVAILABLE): "retry",
    (FAILED, BLOCKED): "retry (with a key)",
    (CANCELLED, AVAILABLE): "retry",
    (CANCELLED, BLOCKED): "retry (with a key)",
}
"""What moves a job along each arrow."""

OUTCOMES: list[tuple[str, Outcome, dict[str, int]]] = [
    ("it returns", Success(), {}),
    ("it raises an exception", Failure(ERROR), {}),
    ("the same, `max_attempts` reached", Failure(ERROR), {"failures": 4}),
    ("trouble that is nobody's fault (a deadlock)", Failure(ERROR, counted=False), {}),
    ("`Retry()`", Retry(), {}),
    ("`Retry(after=…)`", Retry(after=timedelta(seconds=90)), {}),
    ("`Retry`, `max_attempts` reached", Retry(), {"failures": 4}),
    ("`Skip()`", Skip(), {}),
    ("`Skip(after=…)`", Skip(after=timedelta(seconds=90)), {}),
    ("`Skip`, `max_skips` exceeded", Skip(), {"skips": 2}),
    ("`Fail()`", Fail(), {}),
    ("`Cancel()`", Cancel(), {}),
    ("claimed, handed back before it started", Unstarted(), {}),
    ("no live worker knows its task", Unknown("…"), {}),
    ("its worker died", WorkerLost("…"), {}),
    ("the same, for the third time", WorkerLost("…"), {"crashes": 2}),
]
"""How a run may end, and what the job has behind it."""


def transitions() -> str:
    """From each state (rows) to each other (columns), and by what."""
    rows = [[f"**{state}**", *(VERBS.get((state, after), "·") for after in JobState)] for state in JobState]
    return table(["from ╲ to", *JobState], rows)


def outcomes() -> str:
    """What follows from how a run ended."""
    return table(["the run", "then it is", "due", "counts"], [outcome_row(*outcome) for outcome in OUTCOMES])


def chart() -> str:
    """The same transitions as a drawing."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in JobState if state in INITIAL - {BLOCKED}]
    lines += [
        f"    {state} --> {after}: {VERBS[state, after]}"
        for state in JobState
        for after in JobState
        if after in TRANSITIONS[state]
    ]
    lines += [f"    {state} --> [*]" for state in JobState if state in FINAL]
    return "\n".join([*lines, "```"])


def outcome_row(name: str, outcome: Outcome, behind: dict[str, int]) -> list[str]:
    """One line of the table of outcomes, as `decide` says."""
    job = claimed_job(attempt=5, **behind)
    ack = decide(job, outcome, POLICY, 0.5)
    counters = ("attempt", "failures", "skips", "crashes")
    moved = [
        f"{counter} {getattr(ack, counter) - getattr(job, counter):+d}"
        for counter in counters
        if getattr(ack, counter) != getattr(job, counter)
    ]
    return [name, f"**{ack.state}**", due(ack), ", ".join(moved) or "-"]


def due(ack: Ack) -> str:
    """When it is due after this acknowledgement."""
    if ack.delay is None:
        return "at once" if ack.state is AVAILABLE else "-"
    asked = ack.delay == timedelta(seconds=90)
    return "as asked" if asked else f"in {ack.delay.total_seconds():g} s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PARTS = {"chart": chart, "transitions": transitions, "outcomes": outcomes}


def filled(page: str) -> str:
    """The page with its parts as the code has them.

    Raises:
        ValueError: the page lacks the place of one.
    """
    for name, part in PARTS.items():
        head, begin, rest = page.partition(BEGIN.format(name) + "\n")
        _, end, tail = rest.partition(END)
        if not begin or not end:
            raise ValueError(f"{PAGE.name} has no place for {name}")
        page = f"{head}{begin}{part()}\n{end}{tail}"
    return page


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n\n".join(part() for part in PARTS.values()))
