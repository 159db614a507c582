"""B12: messages through beanstalkd."""

from __future__ import annotations

from benchmarks.workload import Workload

WORKLOAD = Workload(
    id="B12",
    title="Messages through beanstalkd, published and handled",
    metric="messages_per_s",
    cases=lambda stage: (),
    missing="There are no messages yet.",
)
