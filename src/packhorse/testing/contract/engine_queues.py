"""Queues as records: settings, pauses, the order of a claim, rules, and modules that can't be loaded."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain

import pytest

from packhorse.domain.claim import Place
from packhorse.domain.order import AGING_STEP, aged
from packhorse.domain.outcome import WorkerLost
from packhorse.domain.queue import Queue, QueueSettings, RateLimit, Stored, stored_settings
from packhorse.engine import Engine
from packhorse.errors import SchemaMissing
from packhorse.testing.contract.steps import claim, enqueue, enqueue_one, ids_of, job_of, run_one
from packhorse.testing.contract.subject import Clock, EngineContract, Subject

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERYTHING: dict[str, object] = {
    "slots": 4,
    "priority_floor": "low",
    "order": "aging",
    "max_running": 10,
    "rate": "100/m",
    "group_max_running": 2,
    "group_rate": (3, timedelta(seconds=30)),
    "fair": True,
    "keep_succeeded": timedelta(0),
    "keep_cancelled": DAY,
    "keep_failed": 90 * DAY,
}


def find(engine: Engine, name: str) -> Queue:
    """A queue's record, or that of one that has none."""
    found = engine.list_queue_settings(name)
    return found[0] if found else Queue(name=name)


def put(engine: Engine, name: str, **changed: object) -> None:
    """Change a queue's settings at run time."""
    before = find(engine, name)
    assert engine.put_queue_settings(before, before.declared, {**before.changed, **stored_settings(changed)})


class QueueSettingsContract(EngineContract):
    """`list_queue_settings`, `put_queue_settings` and `remove_queue`."""

    @pytest.mark.accepts("M12")
    def test_a_queue_without_a_record_is_not_listed(self, engine: Engine) -> None:
        """Whatever jobs it has."""
        enqueue(engine, queue="mail")
        assert engine.list_queue_settings() == []
        assert engine.list_queue_settings("mail") == []

    @pytest.mark.accepts("M12")
    def test_settings_come_back_as_they_were_put(self, engine: Engine) -> None:
        """All of them, by name; what was set at run time wins over what was declared."""
        declared, changed = stored_settings({"slots": 9, "max_running": 7}), stored_settings(EVERYTHING)
        assert engine.put_queue_settings(Queue(name="b"), declared, changed)
        assert engine.put_queue_settings(Queue(name="a"), declared, {})
        plain, full = engine.list_queue_settings()
        assert (plain.name, plain.settings) == ("a", QueueSettings(slots=9, max_running=7))
        assert (full.declared, full.changed) == (declared, changed)
        assert full.settings == QueueSettings(
            slots=4,
            priority_floor=7,
            order="aging",
            max_running=10,
            rate=RateLimit(100, timedelta(minutes=1)),
            group_max_running=2,
            group_rate=RateLimit(3, timedelta(seconds=30)),
            fair=True,
            keep_succeeded=timedelta(0),
            keep_cancelled=DAY,
            keep_failed=90 * DAY,
        )
        assert engine.list_queue_settings("b") == [full]

    @pytest.mark.accepts("M12")
    def test_who_has_read_old_settings_replaces_nothing(self, engine: Engine) -> None:
        """Two that change a queue at once: the second is told, and reads again."""
        nothing: dict[str, Stored] = {}
        before = Queue(name="mail")
        assert engine.put_queue_settings(before, {"slots": 1}, nothing)
        assert not engine.put_queue_settings(before, {"slots": 2}, nothing)
        read = find(engine, "mail")
        assert engine.put_queue_settings(read, read.declared, {"slots": 3})
        assert not engine.put_queue_settings(read, read.declared, {"slots": 4})
        assert find(engine, "mail").settings.slots == 3

    @pytest.mark.accepts("C17")
    def test_every_change_is_seen_in_a_glance(self, engine: Engine) -> None:
        """The revision rises; enqueueing and claiming do not touch it."""
        seen = [engine.glance(1).revision]

        def has_risen() -> bool:
            seen.append(engine.glance(1).revision)
            return seen[-1] > seen[-2]

        put(engine, "mail", slots=1)
        assert has_risen()
        engine.pause_queue("mail", "ada", None)
        assert has_risen()
        engine.resume_queue("mail")
        assert has_risen()
        engine.put_route("shop.*", "slow", None)
        assert has_risen()
        engine.remove_route("shop.*")
        assert has_risen()
        engine.remove_queue("mail")
        assert has_risen()
        enqueue(engine)
        run_one(engine, WorkerLost("w"))
        assert not has_risen()

    @pytest.mark.accepts("M12")
    def test_a_removed_queue_has_the_defaults_again(self, engine: Engine) -> None:
        """Its jobs stay."""
        put(engine, "mail", slots=1)
        id = enqueue_one(engine, queue="mail")
        assert engine.remove_queue("mail")
        assert not engine.remove_queue("mail")
        assert engine.list_queue_settings() == []
        assert ids_of(claim(engine, queue="mail")) == [id]


