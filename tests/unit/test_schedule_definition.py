"""What a schedule is, and the texts that a database keeps of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from packhorse.domain.job import Keys, NewJob
from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.definition import Overlap, Policy, Schedule, read_policy, read_schedule
from packhorse.domain.schedule.missed import Missed, MissedRuns
from packhorse.errors import ConfigurationError

pytestmark = pytest.mark.accepts("O9")

RULE = Cron(expression="0 9 * * mon-fri", tz="Europe/Berlin")
JOB = NewJob(task="shop.report", args='["a"]', queue="mail", delay=timedelta(minutes=5), keys=Keys(unique_key="x"))
POLICY = Policy(
    missed=MissedRuns(Missed.ALL, 7, timedelta(seconds=90)),
    overlap=Overlap.QUEUE,
    alarm_after=timedelta(hours=1, microseconds=1),
    pause_on_failure=True,
)


def schedule(**changes: Any) -> Schedule:
    """A schedule in which nothing is as usual."""
    return Schedule(**{"name": "report", "rule": RULE, "job": JOB, "policy": POLICY, **changes})


def test_its_texts_hold_all_of_it() -> None:
    """What is read is what was written."""
    one = schedule()
    assert read_schedule("report", one.rule_text, one.job_text, one.policy_text) == one
    plain = schedule(job=NewJob(task="t"), policy=Policy())
    assert (plain.job_text, plain.policy_text) == ('{"task": "t"}', "{}")
    assert read_schedule("report", plain.rule_text, plain.job_text, plain.policy_text) == plain


def test_equal_schedules_have_one_fingerprint() -> None:
    """Others have another one, whatever differs."""
    assert schedule().fingerprint == schedule(rule=Cron(expression="0  9 * * MON-fri", tz="Europe/Berlin")).fingerprint
    others = [
        schedule(name="other"),
        schedule(rule=Cron(expression="0 9 * * *")),
        schedule(job=NewJob(task="t")),
        schedule(policy=Policy()),
    ]
    assert len({schedule().fingerprint, *(one.fingerprint for one in others)}) == 5


def test_the_job_of_a_tick_knows_it() -> None:
    """Beside what it has of its own; a run by hand has none."""
    tick = datetime(2026, 11, 22, 8, tzinfo=UTC)
    job = schedule(job=NewJob(task="t", meta='{"tenant": 1}')).job_at(tick)
    assert job.meta == '{"tenant": 1, "schedule": {"name": "report", "tick": "2026-11-22T08:00:00+00:00"}}'
    assert schedule(job=NewJob(task="t")).job_at(None).meta == '{"schedule": {"name": "report", "tick": null}}'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "no name for a schedule"),
        ({"name": "a b"}, "no name for a schedule"),
        ({"job": NewJob(task="t", scheduled_at=datetime.now(UTC))}, "use delay or expected_in"),
    ],
)
def test_what_can_not_be_is_refused(changes: dict[str, Any], said: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigurationError, match=said):
        schedule(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"overlap": "never"}, "overlap must be skip, queue, allow"),
        ({"alarm_after": timedelta(0)}, "alarm_after must be a timedelta above zero"),
        ({"alarm_after": 5}, "alarm_after must be a timedelta above zero"),
        ({"pause_on_failure": 1}, "pause_on_failure must be True or False"),
        ({"missed": MissedRuns(Missed.ALL)}, "give overlap='queue' or overlap='allow'"),
    ],
)
def test_a_policy_that_can_not_be_is_refused(changes: dict[str, Any], said: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigurationError, match=said):
        Policy(**changes)


@pytest.mark.parametrize("text", ["", "[]", '{"overlap": "never"}', '{"new": 1}', '{"missed": {"most": 0}}'])
def test_a_text_that_is_no_policy_is_refused(text: str) -> None:
    """As one error of ours, whatever is wrong."""
    with pytest.raises(ConfigurationError, match=r"Policy can't be read|most must be"):
        read_policy(text)
