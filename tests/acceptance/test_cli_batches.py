"""`packhorse batches`: how far a batch is, and waiting for its end."""

import re
from datetime import timedelta

import pytest

from packhorse import Batch, Packhorse
from packhorse.testing.clock import HasClock, MovingClock
from tests.acceptance.command import CommandLine


def filled(shop: Packhorse, *tasks: str) -> Batch:
    """A closed batch with a job of each task."""
    with shop.batch("month end", type="accounting", expected=len(tasks)) as batch:
        for task in tasks:
            shop.named(task).using(batch=batch).enqueue(*([42] if task == "shop.refuse" else []))
    return batch


@pytest.fixture
def good(shop: Packhorse) -> Batch:
    """A batch whose jobs succeed."""
    return filled(shop, "shop.whisper", "shop.tell_process")


@pytest.fixture
def bad(shop: Packhorse) -> Batch:
    """A batch of which one job fails."""
    return filled(shop, "shop.whisper", "shop.refuse")


@pytest.mark.accepts("M24")
def test_a_batch_is_waited_for(shop_cli: CommandLine, good: Batch, bad: Batch) -> None:
    """By exit code, for scripts; the failure is named."""
    shop_cli.start("worker")
    waited = shop_cli("batches", "wait", str(good.id), "--timeout", "1m")
    assert (waited.code, waited.out) == (0, f"batch {good.id} (month end): 2 jobs succeeded\n")
    assert shop_cli("batches", "wait", str(good.id), "--json").json["state"] == "succeeded"
    failed = shop_cli("batches", "wait", str(bad.id))
    assert failed.code == 1
    assert failed.complaint.startswith(f"packhorse: batch {bad.id} (month end): 1 of 2 jobs failed, 0 were cancelled: ")


def test_the_time_is_over(shop_cli: CommandLine, good: Batch) -> None:
    """Nobody works; how far it is was told meanwhile."""
    ended = shop_cli("batches", "wait", str(good.id), "--timeout", "2500ms")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "0 of 2 processed",
        f"packhorse: batch {good.id} has not ended within 2 s",
    ]


def test_batches_are_listed_and_shown(shop_cli: CommandLine, shop: Packhorse, good: Batch, bad: Batch) -> None:
    """With their progress, what is left, and what has failed; the open ones alone if that is wanted."""
    fresh = shop.batch("fresh")
    assert shop.run_pending() == 4
    listed = shop_cli("batches", "list", COLUMNS="200").out.splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["ID", "STATE"],
        [str(fresh.id), "open"],
        [str(bad.id), "failed"],
        [str(good.id), "succeeded"],
    ]
    assert "2 of 2" in listed[2]
    assert [one["id"] for one in shop_cli("batches", "list", "--open", "--json").json] == [fresh.id]
    assert [one["id"] for one in shop_cli("batches", "list", "--before", str(bad.id), "--json").json] == [good.id]

    document = shop_cli("batches", "show", str(bad.id), "--json").json
    [failed] = [job.id for job in shop.list_jobs(state="failed")]
    assert (document["unsuccessful"], document["processed"], document["time_left"]) == ([failed], 2, 0.0)
    page = shop_cli("jobs", "list", "--batch", str(bad.id), "--limit", "1")
    assert f"packhorse jobs list --batch {bad.id} --limit 1 --before {failed}" in page.err
    assert len(shop_cli("jobs", "list", "--batch", str(good.id), "--json").json) == 2
    shown = shop_cli("batches", "show", str(bad.id)).out
    for words in ("type +accounting", "failed +1", f"not succeeded +{failed}"):
        assert re.search(f"^{words}$", shown, re.MULTILINE), words
    assert shop_cli("batches", "show", "4711").complaint.startswith("packhorse: no batch 4711: ")


def test_an_open_batch_says_what_it_waits_for_and_what_can_be_done(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Its producer may have died; or fewer jobs have come than were expected, and closing it ends nothing."""
    unclosed, waiting, short = (shop.batch("import", expected=expected) for expected in (None, None, 3))
    for batch in (unclosed, waiting, short):
        shop.named("shop.whisper").using(batch=batch).enqueue()
    short.close()
    assert shop.run_pending() == 3
    shop.named("shop.whisper").using(batch=waiting).enqueue()
    shop.engine.count_batches(100)

    listed = shop_cli("batches", "list", COLUMNS="200")
    assert ["not closed" in line for line in listed.out.splitlines()[1:]] == [False, False, True]
    shown = shop_cli("batches", "show", str(unclosed.id))
    assert "waits for       its producer, which has not closed it\n" in shown.out
    assert "time left" not in shown.out
    for words in (f"packhorse batches cancel {unclosed.id}", f"and app.close_batch({unclosed.id}) closes it"):
        assert words in shown.err
    running = shop_cli("batches", "show", str(waiting.id))
    assert "1 of its jobs, which have not ended; its producer, which has not closed it\n" in running.out
    assert running.err == ""
    missing = shop_cli("batches", "show", str(short.id))
    assert "waits for       2 more of the 3 jobs that are expected\n" in missing.out
    assert missing.err.endswith(f"packhorse batches cancel {short.id}` gives it up\n")


def test_of_an_abandoned_batch_nobody_says_how_long_it_will_take(shop_cli: CommandLine, shop: Packhorse) -> None:
    """It does not go on; the list says how it is given up."""
    with shop.batch("import", keep_alive=timedelta(hours=1)) as batch:
        for _ in range(2):
            shop.named("shop.whisper").using(batch=batch).enqueue()
    empty = shop.batch("empty", keep_alive=timedelta(hours=1))
    shop.engine.count_batches(100)
    assert isinstance(shop.engine, HasClock)
    MovingClock(shop.engine).advance(timedelta(days=2))

    listed = shop_cli("batches", "list", "--json").json
    assert [(one["id"], one["state"], one["time_left"]) for one in listed] == [
        (empty.id, "abandoned", None),
        (batch.id, "abandoned", None),
    ]
    told = shop_cli("batches", "list")
    assert " ms" not in told.out
    assert "`packhorse batches cancel --abandoned" in told.err


def test_without_batches_it_says_so(shop_cli: CommandLine, shop: Packhorse) -> None:
    """In words."""
    assert shop.list_batches() == []
    assert shop_cli("batches", "list").out == "no batches\n"