class PauseContract(EngineContract):
    """`pause_queue` and `resume_queue`."""

    @pytest.mark.accepts("C17")
    def test_a_paused_queue_is_not_claimed_from(self, engine: Engine, another_engine: Engine) -> None:
        """From the moment of the pause's commit, by whoever claims; suspects neither, and other queues go on."""
        enqueue(engine, queue="mail")
        run_one(engine, WorkerLost("w"), queue="mail")
        enqueue(engine, queue="mail")
        other = enqueue_one(engine)
        assert engine.pause_queue("mail", "ada", "the server is down")
        for one in (engine, another_engine):
            assert claim(one, queue="mail") == []
            assert claim(one, queue="mail", suspects=True) == []
            assert claim(one, queue="mail", above=9) == []
            assert claim(one, queue="mail", after=Place(1, 0, 1)) == []
            assert claim(one, queue="mail", aging=True) == []
        assert ids_of(claim(engine)) == [other]
        assert engine.resume_queue("mail")
        assert len(claim(engine, queue="mail")) == 1
        assert len(claim(engine, queue="mail", suspects=True)) == 1

    @pytest.mark.accepts("C17")
    def test_a_paused_queue_is_not_ready(self, engine: Engine) -> None:
        """So that no worker claims from it in vain, again and again."""
        enqueue(engine, queue="mail")
        run_one(engine, WorkerLost("w"), queue="mail")
        enqueue(engine, queue="mail")
        engine.pause_queue("mail", None, None)
        glance = engine.glance(1)
        assert (list(glance.ready_queues), list(glance.suspect_queues)) == ([], [])
        engine.resume_queue("mail")
        glance = engine.glance(1)
        assert (list(glance.ready_queues), list(glance.suspect_queues)) == (["mail"], ["mail"])

    @pytest.mark.accepts("C17")
    def test_the_record_says_who_paused_it_and_why(self, engine: Engine) -> None:
        """Whoever was first; a queue that had no record has one then, and its settings are untouched by it."""
        put(engine, "mail", slots=3)
        for name in ("mail", "new"):
            assert engine.pause_queue(name, "ada", "maintenance")
            assert not engine.pause_queue(name, "bob", None)
            record = find(engine, name)
            assert record.is_paused
            assert (record.paused_by, record.paused_reason) == ("ada", "maintenance")
        assert find(engine, "mail").settings.slots == 3
        assert engine.resume_queue("mail")
        assert not engine.resume_queue("mail")
        assert not engine.resume_queue("unheard of")
        record = find(engine, "mail")
        assert (record.paused_at, record.paused_by, record.paused_reason) == (None, None, None)

    @pytest.mark.accepts("C17")
    def test_jobs_of_a_paused_queue_still_become_due(self, engine: Engine, clock: Clock) -> None:
        """They wait for its end as available ones, in their places."""
        id = enqueue_one(engine, queue="mail", delay=HOUR)
        engine.pause_queue("mail", None, None)
        clock.advance(2 * HOUR)
        assert engine.stage_jobs(10) == 1
        assert job_of(engine, id).state == "available"
        assert claim(engine, queue="mail") == []
        assert engine.glance(1).due_in is None


