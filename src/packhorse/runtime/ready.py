"""Making jobs available whose time, task or turn has come: every worker does it, in the round trip before its claim."""

from __future__ import annotations

from collections.abc import Collection

from packhorse.engine import Engine, Glance
from packhorse.runtime.turns import Settler

STAGE_LIMIT = 500
UNPARK_LIMIT = 5000


def make_ready(engine: Engine, settler: Settler, glance: Glance, known: Collection[str]) -> int:
    """Stage what is due, unpark what this worker knows, settle whose turn it is; of how many jobs it is settled."""
    made = 0
    if glance.due_in is not None and glance.due_in.total_seconds() <= 0:
        made += engine.stage_jobs(STAGE_LIMIT)
    if tasks := [task for task in glance.parked_tasks if task in known]:
        made += engine.unpark_jobs(tasks, UNPARK_LIMIT)
    if glance.has_turns:
        made += settler.settle()
    return made
