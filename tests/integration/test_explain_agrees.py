"""What explanations say of random jobs is what claims then do: neither ever disagrees with the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from packhorse.domain.claim import Claim
from packhorse.domain.decide import decide
from packhorse.domain.explanation import Code, Explanation
from packhorse.domain.job import ClaimedJob, Keys
from packhorse.domain.outcome import Fail, Failure, Outcome, Success, Unstarted, WorkerLost
from packhorse.domain.queue import Queue, stored_settings
from packhorse.domain.retry import Backoff, RetryPolicy
from packhorse.domain.state import JobState
from packhorse.engine import JobFilter
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.testing.contract.steps import settle
from packhorse.testing.samples import ERROR, TASK, new_job, new_lease, new_worker
from tests.opening import open_engine

HALF, MINUTE = timedelta(seconds=30), timedelta(minutes=1)
"""Delays and periods are odd numbers of half minutes and the clock moves by whole minutes: see test_state_machine."""
POLICY = RetryPolicy(max_attempts=2, max_crashes=3, backoff=Backoff(HALF, HALF, jitter=0))
ALL = 1000
QUEUES = ["billing", "mail"]
TABLES = ("arrival", "attempt", "dependency", "ended", "finished", "job", "queue", "start", "tally", "turn", "worker")
IN_THE_QUEUE: frozenset[Code] = frozenset({"paused", "floor", "max_running", "rate"})
"""What keeps an available job from being claimed."""
BESIDE_IT: frozenset[Code] = frozenset({"behind", "next", "slots", "alone", "suspect", "suspects_first"})
"""What a claimable job may have all the same."""

queues = st.sampled_from(QUEUES)
keys = st.sampled_from(["k1", "k2"])
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    [Success("1"), Failure(ERROR), Fail("f"), WorkerLost("w"), WorkerLost("w"), Unstarted()]
)
Draft = tuple[dict[str, Any], dict[str, Any]]
"""Jobs that are alike, and what ties them to others."""
jobs_alike = st.fixed_dictionaries(
    {"count": st.integers(1, 3), "queue": queues, "priority": st.sampled_from([1, 3, 5, 7])},
    optional={
        "delay": st.sampled_from([None, None, None, HALF]),
        "expected_in": st.sampled_from([15 * MINUTE, 45 * MINUTE]),
    },
)
ties: st.SearchStrategy[dict[str, str]] = st.just({}) | st.fixed_dictionaries(
    {},
    optional={"serial_key": keys, "group_key": keys, "after_needs": st.sampled_from(["success", "end"])},
)
"""Half of the jobs are tied to nothing."""
changes = st.fixed_dictionaries(
    {},
    optional={
        "priority_floor": st.sampled_from([None, None, None, 5]),
        "order": st.sampled_from(["deadline", "aging"]),
        "max_running": st.sampled_from([None, None, 1, 3]),
        "rate": st.sampled_from([None, None, (2, 3 * HALF)]),
        "group_max_running": st.sampled_from([None, 1, 2]),
        "group_rate": st.sampled_from([None, (1, 3 * HALF)]),
        "fair": st.booleans(),
    },
)


class Explained(RuleBasedStateMachine):
    """Jobs come to be in all sorts of states; now and then explanations are compared with claims."""

    engine: SqliteEngine | PostgresEngine
    jobs: Bundle[int] = Bundle("jobs")
    runs: Bundle[ClaimedJob] = Bundle("runs")

    @initialize(target=jobs, drafts=st.lists(st.tuples(jobs_alike, ties), min_size=3, max_size=12), changed=changes)
    def begin(self, drafts: list[Draft], changed: dict[str, object]) -> MultipleResults[int]:
        """With some jobs in two queues, the right time, and a worker for everything."""
        self.offset = timedelta(0)
        self.engine.move_clock(self.offset)
        empty(self.engine)
        self.engine.register_worker(new_worker(lease=timedelta(days=1)))
        self._put("billing", changed)
        return multiple(*(id for alike, tied in drafts for id in self._enqueue(alike, Keys(**tied))))

    @rule(target=jobs, alike=jobs_alike, after=st.none() | st.none() | jobs, tied=ties)
    def enqueue(self, alike: dict[str, Any], after: int | None, tied: dict[str, Any]) -> MultipleResults[int]:
        """Jobs come, with keys and without."""
        waits = () if after is None else (after,)
        return multiple(*self._enqueue(alike, Keys(after=waits, **tied)))

    @rule(queue=queues, changed=changes)
    def change(self, queue: str, changed: dict[str, object]) -> None:
        """A queue's settings are changed."""
        self._put(queue, changed)

    @rule(queue=queues, paused=st.sampled_from([True, False, False]))
    def pause(self, queue: str, *, paused: bool) -> None:
        """A queue is paused or resumed."""
        _ = self.engine.pause_queue(queue, "kim", None) if paused else self.engine.resume_queue(queue)

    @rule(job=jobs, verb=st.sampled_from(["hold", "release", "cancel", "retry"]))
    def operate(self, job: int, verb: str) -> None:
        """Somebody does something with a job."""
        getattr(self.engine, f"{verb}_jobs")([job])

    @rule(queue=queues)
    def park(self, queue: str) -> None:
        """Jobs are set aside because nobody knew their task."""
        self.engine.park_jobs(queue, TASK, 2)

    @rule(minutes=st.sampled_from([0, 1, 2, 5, 25]))
    def look(self, minutes: int) -> None:
        """Time goes past, and a worker makes ready what is due, and settles whose turn it is."""
        self.offset += minutes * MINUTE
        self.engine.move_clock(self.offset)
        self.engine.stage_jobs(ALL)
        self.engine.unpark_jobs([TASK], 3)
        settle(self.engine)

    @rule(target=runs, queue=queues, limit=st.integers(1, 3))
    def claim(self, queue: str, limit: int) -> MultipleResults[ClaimedJob]:
        """Some are claimed."""
        return multiple(*self._claim(queue, limit, suspects=False))

    @rule(run=runs, outcome=outcomes)
    def end(self, run: ClaimedJob, outcome: Outcome) -> None:
        """A run ends, perhaps one that is over."""
        self.engine.ack_jobs([decide(run, outcome, POLICY, 0.5)])

    @rule(target=runs)
    def compare(self) -> MultipleResults[ClaimedJob]:
        """Of every job it is asked whether it is claimable, and then all is claimed that can be."""
        live = [job.id for job in self.engine.list_jobs(JobFilter(limit=ALL)) if not job.state.is_final]
        explained = {id: self._explain(id) for id in live}
        taken = [job for queue in QUEUES for job in self._claim_all(queue, explained)]

        assert {job.id for job in taken} == {id for id, one in explained.items() if one.claimable}
        return multiple(*taken)

    def teardown(self) -> None:
        """Compare once more when a worker has looked."""
        if hasattr(self, "offset"):
            self.compare()
            self.look(0)
            self.compare()

    def _enqueue(self, alike: dict[str, Any], tied: Keys) -> list[int]:
        count = alike["count"]
        job = new_job(keys=tied, **{name: value for name, value in alike.items() if name != "count"})
        return self.engine.insert_jobs([job] * count)

    def _put(self, queue: str, changed: dict[str, object]) -> None:
        [before] = self.engine.list_queue_settings(queue) or [Queue(name=queue)]
        assert self.engine.put_queue_settings(before, {}, {**before.changed, **stored_settings(changed)})

    def _explain(self, id: int) -> Explanation:
        """The explanation of a job, in which the reasons say what the verdict says."""
        found = self.engine.explain(id)
        assert found is not None
        codes = {reason.code for reason in found.reasons}
        assert codes
        if found.claimable:
            assert codes <= BESIDE_IT, found
        elif found.state is JobState.AVAILABLE:
            assert codes & IN_THE_QUEUE, found
        else:
            assert found.reasons[0].code not in BESIDE_IT, found
        return found

    def _claim_all(self, queue: str, explained: dict[int, Explanation]) -> list[ClaimedJob]:
        """Claim until nothing comes, suspects first as workers do; they come in the order that was explained."""
        taken: list[ClaimedJob] = []
        for suspects in (True, False):
            claimed = self._claim(queue, ALL, suspects=suspects)
            ahead = [explained[job.id].ahead for job in claimed]
            assert ahead == sorted(ahead, key=lambda number: -1 if number is None else number)
            assert len(set(ahead)) == len(ahead)
            assert self._claim(queue, ALL, suspects=suspects) == []
            taken += claimed
        return taken

    def _claim(self, queue: str, limit: int, *, suspects: bool) -> list[ClaimedJob]:
        """Claim as a worker does that has read the queue's settings."""
        [record] = self.engine.list_queue_settings(queue) or [Queue(name=queue)]
        is_limited = (record.settings.max_running, record.settings.rate) != (None, None)
        return self.engine.claim_jobs(
            Claim(
                lease=new_lease(),
                queue=queue,
                limit=limit,
                suspects=suspects,
                limited=is_limited,
                aging=record.settings.order == "aging",
            )
        )


def empty(engine: SqliteEngine | PostgresEngine) -> None:
    """Delete all rows but those that the schema came with."""
    prefix = {"sqlite": "packhorse_", "postgresql": "packhorse."}[engine.dialect]
    transaction = engine.begin()
    for table in TABLES:
        transaction.execute(f"DELETE FROM {prefix}{table}")  # noqa: S608 - names of our own
    transaction.commit()


@pytest.mark.accepts("C15", "C16", "C17")
def test_explanations_and_claims_never_disagree(database_url: str) -> None:
    """Queues with floors, limits, rates, orders and pauses; jobs with keys and others to wait for; suspects."""
    engine = open_engine(database_url)
    engine.migrate()
    is_sqlite = isinstance(engine, SqliteEngine)
    machine = type("Explained", (Explained,), {"engine": engine})
    run_machine(
        machine,
        settings=settings(
            max_examples=100 if is_sqlite else 25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            print_blob=True,
        ),
    )
    engine.close()
