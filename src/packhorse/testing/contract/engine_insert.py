"""Jobs come: what is stored, when it can be seen, and where it belongs in the order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from packhorse.domain.job import JobRecord, NewJob
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.errors import DatabaseError, PayloadError
from packhorse.testing.contract.steps import claim, enqueue, enqueue_one, ids_of, job_of
from packhorse.testing.contract.subject import EngineContract, ProducerConnection, Subject
from packhorse.testing.samples import TASK, new_job, new_jobs

PAST, FUTURE = datetime(2001, 2, 3, 4, 5, 6, 789012, tzinfo=UTC), datetime(2150, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
HOUR = timedelta(hours=1)
AWKWARD = [
    '["Grüße, 世界, 🐎"]',
    '["\\u0001 \\\\ \\" \'; drop table job; -- :name %s $1 {now} ?"]',
    f"[{2**200}, -{2**63}, 1e308, 0.1]",
    '[ {"b":1,  "a" : [ ] } ]',
    f'["{"x" * 100_000}"]',
]


class InsertContract(EngineContract):
    """`insert_jobs`."""

    def test_ids_come_in_the_order_of_the_jobs(self, engine: Engine) -> None:
        """The n-th id is the n-th job's, and they ascend."""
        ids = enqueue(engine, 100)
        assert ids == sorted(set(ids))
        assert [job_of(engine, id).args for id in ids] == [f"[{n}]" for n in range(100)]

    def test_no_jobs_are_no_work(self, engine: Engine) -> None:
        """An empty batch is allowed."""
        assert engine.insert_jobs([]) == []

    def test_a_batch_is_stored_whole_or_not_at_all(self, engine: Engine) -> None:
        """One job that the database refuses keeps the others out."""
        with pytest.raises(DatabaseError):
            engine.insert_jobs([*new_jobs(3), new_job(priority=99_999)])
        assert sum(engine.count_jobs().values()) == 0

    @pytest.mark.parametrize("args", AWKWARD, ids=["unicode", "quotes", "numbers", "spaces", "long"])
    def test_the_payload_is_stored_unchanged(self, engine: Engine, args: str) -> None:
        """It is text for the database: not one character is touched, on the way in or out."""
        meta = kwargs = f'{{"k":{args}}}'
        id = enqueue_one(engine, args=args, kwargs=kwargs, meta=meta)
        record, [job] = job_of(engine, id), claim(engine)
        assert (record.args, record.kwargs, record.meta) == (args, kwargs, meta)
        assert (job.args, job.kwargs, job.meta) == (args, kwargs, meta)

    def test_a_plain_job_has_defaults(self, engine: Engine) -> None:
        """It is available at once, of medium priority, in the default queue, and nothing has happened to it."""
        record = job_of(engine, enqueue_one(engine))
        assert (record.task, record.queue, record.state, record.priority) == (TASK, "default", JobState.AVAILABLE, 5)
        assert (record.attempt, record.failures, record.skips, record.crashes) == (0, 0, 0, 0)
        assert (record.kwargs, record.meta, record.max_attempts, record.worker) == (None, None, None, None)
        assert (record.scheduled_at, record.expected_at, record.started_at, record.finished_at) == (None,) * 4
        assert (record.reason, record.error_type, record.result) == (None, None, None)

    def test_a_job_keeps_what_it_was_given(self, engine: Engine) -> None:
        """Task, queue, priority and limit, in any script."""
        given = {"task": "läden.jobs.senden", "queue": "Ümläute & Co; '\"", "priority": -32768, "max_attempts": 7}
        record = job_of(engine, enqueue_one(engine, **given))
        assert {name: getattr(record, name) for name in given} == given

    def test_times_are_aware_and_in_utc(self, engine: Engine) -> None:
        """A moment is kept to the microsecond, whatever time zone it came in."""
        tokyo = FUTURE.astimezone(timezone(timedelta(hours=9)))
        record = job_of(engine, enqueue_one(engine, scheduled_at=tokyo, expected_at=PAST))
        assert (record.scheduled_at, record.expected_at) == (FUTURE, PAST)
        assert record.scheduled_at is not None
        assert record.scheduled_at.utcoffset() == record.enqueued_at.utcoffset() == timedelta(0)

    @pytest.mark.accepts("C3")
    @pytest.mark.parametrize(
        ("times", "state"),
        [
            ({}, JobState.AVAILABLE),
            ({"scheduled_at": FUTURE}, JobState.SCHEDULED),
            ({"scheduled_at": PAST}, JobState.AVAILABLE),
            ({"delay": HOUR}, JobState.SCHEDULED),
            ({"delay": timedelta(0)}, JobState.AVAILABLE),
            ({"delay": -HOUR}, JobState.AVAILABLE),
            ({"expected_at": FUTURE}, JobState.AVAILABLE),
            ({"expected_in": HOUR}, JobState.AVAILABLE),
        ],
        ids=str,
    )
    def test_a_job_is_scheduled_only_while_its_time_is_to_come(
        self, engine: Engine, times: dict[str, Any], state: JobState
    ) -> None:
        """By the database's clock; the moment by which it is wanted has nothing to do with it."""
        assert job_of(engine, enqueue_one(engine, **times)).state is state

    @pytest.mark.accepts("C3", "T5")
    def test_a_job_is_ordered_by_expected_then_scheduled_then_enqueued(self, engine: Engine) -> None:
        """`order_at` is the first of the three that there is."""
        both = job_of(engine, enqueue_one(engine, scheduled_at=PAST, expected_at=FUTURE))
        scheduled = job_of(engine, enqueue_one(engine, scheduled_at=PAST))
        plain = job_of(engine, enqueue_one(engine))
        assert (both.order_at, scheduled.order_at, plain.order_at) == (FUTURE, PAST, plain.enqueued_at)

    def test_durations_count_from_the_databases_now(self, engine: Engine) -> None:
        """The producer's own clock plays no part."""
        record = job_of(engine, enqueue_one(engine, delay=HOUR, expected_in=2 * HOUR))
        assert record.scheduled_at == record.enqueued_at + HOUR
        assert record.expected_at == record.order_at == record.enqueued_at + 2 * HOUR

    def test_five_thousand_jobs_fit_into_one_batch(self, engine: Engine) -> None:
        """Bulk is one statement, not a loop."""
        ids = enqueue(engine, 5000)
        assert ids == sorted(set(ids))
        assert engine.count_jobs()[JobState.AVAILABLE] == 5000
        assert job_of(engine, ids[4321]).args == "[4321]"

    def test_engine_objects_share_the_database(self, engine: Engine, another_engine: Engine) -> None:
        """What one stores the other claims."""
        ids = enqueue(engine, 3)
        assert ids_of(claim(another_engine)) == ids

    def test_an_id_is_never_given_twice(self, engine: Engine) -> None:
        """Not even after every job has left the live ones."""
        first = enqueue(engine, 5)
        engine.cancel_jobs(first)
        second = enqueue(engine, 5)
        assert min(second) > max(first)


