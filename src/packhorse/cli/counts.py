"""Numbers of jobs as commands show them: a count that stopped somewhere says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packhorse.domain.state import JobState
    from packhorse.engine import QueueRecord


def counts_document(queue: QueueRecord) -> dict[str, Any]:
    """A queue's counts in a JSON object: exact ones, but for the states that `at_least` names, which have more jobs."""
    return {"counts": dict(queue.counts), "at_least": sorted(queue.at_least), "ended": _in_order(queue)}


def total_document(queues: Sequence[QueueRecord]) -> dict[str, Any]:
    """The same of all queues together, with the counts as `states`."""
    from packhorse.domain.state import JobState

    return {
        "states": {state.value: sum(queue.counts[state] for queue in queues) for state in JobState},
        "at_least": sorted({state for queue in queues for state in queue.at_least}),
        "ended": {
            state.value: sum(queue.ended.get(state, 0) for queue in queues) for state in JobState if state.is_final
        },
    }


def shown_counts(counts: Mapping[JobState, int] | Mapping[str, int], at_least: Collection[str]) -> list[str]:
    """A queue's counts as the cells of a table: `12`, `>25,000`."""
    return [f"{'>' if state in at_least else ''}{count:,}" for state, count in counts.items()]


def shown_count(state: str, count: int, at_least: Collection[str]) -> str:
    """A count in a sentence: `12`, `more than 25,000`."""
    return f"more than {count:,}" if state in at_least else f"{count:,}"


def _in_order(queue: QueueRecord) -> dict[str, int]:
    return {state.value: queue.ended.get(state, 0) for state in queue.counts if state.is_final}
