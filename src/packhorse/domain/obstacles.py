"""What a job's queue and the workers put in its way, each in a plain sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import timedelta

from packhorse.domain.durations import duration
from packhorse.domain.explanation import ALONE, Facts, LoadProblem, Reason, WorkerFacts
from packhorse.domain.queue import RateLimit

MOST_NAMED = 3
"""How many workers, or similar tasks, are named."""


def in_its_queue(facts: Facts) -> Iterator[Reason]:
    """What keeps every job of the queue, or all of its priority, from being claimed."""
    job, queue = facts.job, facts.queue
    if queue.paused_at is not None:
        by = f" by {queue.paused_by}" if queue.paused_by else ""
        why = f" ({queue.paused_reason})" if queue.paused_reason else ""
        since = duration(max(timedelta(0), facts.now - queue.paused_at))
        text = f"its queue {job.queue} has been paused{by} for {since}{why}"
        yield Reason(code="paused", text=text, advice=f"`packhorse queues resume {job.queue}`")
    if queue.priority_floor is not None and job.priority > queue.priority_floor:
        text = f"its priority {job.priority} is below the floor {queue.priority_floor} of its queue {job.queue}"
        yield Reason(
            code="floor", text=text, advice=f"`packhorse queues set {job.queue} priority_floor={job.priority}`"
        )


def of_workers(facts: Facts) -> Iterator[Reason]:
    """What is wanting of the workers."""
    job = facts.job
    alive = [one for one in facts.workers if one.is_alive(facts.now)]
    serving = [one for one in alive if one.serves(job.queue)]
    knowing = [one for one in alive if one.knows_task]
    if not alive:
        yield Reason(code="no_worker", text="no worker is alive", advice=f"`packhorse worker -q {job.queue}`")
        return
    if not serving:
        text = f"no live worker serves the queue {job.queue}; {_who(alive, 'serve')} others"
        yield Reason(code="no_worker_for_queue", text=text, advice=f"`packhorse worker -q {job.queue}`")
    if not knowing:
        yield _unknown(facts, alive)
    elif serving and not any(one.knows_task for one in serving):
        text = f"{_who(serving, 'serve')} its queue {job.queue} without knowing the task {job.task}"
        text += f"; {_who(knowing, 'know')} it without serving the queue"
        yield Reason(code="no_worker_for_both", text=text, advice=f"`packhorse worker -q {job.queue}`")


def in_its_way(facts: Facts, ahead: int) -> Iterator[Reason]:
    """What lets jobs of the queue start only one after the other, for an available job with so many before it."""
    yield from _limits(facts, ahead)
    yield from _slots(facts)
    yield from _alone(facts)
    if facts.job.crashes:
        times = "once" if facts.job.crashes == 1 else f"{facts.job.crashes} times"
        text = f"it was held {times} by a worker that died, so it runs alone, when the worker's other jobs have ended"
        yield Reason(code="suspect", text=text)
    elif facts.suspects:
        text = f"{facts.suspects:,} of the jobs before it lost their worker, and each of them runs alone"
        yield Reason(code="suspects_first", text=text)


def _limits(facts: Facts, ahead: int) -> Iterator[Reason]:
    name, queue = facts.job.queue, facts.queue
    more = f", and {ahead:,} are before it" if ahead else ""
    if queue.max_running is not None and ahead >= queue.max_running - queue.running:
        text = f"the queue {name} runs {queue.running:,} of at most {queue.max_running:,} jobs (max_running){more}"
        advice = f"`packhorse queues set {name} max_running={queue.max_running * 2}`"
        yield Reason(code="max_running", text=text, advice=advice)
    if queue.rate_count is not None and ahead >= queue.rate_count - queue.started:
        rate = RateLimit(queue.rate_count, queue.rate_period)
        text = f"the queue {name} has started {queue.started:,} of its rate of {rate}{more}"
        if queue.next_at is not None and queue.next_at > facts.now:
            text += f"; the next may start in {duration(queue.next_at - facts.now)}"
        yield Reason(code="rate", text=text)


def _slots(facts: Facts) -> Iterator[Reason]:
    slots, job, fitting = facts.queue.slots, facts.job, _fitting(facts)
    if slots is not None and fitting and all(one.record.executing >= slots for one in fitting):
        text = f"{_who(fitting, 'hold')} as many jobs of the queue {job.queue} as allowed: {slots} (slots)"
        yield Reason(code="slots", text=text, advice=f"`packhorse queues set {job.queue} slots={slots * 2}`")


def _alone(facts: Facts) -> Iterator[Reason]:
    fitting = _fitting(facts)
    jobs = sorted(one.runs_alone for one in fitting if one.runs_alone is not None)
    if jobs and len(jobs) == len(fitting):
        what = f"job {jobs[0]}" if len(jobs) == 1 else "a job"
        text = f"{_who(fitting, 'run')} {what} alone, because a worker that held it died, for {duration(ALONE)} at most"
        yield Reason(code="alone", text=text)


def _fitting(facts: Facts) -> list[WorkerFacts]:
    """The workers that could take it."""
    queue = facts.job.queue
    return [one for one in facts.workers if one.is_alive(facts.now) and one.serves(queue) and one.knows_task]


def _unknown(facts: Facts, alive: Sequence[WorkerFacts]) -> Reason:
    task = facts.job.task
    if problem := next((one for one in facts.load_problems if _is_in(task, one)), None):
        text = f"its task {task} is in a module that can't be imported on {problem.host}: {problem.error}"
        return Reason(code="unloadable", text=text, advice="it comes back when the module is mended")
    workers = "1 worker is" if len(alive) == 1 else f"{len(alive)} workers are"
    text = f"no live worker knows the task {task}; {workers} alive"
    if close := difflib.get_close_matches(task, facts.other_tasks, n=MOST_NAMED):
        text += f" and know{'s' if len(alive) == 1 else ''} the similar {' and '.join(close)}"
    return Reason(code="unknown_task", text=text, advice="start a worker with the code that has the task")


def _is_in(task: str, problem: LoadProblem) -> bool:
    return task.startswith(f"{problem.module}.")


def _who(workers: Sequence[WorkerFacts], verb: str) -> str:
    """The workers by name, and what they do."""
    names = sorted(one.record.name for one in workers)
    if len(names) == 1:
        return f"{names[0]} {verb}s"
    if len(names) <= MOST_NAMED:
        return f"{', '.join(names[:-1])} and {names[-1]} {verb}"
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more {verb}"
