"""`packhorse stale`, `prune`, and giving up what does not get on."""

from datetime import timedelta

import pytest

from packhorse import JobState, Packhorse
from packhorse.testing.clock import HasClock, MovingClock
from packhorse.testing.contract.steps import settle
from tests.acceptance.command import CommandLine

pytestmark = pytest.mark.accepts("M28")
DAY = timedelta(days=1)


@pytest.fixture
def clock(shop: Packhorse) -> MovingClock:
    """The database's clock."""
    assert isinstance(shop.engine, HasClock)
    return MovingClock(shop.engine)


def test_what_is_stuck_raises_an_alarm(shop_cli: CommandLine, shop: Packhorse, clock: MovingClock) -> None:
    """By its exit code, for cron; it says what is stuck, and since when. Without anything it is quiet."""
    quiet = shop_cli("stale")
    assert (quiet.code, quiet.out) == (0, "nothing has been stuck for longer than 24 h\n")
    held = shop.named("shop.greet").using(priority="low").enqueue("Ann")
    shop.hold(held.id, by="kim")
    batch = shop.batch("import", keep_alive=timedelta(hours=1))
    shop.named("shop.greet").using(batch=batch).enqueue("Bob")
    settle(shop.engine)
    assert shop_cli("stale").code == 0
    clock.advance(2 * DAY)
    told = shop_cli("stale", COLUMNS="200")
    figures = shop_cli("stale", "--json")

    assert (told.code, figures.code) == (1, 1)
    assert "blocked jobs: 1" in told.out
    assert "somebody holds it" in told.out
    assert "abandoned batches: 1" in told.out
    [group], [abandoned] = figures.json["jobs"], figures.json["batches"]
    assert (group["task"], group["waits_for"], group["count"]) == ("shop.greet", "hold", 1)
    assert (abandoned["id"], abandoned["state"]) == (batch.id, "abandoned")
    assert shop_cli("stale", "--longer-than", "3d", "--json").json["jobs"] == []


def test_stale_jobs_are_given_up_after_a_count(shop_cli: CommandLine, shop: Packhorse, clock: MovingClock) -> None:
    """As other jobs by filter; they stay as records."""
    job = shop.named("shop.greet").enqueue("Ann")
    shop.hold(job.id)
    clock.advance(2 * DAY)
    fresh = shop.named("shop.greet").enqueue("Bob")
    shop.hold(fresh.id)
    dry = shop_cli("jobs", "cancel", "--stale-for", "1d", "--dry-run")
    assert (dry.code, dry.out) == (0, "1 job would be cancelled: 1 of shop.greet\n")
    done = shop_cli("jobs", "cancel", "--stale-for", "1d", "--by", "kim", "--why", "never ready", "--yes")
    assert (done.code, done.out) == (0, "1 job cancelled\n")
    record = shop.get_job(job.id)
    assert (record.state, record.reason) == (JobState.CANCELLED, "cancelled by kim: never ready")
    assert shop.get_job(fresh.id).state is JobState.BLOCKED
    assert shop_cli("stale").code == 0


def test_batches_are_given_up_after_a_count(shop_cli: CommandLine, shop: Packhorse, clock: MovingClock) -> None:
    """Those that are abandoned, or named; their jobs go along, and the record stays."""
    batch = shop.batch("import", keep_alive=timedelta(hours=1), expected=10)
    kept = shop.batch("other")
    jobs = [shop.named("shop.greet").using(batch=one).enqueue("Ann").id for one in (batch, batch, kept)]
    settle(shop.engine)
    assert shop_cli("batches", "cancel", "--abandoned", "--yes").out == "no batch is abandoned\n"
    clock.advance(DAY)
    dry = shop_cli("batches", "cancel", "--abandoned", "--dry-run")
    assert (dry.code, dry.out) == (0, f"2 jobs would be cancelled, in batches {batch.id}\n")
    assert shop_cli("batches", "cancel", str(batch.id)).code == 2
    done = shop_cli("batches", "cancel", "--abandoned", "--why", "its program has died", "--yes")
    assert (done.code, done.out) == (0, f"batch {batch.id}: 2 jobs cancelled\n")
    settle(shop.engine)
    record = batch.record()
    assert (record.state, record.cancelled, shop.get_batch(kept.id).state) == ("cancelled", 2, "open")
    assert f"reason          {record.reason}" in shop_cli("batches", "show", str(batch.id)).out
    waited = shop_cli("batches", "wait", str(batch.id))
    assert (waited.code, "its program has died; 0 of 2 jobs failed, 2 were cancelled" in waited.complaint) == (1, True)
    assert (shop.get_job(jobs[0]).reason or "").endswith(": its program has died")
    assert shop.get_job(jobs[2]).state is JobState.AVAILABLE
    assert shop_cli("batches", "cancel", str(kept.id), "--yes", "--json").json == [
        {"id": kept.id, "cancelled": jobs[2:], "asked": []}
    ]
    settle(shop.engine)
    assert shop.get_batch(kept.id).state == "cancelled"
    assert shop_cli("batches", "cancel").code == 2
    assert shop_cli("batches", "cancel", "4711", "--yes").complaint.startswith("packhorse: no batch 4711")


def test_what_is_over_is_deleted_and_counted(shop_cli: CommandLine, shop: Packhorse, clock: MovingClock) -> None:
    """With what is left, and why: a batch goes as a whole, and so not before its last job may."""
    whole, half = shop.batch("whole"), shop.batch("half")
    for batch in (None, whole, whole, half):
        shop.named("shop.greet").using(batch=batch).enqueue("Ann")
    shop.named("shop.greet").using(batch=half, delay=30 * DAY).enqueue("Bob")
    whole.close()
    half.close()
    assert shop.run_pending() == 4
    settle(shop.engine)
    assert shop_cli("prune", "--dry-run", "--json").json == {"expired": 0}
    clock.advance(8 * DAY)
    assert shop_cli("prune", "--dry-run").out == "4 finished jobs, whose time is over\n"
    done = shop_cli("prune")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "3 jobs deleted; batches: 1",
            "1 job left although their time is over: kept for a batch or other jobs",
        ],
    )
    assert shop_cli("prune", "--json").json == {"jobs": 0, "batches": 0, "left": 1}
    assert [one.id for one in shop.list_batches()] == [half.id]


def test_pruning_by_hand_begins_with_the_first_batch(shop: Packhorse, clock: MovingClock) -> None:
    """Wherever the pruner of a worker in the same process, which goes on a little at a time, has come to."""
    with shop.batch("small") as batch:
        shop.named("shop.greet").using(batch=batch).enqueue("Ann")
    assert shop.run_pending() == 1
    settle(shop.engine)
    assert shop.engine.prune_batches(1).after == batch.id
    clock.advance(8 * DAY)
    assert shop.prune().batches == 1


def test_pruning_by_hand_comes_to_the_end(shop: Packhorse, clock: MovingClock) -> None:
    """However many batches there are and in whichever order they end; one more call finds nothing."""
    with shop.batch("kept") as kept:
        shop.named("shop.fail").using(batch=kept, delay=30 * DAY).enqueue("no")
    for _ in range(5):
        with shop.batch("small") as batch:
            shop.named("shop.greet").using(batch=batch).enqueue("Ann")
    assert shop.run_pending() == 5
    settle(shop.engine)
    clock.advance(8 * DAY)
    deleted, again = shop.prune(), shop.prune()
    assert (deleted.jobs, deleted.batches, again.jobs, again.batches) == (5, 5, 0, 0)
    assert [one.id for one in shop.list_batches()] == [kept.id]
    assert shop.count_expired() == 0
