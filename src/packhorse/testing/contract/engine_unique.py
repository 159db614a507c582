"""Jobs with a unique key: what becomes of one whose key another one has."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from packhorse.domain.job import ClaimedJob, Keys, OnDuplicate
from packhorse.domain.outcome import Retry, Success
from packhorse.domain.retry import RetryPolicy
from packhorse.domain.state import LIVE, JobState
from packhorse.engine import Engine, JobFilter
from packhorse.errors import DuplicateJob
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    database_now,
    decided,
    enqueue_one,
    ids_of,
    job_of,
    line,
    ready,
    run_one,
    settle,
    store_on,
)
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection, Subject
from packhorse.testing.samples import TASK, new_job

HOUR = timedelta(hours=1)
POLICIES: list[OnDuplicate] = ["refuse", "keep", "replace", "earliest"]
FINDING: list[OnDuplicate] = ["keep", "replace", "earliest"]
PROCESSES, KEYS, ROUNDS = 8, 3, 40
LAST = "shop.jobs.last"


def unique(on_duplicate: OnDuplicate = "refuse", key: str = "invoice:42", **changes: Any) -> Keys:
    """The keys of a job."""
    return Keys(unique_key=key, on_duplicate=on_duplicate, **changes)


def live(engine: Engine) -> list[int]:
    """The jobs that have not ended, in order."""
    return sorted(job.id for state in LIVE for job in engine.list_jobs(JobFilter(state=state, limit=1000)))


class UniqueContract(EngineContract):
    """Jobs with a unique key."""

    @pytest.mark.accepts("C14")
    def test_a_second_one_is_refused(self, engine: Engine) -> None:
        """The error names the one that has the key; nothing of the call is stored."""
        first = enqueue_one(engine, keys=unique())
        with pytest.raises(DuplicateJob, match=f"'invoice:42' was not enqueued: job {first} has it already") as refused:
            engine.insert_jobs([new_job(), new_job(keys=unique(key="other")), new_job(keys=unique())])
        assert (refused.value.task, refused.value.unique_key, refused.value.job_id) == (TASK, "invoice:42", first)
        assert live(engine) == [first]

    @pytest.mark.accepts("C14")
    def test_a_key_is_that_of_a_task(self, engine: Engine) -> None:
        """Another task's jobs may have the same, in whatever queue they are."""
        first = enqueue_one(engine, keys=unique())
        assert enqueue_one(engine, task="shop.other", keys=unique()) != first
        with pytest.raises(DuplicateJob):
            enqueue_one(engine, queue="mail", keys=unique())

    @pytest.mark.accepts("C14")
    @pytest.mark.parametrize("policy", FINDING)
    def test_or_the_one_that_waits_is_returned(self, engine: Engine, policy: OnDuplicate) -> None:
        """There is but one job."""
        first = enqueue_one(engine, keys=unique(policy))
        assert enqueue_one(engine, keys=unique(policy)) == first
        assert live(engine) == [first]

    @pytest.mark.accepts("C14")
    def test_what_is_kept_stays_as_it_is(self, engine: Engine) -> None:
        """Its arguments, times and state."""
        first = enqueue_one(engine, keys=unique("keep"), delay=HOUR, priority=3)
        before = job_of(engine, first)
        assert enqueue_one(engine, args="[7]", keys=unique("keep"), priority=1) == first
        assert job_of(engine, first) == before

    @pytest.mark.accepts("C14", "M33")
    def test_what_is_replaced_has_the_new_arguments_and_times(self, engine: Engine) -> None:
        """Sooner or later than before."""
        first = enqueue_one(engine, args="[1]", keys=unique("replace"))
        late = enqueue_one(
            engine, args="[2]", kwargs='{"a":1}', meta='{"b":2}', keys=unique("replace"), delay=HOUR, priority=3
        )
        job = job_of(engine, first)
        assert (late, job.args, job.kwargs, job.meta, job.priority) == (first, "[2]", '{"a":1}', '{"b":2}', 3)
        assert job.state is JobState.SCHEDULED
        enqueue_one(engine, args="[3]", keys=unique("replace"))
        job = job_of(engine, first)
        assert (job.args, job.kwargs, job.state, job.scheduled_at) == ("[3]", None, JobState.AVAILABLE, None)
        assert claim_one(engine).args == "[3]"

    @pytest.mark.accepts("C14", "P21")
    def test_the_earlier_time_wins(self, engine: Engine) -> None:
        """Whichever came first; the arguments stay."""
        first = enqueue_one(engine, args="[1]", keys=unique("earliest"), delay=2 * HOUR)
        enqueue_one(engine, args="[2]", keys=unique("earliest"), delay=HOUR)
        sooner = job_of(engine, first)
        assert sooner.scheduled_at == sooner.order_at
        assert sooner.order_at < database_now(engine) + HOUR
        enqueue_one(engine, keys=unique("earliest"), delay=3 * HOUR)
        assert job_of(engine, first) == sooner
        enqueue_one(engine, keys=unique("earliest"))
        now = job_of(engine, first)
        assert (now.state, now.args, now.scheduled_at) == (JobState.AVAILABLE, "[1]", None)
        enqueue_one(engine, keys=unique("earliest"), delay=HOUR)
        assert job_of(engine, first).state is JobState.AVAILABLE

    @pytest.mark.accepts("C14", "M33", "P21")
    def test_until_the_start_one_more_may_come_while_one_runs(self, engine: Engine) -> None:
        """And only one, through all attempts of the one that runs."""
        first = enqueue_one(engine, keys=unique())
        running = claim_one(engine)
        second = enqueue_one(engine, keys=unique())
        with pytest.raises(DuplicateJob):
            enqueue_one(engine, keys=unique())
        acknowledge(engine, running, Retry(after=timedelta(0)))
        assert enqueue_one(engine, keys=unique("keep")) == second
        assert live(engine) == [first, second]

    @pytest.mark.accepts("C14")
    @pytest.mark.parametrize("policy", POLICIES)
    def test_until_the_end_a_running_one_counts(self, engine: Engine, policy: OnDuplicate) -> None:
        """And one that waits for its next attempt; it is found or refused, never replaced while it runs."""
        keys = unique(policy, unique_until="end")
        first = enqueue_one(engine, args="[1]", keys=keys)
        running = claim_one(engine)
        if policy in ("refuse", "replace"):
            with pytest.raises(DuplicateJob, match=r"is running|has it already"):
                enqueue_one(engine, args="[2]", keys=keys)
        else:
            assert enqueue_one(engine, args="[2]", keys=keys) == first
        assert (job_of(engine, first).state, job_of(engine, first).args) == (JobState.EXECUTING, "[1]")
        acknowledge(engine, running, Retry(after=HOUR))
        if policy != "refuse":
            assert enqueue_one(engine, args="[2]", keys=keys) == first
            assert job_of(engine, first).args == ("[2]" if policy == "replace" else "[1]")
        engine.cancel_jobs([first])
        assert enqueue_one(engine, keys=keys) != first

    @pytest.mark.accepts("C14")
    def test_an_end_frees_the_key(self, engine: Engine) -> None:
        """Success, failure, cancellation."""
        keys, ids = unique(unique_until="end"), set[int]()
        ids.add(enqueue_one(engine, keys=keys))
        run_one(engine, Success())
        ids.add(enqueue_one(engine, keys=keys))
        run_one(engine, Retry(), RetryPolicy(max_attempts=1))
        ids.add(enqueue_one(engine, keys=keys))
        assert len(ids) == 3

    @pytest.mark.accepts("C14")
    def test_in_one_call_the_same_key_counts_too(self, engine: Engine) -> None:
        """As if the jobs came one by one, but for those that are to be refused, which come first."""
        ids = engine.insert_jobs([new_job(args=f"[{n}]", keys=unique("replace", f"k{n % 3}")) for n in range(9)])
        assert ids == ids[:3] * 3
        assert [job_of(engine, id).args for id in ids[:3]] == ["[6]", "[7]", "[8]"]
        with pytest.raises(DuplicateJob):
            engine.insert_jobs([new_job(keys=unique(key="new")), new_job(keys=unique(key="new"))])
        assert live(engine) == sorted(ids[:3])

    @pytest.mark.accepts("C14")
    def test_the_ids_come_in_the_order_of_the_jobs(self, engine: Engine) -> None:
        """Those with keys and those without, found and new, of all policies."""
        old = enqueue_one(engine, keys=unique("keep", "z"))
        keys = [None, unique("keep", "z"), unique("refuse", "y"), unique("earliest", "x"), None, unique("replace", "w")]
        ids = engine.insert_jobs([new_job(args=f"[{n}]", keys=one) for n, one in enumerate(keys)])
        assert ids[1] == old
        assert [job_of(engine, id).args for id in ids] == ["[0]", "[42]", "[2]", "[3]", "[4]", "[5]"]

    @pytest.mark.accepts("C1", "C14")
    @pytest.mark.parametrize("policy", POLICIES)
    def test_a_rollback_undoes_everything(
        self, engine: Engine, producer: ProducerConnection, policy: OnDuplicate
    ) -> None:
        """The job, and what was changed of one that was found; so does that of a savepoint."""
        old = enqueue_one(engine, args="[1]", delay=HOUR, keys=unique("keep", "old"))
        before = job_of(engine, old)
        new = [new_job(args="[2]", keys=unique(policy, "new"))]
        if policy != "refuse":
            new.append(new_job(args="[2]", keys=unique(policy, "old")))
        store_on(producer, engine, new)
        producer.rollback()
        store_on(producer, engine, [new_job(keys=unique("keep", "other"))])
        producer.begin_savepoint()
        store_on(producer, engine, new)
        producer.undo_savepoint()
        producer.commit()
        assert len(live(engine)) == 2
        assert job_of(engine, old) == before

    @pytest.mark.accepts("C1", "C14")
    def test_a_refusal_in_the_callers_transaction_takes_back_what_was_new(
        self, engine: Engine, producer: ProducerConnection
    ) -> None:
        """Nothing else: the caller may go on, and what was found for the same call is still there."""
        old = enqueue_one(engine, keys=unique("keep", "old"))
        [mine] = store_on(producer, engine, [new_job()])
        for refused in (unique("refuse", "old"), unique("replace", "running")):
            if refused.on_duplicate == "replace":
                producer.commit()
                enqueue_one(engine, queue="aside", keys=unique("keep", "running", unique_until="end"))
                claim(engine, queue="aside")
            with pytest.raises(DuplicateJob):
                store_on(
                    producer,
                    engine,
                    [new_job(), new_job(keys=unique("keep", "old")), new_job(keys=refused), new_job(keys=unique())],
                )
        producer.commit()
        assert job_of(engine, old).state is JobState.AVAILABLE
        assert ids_of(sorted(claim(engine), key=lambda job: job.id)) == [old, mine]

    @pytest.mark.accepts("C14", "C15")
    @pytest.mark.parametrize("policy", FINDING)
    def test_a_found_job_keeps_its_place_in_its_line(self, engine: Engine, clock: Clock, policy: OnDuplicate) -> None:
        """It has a serial key besides; a later time lets those behind it pass."""
        first = enqueue_one(engine, keys=Keys(serial_key="s"))
        found = enqueue_one(engine, keys=unique(policy, serial_key="s"))
        last = enqueue_one(engine, keys=Keys(serial_key="s"))
        settle(engine)
        assert enqueue_one(engine, keys=unique(policy, serial_key="s")) == found
        settle(engine)
        assert enqueue_one(engine, keys=unique(policy, serial_key="s"), delay=HOUR) == found
        settle(engine)
        run_one(engine, Success())
        settle(engine)
        [following] = claim(engine)
        assert (first, following.id) == (first, last if policy == "replace" else found)
        acknowledge(engine, following, Success())
        clock.advance(2 * HOUR)
        engine.stage_jobs(10)
        settle(engine)
        assert claim_one(engine).id == (found if policy == "replace" else last)

    @pytest.mark.accepts("C14", "C17")
    def test_a_held_job_stays_held(self, engine: Engine) -> None:
        """Whatever it is given, and for whatever time."""
        id = enqueue_one(engine, keys=unique())
        engine.hold_jobs([id])
        for policy in FINDING:
            for delay in (HOUR, None):
                assert enqueue_one(engine, args="[7]", keys=unique(policy), delay=delay) == id
                assert job_of(engine, id).state is JobState.BLOCKED
        engine.release_jobs([id])
        assert claim_one(engine).args == "[7]"

    @pytest.mark.accepts("C14")
    @pytest.mark.parametrize("policy", POLICIES)
    def test_who_runs_is_not_held_up_by_who_has_met_its_key(
        self, engine: Engine, producer: ProducerConnection, policy: OnDuplicate
    ) -> None:
        """It is acknowledged while the producer's transaction is open, and goes on as it was; so are others with it."""
        keys = unique(policy, unique_until="end")
        first, other = enqueue_one(engine, keys=keys), enqueue_one(engine)
        running = claim(engine)
        if policy in ("keep", "earliest"):
            assert store_on(producer, engine, [new_job(keys=keys)]) == [first]
        else:
            with pytest.raises(DuplicateJob):
                store_on(producer, engine, [new_job(keys=keys)])
        if not engine.features.concurrent_writers:
            producer.commit()
        assert engine.ack_jobs([decided(job, Success()) for job in running]) == {first, other}
        producer.commit()

    @pytest.mark.accepts("C14")
    def test_a_found_job_starts_after_the_producers_commit(self, engine: Engine, producer: ProducerConnection) -> None:
        """Else it might not see what it was wanted for."""
        first = enqueue_one(engine, keys=unique("keep"))
        assert store_on(producer, engine, [new_job(keys=unique("keep"))]) == [first]
        if engine.features.concurrent_writers:
            assert claim(engine) == []
        producer.commit()
        assert claim_one(engine).id == first

    @pytest.mark.accepts("C14", "C15", "C16")
    @pytest.mark.parametrize("name", ["serial_key", "group_key", "both"])
    @pytest.mark.parametrize("is_held", [False, True], ids=["available", "held"])
    def test_a_later_time_gives_back_what_a_job_has(
        self, engine: Engine, clock: Clock, name: str, is_held: bool
    ) -> None:
        """Its serial key, its group's room; it comes to them anew when it is due."""
        put(engine, "default", group_max_running=1)
        names = ["serial_key", "group_key"] if name == "both" else [name]
        tied: dict[str, Any] = dict.fromkeys(names, "x")
        [found] = line(engine, 1, unique("replace", **tied))
        if is_held:
            engine.hold_jobs([found])
        assert enqueue_one(engine, keys=unique("replace", **tied), delay=HOUR) == found
        [following] = line(engine, 1, Keys(**tied))
        running = claim_one(engine)
        assert running.id == following
        if is_held:
            engine.release_jobs([found])
        clock.advance(2 * HOUR)
        engine.stage_jobs(10)
        assert ready(engine) == []
        acknowledge(engine, running, Success())
        assert ready(engine) == [found]