class InsertManyContract(EngineContract):
    """`insert_many`: does what `insert_jobs` does, for more jobs than one message should hold."""

    def test_many_come_out_as_one_by_one(self, engine: Engine) -> None:
        """Whatever they hold, with or without times of their own, in parcels of any size; the ids in their order."""
        kinds: list[dict[str, Any]] = [
            *({"args": args, "kwargs": f'{{"k":{args}}}', "meta": '{"m":"\\\\"}'} for args in AWKWARD),
            {"args": '["\\t\\\\n"]', "kwargs": '{"a":"\\\\N \t\r\n\\\\"}'},
            *({"task": "t\\a\tb", "queue": "Ü\n", "priority": -32768, "max_attempts": 7}, {}),
            *({"delay": HOUR}, {"scheduled_at": PAST}, {"expected_at": FUTURE}, {"expected_in": HOUR}),
        ]
        jobs = [new_job(**kind) for kind in [*kinds, *kinds[::-1]]]
        ids = engine.insert_many(([*jobs[at : at + 5]] for at in range(0, len(jobs), 5)), len(jobs))
        ones = [enqueue_one(engine, **kind) for kind in kinds]
        assert ids == sorted(set(ids))
        assert [_given(job_of(engine, id)) for id in ids[: len(kinds)]] == [_given(job_of(engine, id)) for id in ones]
        assert [_given(job_of(engine, id)) for id in ids[len(kinds) :]] == [
            _given(job_of(engine, id)) for id in ones[::-1]
        ]

    def test_parcels_are_taken_one_by_one_and_in_their_order(self, engine: Engine) -> None:
        """More of them than one statement stores."""
        parcels = ([new_job(args=f"[{at + n}]") for n in range(1000)] for at in range(0, 21_000, 1000))
        ids = engine.insert_many(parcels, 21_000)
        assert ids == sorted(set(ids))
        assert engine.count_jobs()[JobState.AVAILABLE] == len(ids) == 21_000
        assert [job_of(engine, ids[at]).args for at in (0, 19_999, 20_000, 20_999)] == [
            "[0]",
            "[19999]",
            "[20000]",
            "[20999]",
        ]

    def test_all_are_stored_or_none(self, engine: Engine) -> None:
        """One that the database refuses, or an error between two parcels, keeps those before out, too."""

        def parcels() -> Iterator[list[NewJob]]:
            yield new_jobs(3)
            raise LookupError

        with pytest.raises(LookupError):
            engine.insert_many(parcels(), 6)
        with pytest.raises(DatabaseError):
            engine.insert_many([new_jobs(3), [new_job(priority=99_999)]], 4)
        assert sum(engine.count_jobs().values()) == 0
        assert len(engine.insert_many([new_jobs(3)], 3)) == 3

    def test_a_text_that_no_database_stores_is_refused(self, engine: Engine) -> None:
        """As by `insert_jobs`."""
        for store in (engine.insert_jobs, lambda jobs: engine.insert_many([jobs], len(jobs))):
            with pytest.raises(PayloadError, match="surrogate"):
                store([*new_jobs(2), new_job(args='["\ud800"]')])
        assert sum(engine.count_jobs().values()) == 0


