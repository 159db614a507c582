"""All workloads, in order."""

from __future__ import annotations

from benchmarks.workload import Workload
from benchmarks.workloads import b01_drain, b02_sqlite, b04_bulk, b05_latency

WORKLOADS: tuple[Workload, ...] = (
    b01_drain.WORKLOAD,
    b02_sqlite.WORKLOAD,
    b04_bulk.WORKLOAD,
    b05_latency.WORKLOAD,
)
