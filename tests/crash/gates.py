"""Gates between a test and the handlers of its worker process: each run waits at one of its own, a file."""

from pathlib import Path

from tests.waiting import wait_until

FAILS = "fails"


def gate_of(traces: Path, job: int, lease: int) -> Path:
    """The gate of one run of one job, beside the file of traces; it is open when it exists."""
    return traces.with_name(f"gate-{job}-{lease}")


def open_gate(gate: Path, failing: bool) -> None:
    """Let the run end, well or as a failure."""
    closed = gate.with_suffix(".closed")
    closed.write_text(FAILS if failing else "")
    closed.rename(gate)


def pass_gate(gate: Path) -> bool:
    """Wait until it is open; whether the run is to fail."""
    wait_until(gate.exists, 60, "the gate to open")
    return gate.read_text() == FAILS
