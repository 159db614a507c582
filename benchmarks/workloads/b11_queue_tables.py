"""B11: rows of a queue table."""

from __future__ import annotations

from benchmarks.workload import Workload

WORKLOAD = Workload(
    id="B11",
    title="Queue table rows, delete and return, one UPDATE each, batches of 16 on two threads, PostgreSQL",
    metric="rows_per_s",
    cases=lambda stage: (),
    missing="There are no queue tables yet.",
)
