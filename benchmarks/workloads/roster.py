"""All workloads, in order."""

from __future__ import annotations

from benchmarks.workload import Workload
from benchmarks.workloads import (
    b01_drain,
    b02_sqlite,
    b03_enqueue,
    b04_bulk,
    b05_latency,
    b06_depth,
    b07_pinned,
    b08_cost,
    b09_atomic,
    b10_naps,
    b11_queue_tables,
    b12_messages,
    b13_idle,
    b14_soak,
)

WORKLOADS: tuple[Workload, ...] = tuple(
    module.WORKLOAD
    for module in (
        b01_drain,
        b02_sqlite,
        b03_enqueue,
        b04_bulk,
        b05_latency,
        b06_depth,
        b07_pinned,
        b08_cost,
        b09_atomic,
        b10_naps,
        b11_queue_tables,
        b12_messages,
        b13_idle,
        b14_soak,
    )
)