def enqueue_the_same(open_engine: Callable[[], Engine], policy: OnDuplicate, until: Any) -> Counter[str]:
    """Enqueue the same keys again and again, in a process of its own; how often what came of it."""
    engine, came = open_engine(), Counter[str]()
    try:
        for n in range(ROUNDS):
            keys = [unique(policy, f"k{(n + m) % KEYS}", unique_until=until) for m in range(KEYS)]
            try:
                engine.insert_jobs([new_job(keys=one) for one in keys])
                came["stored"] += 1
            except DuplicateJob:
                came["refused"] += 1
    finally:
        engine.close()
    return came


def work_and_count(open_engine: Callable[[], Engine]) -> tuple[int, int]:
    """Run jobs up to the last in a process of its own: the most that were live under one key, and how many ran."""
    engine, most, ran, jobs = open_engine(), 0, 0, list[ClaimedJob]()
    try:
        while not any(job.task == LAST for job in jobs):
            keys = Counter(job.unique_key for id in live(engine) if (job := engine.find_job(id)))
            most = max([most, *keys.values()])
            jobs = claim(engine, worker=99, limit=1)
            ran += len(engine.ack_jobs([decided(job, Success()) for job in jobs]))
    finally:
        engine.close()
    return most, ran


class UniqueRaceContract(EngineContract):
    """Many producers of the same keys."""

    @pytest.mark.accepts("C14")
    @pytest.mark.parametrize("policy", POLICIES)
    def test_processes_that_enqueue_the_same_keys_make_one_job_of_each(
        self, engine: Engine, subject: Subject, policy: OnDuplicate
    ) -> None:
        """Eight of them, each with all keys in one call, in different orders; no call fails in another way."""
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as processes:
            runs = [processes.submit(enqueue_the_same, subject.open, policy, "end") for _ in range(PROCESSES)]
            came = sum((run.result() for run in runs), Counter[str]())
        assert len(live(engine)) == KEYS
        assert came.total() == PROCESSES * ROUNDS
        assert came["stored"] == (1 if policy == "refuse" else PROCESSES * ROUNDS)

    @pytest.mark.accepts("C14")
    def test_while_workers_run_them_there_is_never_a_second_live_one(self, engine: Engine, subject: Subject) -> None:
        """Seven processes enqueue the same keys, an eighth one runs the jobs, and counts."""
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as processes:
            worker = processes.submit(work_and_count, subject.open)
            runs = [processes.submit(enqueue_the_same, subject.open, "keep", "end") for _ in range(PROCESSES - 1)]
            assert sum(run.result()["stored"] for run in runs) == (PROCESSES - 1) * ROUNDS
            enqueue_one(engine, task=LAST)
            most, ran = worker.result()
        assert most == 1
        assert ran == engine.count_jobs()[JobState.SUCCEEDED] > KEYS