def _given(record: JobRecord) -> tuple[object, ...]:
    """What a producer says of a job, and whether its times are as far from its storing as they ought to be."""
    order_at, wanted = record.order_at, record.expected_at or record.scheduled_at
    times = [None if at in (None, PAST, FUTURE) else at - record.enqueued_at for at in (order_at, wanted) if at]
    texts = (record.task, record.queue, record.args, record.kwargs, record.meta)
    return (*texts, record.state, record.priority, record.max_attempts, *times)


class InsertStatementContract(EngineContract):
    """`insert_statement`: the producer's own connection and transaction."""

    def test_the_statement_is_a_value_that_every_driver_can_run(self, engine: Engine) -> None:
        """Its parameters are text, whole numbers and None, written `:name`; no other colon comes before a letter."""
        statement = engine.insert_statement([new_job(delay=HOUR, expected_at=FUTURE, kwargs="{}", meta='{":a": 1}')])
        assert set(re.findall(r":([A-Za-z_]\w*)", statement.text)) == set(statement.params)
        assert all(value is None or type(value) in (str, int) for value in statement.params.values())

    def test_it_returns_the_ids_in_the_order_of_the_jobs(self, engine: Engine, producer: ProducerConnection) -> None:
        """One row `(id,)` each; sorted, they are in the order of the jobs."""
        rows = producer.run(engine.insert_statement(new_jobs(50)))
        producer.commit()
        ids = sorted(id for (id,) in rows)
        assert [job_of(engine, id).args for id in ids] == [f"[{n}]" for n in range(50)]

    @pytest.mark.accepts("C2")
    def test_a_job_is_seen_at_the_commit_and_not_before(
        self, engine: Engine, another_engine: Engine, producer: ProducerConnection
    ) -> None:
        """Until then no reader knows it and, where a second writer can look, no claim takes it."""
        [(id,)] = producer.run(engine.insert_statement([new_job()]))
        assert another_engine.find_job(id) is None
        assert not another_engine.glance(1).ready_queues
        if engine.features.concurrent_writers:
            assert not claim(another_engine)
        producer.commit()
        assert list(another_engine.glance(1).ready_queues) == ["default"]
        assert ids_of(claim(another_engine)) == [id]

    @pytest.mark.accepts("C2")
    def test_a_job_never_existed_after_a_rollback(self, engine: Engine, producer: ProducerConnection) -> None:
        """Nothing of it remains."""
        [(id,)] = producer.run(engine.insert_statement([new_job()]))
        producer.rollback()
        assert engine.find_job(id) is None
        assert not claim(engine)

    @pytest.mark.accepts("C2")
    def test_a_job_goes_with_its_savepoint(self, engine: Engine, producer: ProducerConnection) -> None:
        """What the savepoint undoes is gone, what was before and after it stays."""
        producer.run(engine.insert_statement([new_job(args='["before"]')]))
        producer.begin_savepoint()
        producer.run(engine.insert_statement([new_job(args='["inside"]')]))
        producer.undo_savepoint()
        producer.run(engine.insert_statement([new_job(args='["after"]')]))
        producer.commit()
        assert [job.args for job in claim(engine)] == ['["before"]', '["after"]']

    @pytest.mark.accepts("C2")
    def test_a_job_is_gone_when_the_connection_breaks(self, engine: Engine, subject: Subject) -> None:
        """A producer that goes away without a commit has enqueued nothing."""
        connection = subject.connect()
        connection.run(engine.insert_statement([new_job()]))
        connection.close()
        assert not claim(engine)

    @pytest.mark.accepts("C1")
    def test_another_installation_stores_nothing_and_returns_no_row(
        self, engine: Engine, new_subject: Callable[[], Subject]
    ) -> None:
        """The statement carries the id of its installation; elsewhere it does nothing, without a further question."""
        elsewhere = new_subject()
        other = elsewhere.open()
        other.migrate()
        connection = elsewhere.connect()
        assert connection.run(engine.insert_statement(new_jobs(2))) == []
        connection.commit()
        assert not claim(other)
        connection.close()
        other.close()

    def test_five_thousand_jobs_fit_into_one_statement(self, engine: Engine, producer: ProducerConnection) -> None:
        """Whatever limit the driver has for parameters."""
        assert len(producer.run(engine.insert_statement(new_jobs(5000)))) == 5000
        producer.commit()
        assert engine.count_jobs()[JobState.AVAILABLE] == 5000
