"""`packhorse stats --by …`: what has become of jobs, by hour, queue and task."""

from datetime import timedelta

import pytest

from packhorse import JobState, Packhorse
from packhorse.domain.statistics import LAG
from packhorse.testing.clock import HasClock, MovingClock
from tests.acceptance.command import CommandLine
from tests.integration.worker_kit import wait_for, working
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("M27")
SECOND = timedelta(seconds=1)


@pytest.fixture
def counted(shop: Packhorse) -> Packhorse:
    """The shop, after two greetings and a failure; another greeting waits for its time."""
    shop.enqueue_many([shop.named("shop.greet").call("Ann")] * 2)
    shop.named("shop.fail").enqueue("no")
    assert shop.run_pending() == 4
    shop.named("shop.greet").using(delay=timedelta(days=1)).enqueue("Bob")
    assert isinstance(shop.engine, HasClock)
    MovingClock(shop.engine).advance(LAG + SECOND)
    assert shop.engine.add_up_ended(1000) == 3
    return shop


def test_figures_are_told_by_task(shop_cli: CommandLine, counted: Packhorse) -> None:
    """For people as a table, for programs with durations in seconds."""
    told = shop_cli("stats", "--by", "task", COLUMNS="200").out.splitlines()
    figures = shop_cli("stats", "--by", "task", "--json").json
    fail, greet = figures["figures"]

    assert told[0].split() == [
        *("TASK", "IN-QUEUE", "RUNS", "PROCESSED", "ERRORS", "SKIPPED", "FAILED", "CANCELLED", "AVERAGE", "TOTAL")
    ]
    assert told[1].split()[:8] == ["shop.fail", "0", "2", "0", "2", "0", "1", "0"]
    assert told[2].split()[:8] == ["shop.greet", "1", "2", "2", "0", "0", "0", "0"]
    assert figures["is_exact"]
    assert (fail["task"], fail["runs"], fail["errors"], fail["failed"]) == ("shop.fail", 2, 2, 1)
    assert (greet["in_queue"], greet["processed"], greet["timed"]) == (1, 2, 2)
    assert greet["average"] == pytest.approx(greet["duration"] / 2, abs=1e-5)


def test_figures_are_told_by_hour_and_narrowed(shop_cli: CommandLine, counted: Packhorse) -> None:
    """Of a queue or a task, and of the last hours; they say nothing of the queue's length."""
    by_hour = shop_cli("stats", "--by", "hour", "--by", "queue", "--last", "2h", "--json").json["figures"]
    assert {one["queue"] for one in by_hour} == {"default", "mail"}
    assert all("in_queue" not in one for one in by_hour)
    assert "IN-QUEUE" not in shop_cli("stats", "--by", "hour").out
    [mail] = shop_cli("stats", "--by", "task", "--queue", "mail", "--json").json["figures"]
    assert mail["task"] == "shop.greet"
    assert shop_cli("stats", "--by", "task", "--task", "shop.nothing").out.startswith("no figures")


@pytest.mark.parametrize("words", [["--by", "task", "--watch"], ["--last", "1h"], ["--by", "week"]])
def test_what_does_not_go_together_is_refused(shop_cli: CommandLine, shop: Packhorse, words: list[str]) -> None:
    """In a line or two."""
    assert shop_cli("stats", *words).code == 2


def test_a_worker_adds_up_what_has_ended(shop: Packhorse) -> None:
    """Nobody has to ask for it."""
    job = shop.named("shop.greet").enqueue("Ann")
    with working(shop):
        assert wait_for(shop, job.id).state is JobState.SUCCEEDED
    assert isinstance(shop.engine, HasClock)
    MovingClock(shop.engine).advance(LAG + SECOND)
    with working(shop):
        wait_until(lambda: sum(one.processed for one in shop.statistics().by("task")) == 1, 20, "the figures")