class ClaimOrderContract(EngineContract):
    """The priority floor, and priorities that age."""

    @pytest.mark.accepts("M12")
    def test_jobs_below_the_floor_stay(self, engine: Engine) -> None:
        """Those of the floor's own priority are claimed; a queue that has only others is not ready."""
        ids = [enqueue_one(engine, priority=priority) for priority in (9, 7, 3)]
        put(engine, "default", priority_floor=7)
        assert list(engine.glance(1, floors=True).ready_queues) == ["default"]
        assert ids_of(claim(engine)) == [ids[2], ids[1]]
        assert list(engine.glance(1, floors=True).ready_queues) == []
        assert claim(engine, aging=True) == []
        put(engine, "default", priority_floor=None)
        assert list(engine.glance(1, floors=True).ready_queues) == ["default"]
        assert ids_of(claim(engine)) == [ids[0]]

    @pytest.mark.accepts("M12")
    def test_ageing_priorities_come_in_the_order_of_the_definition(self, engine: Engine, clock: Clock) -> None:
        """Whatever moments and priorities, and however many are claimed at a time; none is left or taken twice."""
        seed = time.time_ns()
        chance = random.Random(seed)  # noqa: S311 - it chooses jobs, no secrets
        for _ in range(60):
            clock.advance(timedelta(seconds=chance.randrange(900)))
            enqueue(engine, chance.randrange(1, 3), priority=chance.choice([1, 3, 4, 5, 5, 7, 9]))
        taken = []
        while jobs := claim(engine, limit=chance.randrange(1, 9), aging=True):
            taken += jobs
        keys = [aged(job.priority, job.order_at_us, job.id) for job in taken]
        assert keys == sorted(keys), f"seed {seed}"
        assert len({job.id for job in taken}) == len(taken) >= 60
        assert claim(engine) == []

    @pytest.mark.accepts("M12")
    def test_ageing_priorities_let_nothing_starve(self, engine: Engine, clock: Clock) -> None:
        """A job of the least priority comes before urgent ones that came after it by more than the steps between."""
        minor = enqueue_one(engine, priority=9)
        clock.advance(8 * AGING_STEP - timedelta(minutes=1))
        before = enqueue_one(engine, priority=1)
        clock.advance(timedelta(minutes=2))
        after = enqueue_one(engine, priority=1)
        assert ids_of(claim(engine, limit=2, aging=True)) == [before, minor]
        assert ids_of(claim(engine, aging=True)) == [after]

    @pytest.mark.accepts("M12")
    def test_competing_claims_of_ageing_priorities_take_each_job_once(self, engine: Engine) -> None:
        """Four threads; what one is claiming just now does not hide the rest from the others."""
        ids = [id for priority in (1, 5, 9) for id in enqueue(engine, 100, priority=priority)]

        def claim_all(worker: int) -> list[int]:
            taken: list[int] = []
            while engine.glance(worker).ready_queues:
                taken += ids_of(claim(engine, worker=worker, limit=7, aging=True))
            return taken

        with ThreadPoolExecutor(4) as threads:
            taken = list(chain(*threads.map(claim_all, range(1, 5))))
        assert sorted(taken) == sorted(ids)

    @pytest.mark.accepts("M12")
    def test_ageing_claims_leave_what_they_may_not_take(self, engine: Engine) -> None:
        """Tasks of others, suspects, other queues, and what does not wait."""
        enqueue(engine)
        run_one(engine, WorkerLost("w"))
        enqueue(engine, 1, task="others.task", priority=1)
        enqueue(engine, 1, queue="mail")
        enqueue(engine, 1, delay=HOUR)
        wanted = enqueue_one(engine, priority=9)
        assert ids_of(claim(engine, aging=True, other_tasks=["others.task"])) == [wanted]
        assert [job.crashes for job in claim(engine, aging=True, suspects=True)] == [1]


class RouteContract(EngineContract):
    """The rules that lead jobs into queues."""

    @pytest.mark.accepts("T20")
    def test_rules_are_listed_by_pattern(self, engine: Engine) -> None:
        """A second rule for the same pattern takes the first one's place."""
        engine.put_route("shop.reports.*", "slow", "ada")
        engine.put_route("shop.*", "shop", None)
        engine.put_route("shop.reports.*", "slower", "bob")
        rules = engine.list_routes()
        assert [(one.pattern, one.queue, one.created_by) for one in rules] == [
            ("shop.*", "shop", None),
            ("shop.reports.*", "slower", "bob"),
        ]
        assert engine.remove_route("shop.*")
        assert not engine.remove_route("shop.*")
        assert [one.pattern for one in engine.list_routes()] == ["shop.reports.*"]

    def test_where_no_schema_is_there_are_no_rules_to_read(self, subject: Subject) -> None:
        """A producer that looks for rules installs nothing: its own transaction may be in the way."""
        engine = subject.open()
        with pytest.raises(SchemaMissing):
            engine.list_routes()
        assert engine.schema_status().current is None
        engine.close()


class LoadFailureContract(EngineContract):
    """Modules that can't be imported."""

    @pytest.mark.accepts("M13")
    def test_failures_are_counted_for_each_module_and_host(self, engine: Engine, clock: Clock) -> None:
        """With the first and the last time, and the last error; until the module can be imported there."""
        engine.note_load_failure("shop.broken", "one", "ImportError: no shop")
        clock.advance(HOUR)
        engine.note_load_failure("shop.broken", "one", "SyntaxError: line 3")
        engine.note_load_failure("shop.broken", "two", "ImportError: no shop")
        first, second = engine.list_load_failures()
        assert (first.module, first.host, first.hits, first.error) == ("shop.broken", "one", 2, "SyntaxError: line 3")
        assert first.last_at - first.first_at >= HOUR
        assert (second.host, second.hits) == ("two", 1)
        engine.forget_load_failure("shop.broken", "one")
        assert engine.list_load_failures() == [second]

    @pytest.mark.accepts("M13")
    def test_what_nobody_tries_any_more_is_forgotten(self, engine: Engine, clock: Clock) -> None:
        """After a day: the host is no more, or its code does not name the module any more."""
        engine.note_load_failure("shop.gone", "one", "ImportError")
        clock.advance(DAY + HOUR)
        engine.note_load_failure("shop.broken", "one", "ImportError")
        assert [one.module for one in engine.list_load_failures()] == ["shop.broken"]
