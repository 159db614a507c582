"""The protocol of claims, leases, acknowledgements and rescue, checked in every order in which things can happen.

A model with two workers, two jobs and three attempts is followed through all its states, breadth first. Workers crash
or stop for longer than their lease and go on, at any moment; messages to the database arrive as late as they like, or
twice; the server may forget a claim that it had not yet flushed. The same search must find the fault in each weakened
protocol.

A worker that is stopped needs no state of its own: no step has to be taken at any time, so every worker is stopped as
often and as long as can be. What the stop adds is that its heartbeat may expire while it lives (`pauses`).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest

UP, DOWN = "up", "down"
AVAILABLE, EXECUTING, SUCCEEDED, FAILED = "available", "executing", "succeeded", "failed"
RAN, CRASHED = "ran", "crashed"
FRESH, EXPIRED, GONE = "fresh", "expired", "gone"
ATTEMPTS = 3


@dataclass(frozen=True)
class Protocol:
    """Which parts of the protocol are in force; the real one has all of them."""

    ack_names_worker: bool = True
    ack_names_number: bool = True
    number_is_the_workers_own: bool = True
    """False: the number is the attempt that the database counts."""
    restart_takes_new_incarnation: bool = True
    holders_without_row_are_lost: bool = True
    rescue_names_lease: bool = True


class Lease(NamedTuple):
    """As in the product."""

    worker: int
    number: int


class Job(NamedTuple):
    """A row, and beside it the run that it belongs to in truth, which the database doesn't know."""

    state: str = AVAILABLE
    attempt: int = 0
    lease: Lease | None = None
    run: int = 0


class Worker(NamedTuple):
    """A process, for each job what it holds of it (lease, run), and its own count of its claims.

    It counts for each job apart: only numbers of the same job are ever compared.
    """

    mode: str
    incarnation: int
    hands: tuple[tuple[Lease, int] | None, ...]
    counts: tuple[int, ...]


class Mail(NamedTuple):
    """An acknowledgement on its way to the database, of a worker or of a rescuer."""

    job: int
    lease: Lease
    run: int
    how: str


class State(NamedTuple):
    """All there is, with the faults that may still happen."""

    jobs: tuple[Job, ...]
    workers: tuple[Worker, ...]
    rows: tuple[str, ...]
    mail: frozenset[Mail]
    crashes: int
    pauses: int
    forgets: int
    repeats: int


class Fault(Exception):
    """A state that must never be reached."""


