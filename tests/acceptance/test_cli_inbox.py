"""`packhorse inbox`: a person works through what has failed."""

import re

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.test_cli_jobs import HOSTILE
from tests.waiting import wait_until


@pytest.fixture
def refused(shop: Packhorse) -> list[int]:
    """Five jobs that failed alike, and one that failed otherwise, by id."""
    jobs = shop.enqueue_many([shop.named("shop.refuse").call(42)] * 5 + [shop.named("shop.refuse").call(7)])
    shop.run_pending()
    return [job.id for job in jobs]


def test_equal_failures_are_one_line(shop_cli: CommandLine, shop: Packhorse, refused: list[int]) -> None:
    """With their number, and a line for each job on request."""
    assert re.search(
        rf"^ +5 +shop\.refuse +\d+ m?s ago +{refused[4]} +UserError: customer 42 has no address; fill it in$",
        shop_cli("inbox", "list", COLUMNS="200").out,
        re.MULTILINE,
    )
    groups = shop_cli("inbox", "list", "--json", "--message", "customer 42 *").json
    assert [(group["count"], group["lowest_id"], group["highest_id"]) for group in groups] == [
        (5, refused[0], refused[4])
    ]
    each = shop_cli("inbox", "list", "--each", "--json", "--responsible", "kim", "--limit", "2").json
    assert [item["id"] for item in each] == refused[:-3:-1]
    assert each[0]["args"] == [7]
    assert shop_cli("inbox", "list", "--queue", "mail").out == "the inbox is empty\n"
    page = shop_cli("inbox", "list", "--before", str(refused[1]), "--json").json
    assert [item["id"] for item in page] == refused[:1]


def test_one_failure_is_shown_with_its_history(shop_cli: CommandLine, shop: Packhorse, refused: list[int]) -> None:
    """Who is responsible and who looks into it, and every attempt."""
    id = str(refused[0])
    assert shop_cli("inbox", "take", id, "--by", "robin").out == f"job {id}: taken\n"
    shown = shop_cli("inbox", "show", id).out
    document = shop_cli("inbox", "show", id, "--json").json

    for text in ("inbox +processing", "taken by +robin, ", "responsible +kim", "reason +fill it in", "attempt 1: fail"):
        assert re.search(f"^{text}", shown, re.MULTILINE), text
    assert (shown.count("customer 42 has no address"), shown.count("fill it in")) == (1, 1)
    assert (document["state"], document["taken_by"]) == ("processing", "robin")
    assert [attempt["outcome"] for attempt in document["attempts"]] == ["fail"]
    assert shop_cli("inbox", "show", "4711").complaint == "packhorse: job 4711 is not in the inbox\n"


def test_what_was_dismissed_is_not_counted_as_in_the_inbox(
    shop_cli: CommandLine, shop: Packhorse, refused: list[int]
) -> None:
    """By id as by filter."""
    first, second = map(str, refused[:2])
    shop.inbox.dismiss(refused[0], why="too old")
    dry = shop_cli("inbox", "solve", first, second, "--dry-run")
    assert dry.out == f"job {first}: was dismissed\njob {second}: would be solved\n"


def test_failures_are_solved(shop_cli: CommandLine, shop: Packhorse, refused: list[int]) -> None:
    """One by its id, the others by filter, after a count and a question; they run again."""
    one, others = str(refused[-1]), ["--task", "shop.refuse"]
    assert shop_cli("inbox", "solve", one).out == f"job {one}: solved\n"
    again = shop_cli("inbox", "solve", one)
    assert (again.code, again.err) == (1, f"job {one}: is available, not in the inbox\n")

    told = shop_cli("inbox", "solve", *others, "--dry-run").out
    assert told == "5 jobs would be solved: 5 of shop.refuse\n"
    assert "give --yes" in shop_cli("inbox", "solve", *others).complaint
    assert shop_cli("inbox", "solve", *others, "--yes", "--by", "kim").out == "5 jobs solved\n"
    assert (shop.inbox.count(), shop.get_job(refused[0]).reason) == (0, "retried by kim")


def test_failures_are_dismissed_with_a_reason(shop_cli: CommandLine, shop: Packhorse, refused: list[int]) -> None:
    """They stay failed, and are listed with it."""
    assert "Missing option '--why'" in shop_cli("inbox", "dismiss", "--all", "--yes").complaint
    assert "it is empty" in shop_cli("inbox", "dismiss", "--all", "--yes", "--why", "").complaint
    done = shop_cli("inbox", "dismiss", "--all", "--yes", "--by", "kim", "--why", "they have left")

    assert (done.code, done.out, shop.inbox.count()) == (0, "6 jobs dismissed\n", 0)
    assert {shop.get_job(id).state for id in refused} == {JobState.FAILED}
    assert re.search(
        rf"^ *{refused[0]} +shop\.refuse .* kim +they have left +UserError", _dismissed(shop_cli), re.MULTILINE
    )
    again = shop_cli("inbox", "dismiss", str(refused[0]), "--why", "twice")
    assert (again.code, again.err) == (1, f"job {refused[0]}: was dismissed\n")


def _dismissed(shop_cli: CommandLine) -> str:
    return shop_cli("inbox", "list", "--dismissed").out


def test_stored_text_is_inert_on_a_terminal(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Neither an error nor what a person typed steers it."""
    job = shop.enqueue("shop.fail", HOSTILE)
    wait_until(lambda: shop.run_pending() and shop.get_job(job.id).state.is_final, what="the job's failure")
    shop_cli("inbox", "take", str(job.id), "--by", HOSTILE)
    for words in (["list"], ["list", "--each"], ["show", str(job.id)]):
        out = shop_cli("inbox", *words).out
        assert "\\x1b[2J" in out
        assert not set(out) & set("\x1b\x07\r\u202e")


def test_a_user_error_comes_out_of_a_child(shop_cli: CommandLine, shop: Packhorse) -> None:
    """From a handler that runs in a process of its own, too: at once, and without a traceback."""
    job = shop.enqueue("shop.refuse_apart", 42)
    worker = shop_cli.start("worker")
    wait_until(lambda: shop.get_job(job.id).state.is_final, 30, "the failure")
    item = shop.inbox.get(job.id)

    assert (item.attempt, item.error_type, item.error_traceback, item.reason) == (1, "UserError", "", "fill it in")
    assert "Traceback" not in worker.log()
