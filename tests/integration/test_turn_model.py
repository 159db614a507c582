"""Random lives of jobs with keys: after every step each one is where the rules say, by a model of nothing but rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from packhorse.domain.job import ClaimedJob, Keys
from packhorse.domain.outcome import Cancel, Fail, Outcome, Skip, Success, Unstarted
from packhorse.engine import JobFilter
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.testing.clock import MovingClock
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.steps import acknowledge, claim, enqueue_one, settle
from tests.integration.turn_model import ROOM, Tied, TurnModel

HOUR, ALL = timedelta(hours=1), 1000
ENDS: dict[str, Outcome] = {"succeeded": Success(), "failed": Fail(), "cancelled": Cancel()}


class Turns(RuleBasedStateMachine):
    """The steps that tied jobs are taken through."""

    folder: Path
    numbers = itertools.count()
    jobs: Bundle[int] = Bundle("jobs")
    runs: Bundle[ClaimedJob] = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.engine = SqliteEngine(f"sqlite:///{self.folder / str(next(self.numbers))}.db")
        self.engine.migrate()
        put(self.engine, "default", group_max_running=ROOM)
        self.clock = MovingClock(self.engine)
        self.model = TurnModel()

    def teardown(self) -> None:
        """The next life has another database."""
        self.engine.close()

    @initialize(target=jobs)
    def begin(self) -> int:
        """With one job, which is in nobody's way."""
        return self._enqueue(Keys(), 0)

    @rule(
        target=jobs,
        count=st.integers(1, 4),
        serial=st.sampled_from([None, None, "a", "b"]),
        group=st.sampled_from([None, "x", "x", "y"]),
        after=st.one_of(st.just([]), st.lists(jobs, max_size=2)),
        needs=st.sampled_from(["success", "end"]),
        hours=st.sampled_from([0, 0, 0, 2]),
    )
    def enqueue(self, count: int, hours: int, **ties: Any) -> MultipleResults[int]:
        """Some more, alike."""
        after = tuple(sorted(set(ties["after"])))
        keys = Keys(serial_key=ties["serial"], group_key=ties["group"], after=after, after_needs=ties["needs"])
        return multiple(*[self._enqueue(keys, hours) for _ in range(count)])

    def _enqueue(self, keys: Keys, hours: int) -> int:
        id = enqueue_one(self.engine, keys=keys, delay=HOUR * hours if hours else None)
        due, needs_success = self.model.hour + hours, keys.after_needs == "success"
        self.model.insert(Tied(id, keys.serial_key, keys.group_key, frozenset(keys.after), needs_success, due))
        return id

    @rule(target=runs)
    def start(self) -> MultipleResults[ClaimedJob]:
        """A worker takes all that it can get."""
        jobs = claim(self.engine, limit=ALL)
        assert {job.id for job in jobs} == self.model.claim()
        return multiple(*jobs)

    @rule(run=consumes(runs), state=st.sampled_from(list(ENDS)))
    def end(self, run: ClaimedJob, state: str) -> None:
        """A run ends, in one of the ways that are final."""
        assert acknowledge(self.engine, run, ENDS[state])
        self.model.end(run.id, state)

    @rule(run=consumes(runs))
    def try_again(self, run: ClaimedJob) -> None:
        """Or it does not."""
        assert acknowledge(self.engine, run, Skip(after=2 * HOUR))
        self.model.try_again(run.id, 2)

    @rule(run=consumes(runs))
    def give_back(self, run: ClaimedJob) -> None:
        """Or it has not begun."""
        assert acknowledge(self.engine, run, Unstarted())
        self.model.give_back(run.id)

    @rule(id=jobs, what=st.sampled_from(["cancel", "hold", "release", "release", "retry", "dismiss"]))
    def operate(self, id: int, what: str) -> None:
        """A person does something with a job; what runs is not cancelled."""
        deeds: dict[str, Callable[[], object]] = {
            "cancel": lambda: self.engine.cancel_jobs([id], running=False),
            "hold": lambda: self.engine.hold_jobs([id]),
            "release": lambda: self.engine.release_jobs([id]),
            "retry": lambda: self.engine.retry_jobs([id]),
            "dismiss": lambda: self.engine.dismiss_jobs([id], "kim", "no"),
        }
        deeds[what]()
        getattr(self.model, what)(id)

    @rule()
    def wait(self) -> None:
        """An hour goes by, and what is due is seen."""
        self.clock.advance(HOUR + timedelta(seconds=1))
        self.model.hour += 1
        self.engine.stage_jobs(ALL)
        self.model.stage()

    @rule()
    def settle(self) -> None:
        """A worker settles whose turn it is."""
        settle(self.engine)
        self.model.settle()

    @invariant()
    def everybody_is_where_the_rules_say(self) -> None:
        """In the state, and at the gate."""
        found = {job.id: (job.state.value, job.waits_for) for job in self.engine.list_jobs(JobFilter(limit=ALL))}
        assert found == {id: job.shown for id, job in self.model.jobs.items()}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.engines("sqlite")
@pytest.mark.accepts("C15", "C16")
def test_jobs_with_keys_go_on_when_the_rules_say_so(engine_name: str, database_folder: Path) -> None:
    """A hundred lives of fifty steps."""
    Turns.folder = database_folder
    run_state_machine_as_test(
        Turns,
        settings=settings(
            max_examples=100,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            print_blob=True,
        ),
    )