@dataclass(frozen=True)
class Model:
    """The steps that the protocol allows."""

    protocol: Protocol
    start: State

    def following(self, state: State) -> Iterator[State]:
        """Every state that one step leads to."""
        for number, worker in enumerate(state.workers):
            yield from self._work(state, number, worker)
            yield from self._go_wrong(state, number, worker)
        for incarnation in range(len(state.rows)):
            yield from self._give_up(state, incarnation)
        for mail in state.mail:
            yield from self._deliver(state, mail)
        yield from self._forget(state)

    def _work(self, state: State, number: int, worker: Worker) -> Iterator[State]:
        if worker.mode != UP:
            return
        for index, job in enumerate(state.jobs):
            if job.state == AVAILABLE and worker.hands[index] is None:
                yield self._claim(state, number, worker, index)
            if worker.hands[index] is not None:
                yield from self._finish(state, number, worker, index)

    def _claim(self, state: State, number: int, worker: Worker, index: int) -> State:
        job = state.jobs[index]
        count = (worker.counts[index] if self.protocol.number_is_the_workers_own else job.attempt) + 1
        lease = Lease(worker.incarnation, count)
        claimed = Job(EXECUTING, job.attempt + 1, lease, job.run + 1)
        holding = worker._replace(
            hands=_put(worker.hands, index, (lease, claimed.run)), counts=_put(worker.counts, index, count)
        )
        return state._replace(jobs=_put(state.jobs, index, claimed), workers=_put(state.workers, number, holding))

    def _finish(self, state: State, number: int, worker: Worker, index: int) -> Iterator[State]:
        held = worker.hands[index]
        assert held is not None
        empty = worker._replace(hands=_put(worker.hands, index, None))
        yield state._replace(workers=_put(state.workers, number, empty), mail=state.mail | {Mail(index, *held, RAN)})

    def _go_wrong(self, state: State, number: int, worker: Worker) -> Iterator[State]:
        if worker.mode == UP and state.pauses and state.rows[worker.incarnation] == FRESH:
            yield state._replace(rows=_put(state.rows, worker.incarnation, EXPIRED), pauses=state.pauses - 1)
        if worker.mode == UP and state.crashes:
            dead = Worker(DOWN, worker.incarnation, (None,) * len(state.jobs), (0,) * len(state.jobs))
            yield state._replace(workers=_put(state.workers, number, dead), crashes=state.crashes - 1)
        if worker.mode == DOWN:
            yield self._restart(state, number, worker)

    def _restart(self, state: State, number: int, worker: Worker) -> State:
        if not self.protocol.restart_takes_new_incarnation:
            again = worker._replace(mode=UP)
            rows = _put(state.rows, worker.incarnation, FRESH)
            return state._replace(workers=_put(state.workers, number, again), rows=rows)
        new = worker._replace(mode=UP, incarnation=len(state.rows))
        return state._replace(workers=_put(state.workers, number, new), rows=(*state.rows, FRESH))

    def _give_up(self, state: State, incarnation: int) -> Iterator[State]:
        row = state.rows[incarnation]
        held = [n for n, job in enumerate(state.jobs) if job.lease and job.lease.worker == incarnation]
        beating = any(worker.mode == UP and worker.incarnation == incarnation for worker in state.workers)
        if row == FRESH and not beating:
            yield state._replace(rows=_put(state.rows, incarnation, EXPIRED))
        if row == EXPIRED and not held:
            yield state._replace(rows=_put(state.rows, incarnation, GONE))
        if row == EXPIRED or (row == GONE and self.protocol.holders_without_row_are_lost):
            for index in held:
                job = state.jobs[index]
                assert job.lease is not None
                yield state._replace(mail=state.mail | {Mail(index, job.lease, job.run, CRASHED)})

    def _deliver(self, state: State, mail: Mail) -> Iterator[State]:
        job = state.jobs[mail.job]
        taken = state._replace(mail=state.mail - {mail})
        again = state._replace(repeats=state.repeats - 1)  # the answer was lost: it is sent once more
        for before in (taken, again) if state.repeats else (taken,):
            if not self._is_accepted(job, mail):
                yield before
            elif mail.run != job.run:
                raise Fault(f"run {mail.run} was acknowledged as if it were run {job.run}: {mail} on {job}")
            else:
                yield from _settle(before, mail)

    def _is_accepted(self, job: Job, mail: Mail) -> bool:
        if job.state != EXECUTING or job.lease is None:
            return False
        if mail.how == CRASHED and not self.protocol.rescue_names_lease:
            return True
        same_worker = job.lease.worker == mail.lease.worker or not self.protocol.ack_names_worker
        same_number = job.lease.number == mail.lease.number or not self.protocol.ack_names_number
        return same_worker and same_number

    def _forget(self, state: State) -> Iterator[State]:
        if not state.forgets:
            return
        for index, job in enumerate(state.jobs):
            if job.state == EXECUTING:
                before = Job(AVAILABLE, job.attempt - 1, None, job.run)
                yield state._replace(jobs=_put(state.jobs, index, before), forgets=state.forgets - 1)


def _put(items: tuple, index: int, item: object) -> tuple:  # type: ignore[type-arg]
    return (*items[:index], item, *items[index + 1 :])


def _settle(state: State, mail: Mail) -> Iterator[State]:
    """An accepted acknowledgement: the run may have succeeded, or is repeated while there are attempts left."""
    job = state.jobs[mail.job]
    if mail.how == RAN:
        yield _finished(state, mail.job, job._replace(state=SUCCEEDED, lease=None))
    if job.attempt < ATTEMPTS:
        yield state._replace(jobs=_put(state.jobs, mail.job, job._replace(state=AVAILABLE, lease=None)))
    else:
        yield _finished(state, mail.job, job._replace(state=FAILED, lease=None))


def _finished(state: State, index: int, job: Job) -> State:
    """What is still held or under way for a job that is no longer executing can't change it: it is left out."""
    workers = tuple(
        worker._replace(hands=_put(worker.hands, index, None), counts=_put(worker.counts, index, 0))
        for worker in state.workers
    )
    mail = frozenset(mail for mail in state.mail if mail.job != index)
    return state._replace(jobs=_put(state.jobs, index, job._replace(attempt=0, run=0)), workers=workers, mail=mail)


def model(protocol: Protocol, *, jobs: int, **faults: int) -> Model:
    """Two workers that have just started, jobs that wait, and how many faults of each kind may happen."""
    workers = tuple(Worker(UP, number, (None,) * jobs, (0,) * jobs) for number in range(2))
    budget = {"crashes": 0, "pauses": 0, "forgets": 0, "repeats": 0, **faults}
    return Model(protocol, State((Job(),) * jobs, workers, (FRESH, FRESH), frozenset(), **budget))


def explore(model: Model) -> dict[State, set[State]]:
    """Every state that can be reached, with the states one step before it.

    Raises:
        Fault: an acknowledgement was accepted from a run that was not the job's current one.
    """
    before: dict[State, set[State]] = {model.start: set()}
    queue = deque(before)
    while queue:
        state = queue.popleft()
        for following in model.following(state):
            if following not in before:
                before[following] = set()
                queue.append(following)
            before[following].add(state)
    return before


def explore_all(protocol: Protocol) -> None:
    """Explore under each combination of faults until one is found."""
    for faults in FAULTS:
        explore(model(protocol, **faults))


def stuck(before: dict[State, set[State]]) -> set[State]:
    """The states from which no way leads to one where every job has succeeded or failed: there, a job is lost."""
    good = {state for state in before if all(job.state in (SUCCEEDED, FAILED) for job in state.jobs)}
    queue = deque(good)
    while queue:
        for state in before[queue.popleft()] - good:
            good.add(state)
            queue.append(state)
    return set(before) - good


FAULTS = [
    {"jobs": 1, "pauses": 1, "forgets": 1},
    {"jobs": 1, "crashes": 2, "repeats": 1},
    {"jobs": 1, "pauses": 1, "crashes": 1, "repeats": 1},
    {"jobs": 2, "crashes": 1},
    {"jobs": 2, "pauses": 1},
]
"""What may happen, the smallest search first."""


@pytest.mark.accepts("C5", "C6")
@pytest.mark.parametrize(
    "faults",
    [pytest.param(faults, marks=[pytest.mark.slow] if faults["jobs"] > 1 else []) for faults in FAULTS],
    ids=lambda faults: "-".join(f"{count}-{kind}" for kind, count in faults.items()),
)
def test_no_run_is_acknowledged_for_another_and_no_job_is_lost(faults: dict[str, int]) -> None:
    """In every order of events: an accepted acknowledgement is the current run's, and every job can still end.

    So no attempt is acknowledged twice: the first acknowledgement that is accepted ends the run.
    """
    states = explore(model(Protocol(), **faults))
    assert len(states) > 5_000
    assert not stuck(states)


REAL = Protocol()
WEAKENED = {
    "no fence at all": replace(REAL, ack_names_worker=False, ack_names_number=False),
    "the lease is the worker alone": replace(REAL, ack_names_number=False),
    "the lease is the number alone": replace(REAL, ack_names_worker=False),
    "a rescuer names no lease": replace(REAL, rescue_names_lease=False),
    "the number is the job's attempt, which a crashed server forgets": replace(REAL, number_is_the_workers_own=False),
    "a restarted worker has its old name and counts from one": replace(REAL, restart_takes_new_incarnation=False),
}


@pytest.mark.accepts("C5")
@pytest.mark.parametrize("protocol", WEAKENED.values(), ids=[name.replace(" ", "-") for name in WEAKENED])
def test_without_the_fence_a_late_acknowledgement_is_taken_for_the_current_one(protocol: Protocol) -> None:
    """Each part of the lease is needed: the search finds the fault as soon as one is left out."""
    with pytest.raises(Fault, match="was acknowledged as if it were run"):
        explore_all(protocol)


@pytest.mark.accepts("C6")
def test_a_worker_that_claims_after_it_was_given_up_needs_to_be_found_without_its_row() -> None:
    """It was stopped, declared dead, forgotten, and went on: its next claim has an owner that no row names."""
    careless = replace(REAL, holders_without_row_are_lost=False)
    assert stuck(explore(model(careless, jobs=1, pauses=1, crashes=1)))
