"""`packhorse jobs explain`: why a job does not run."""

import re

import pytest

from packhorse import Packhorse
from tests.acceptance.command import APP, CommandLine

pytestmark = pytest.mark.accepts("C17")


def test_the_reason_and_what_to_do_stand_in_plain_words(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The most important one first; the command can be copied, and after it the reason is gone."""
    id = shop.enqueue("shop.greet", "Ann").id
    shop.queues.pause("mail", by="anna", reason="month end")

    told = shop_cli("jobs", "explain", str(id))
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0] == f"job {id} of shop.greet in mail: available"
    assert re.fullmatch(r"  - its queue mail has been paused by anna for \S+ \S+ \(month end\)", lines[1])
    assert lines[2:] == [
        "      do `packhorse queues resume mail`",
        "  - no worker is alive",
        f"      do `packhorse worker -q mail -A {APP}`",
    ]
    assert shop_cli("queues", "resume", "mail").code == 0
    assert "paused" not in shop_cli("jobs", "explain", str(id)).out


def test_a_command_that_is_told_reaches_the_same_database(cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """With its address, where the reason was asked for with one."""
    id = shop.enqueue("shop.greet", "Ann").id
    shop.hold(id, by="kim")
    told = cli("jobs", "explain", str(id), "--database-url", database_url)

    assert "it is on hold: held by kim" in told.out
    assert f"do `packhorse jobs release {id} --database-url " in told.out
    assert "do `packhorse worker -q mail -A module:app`" in told.out


def test_programs_get_codes_and_figures(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The reasons with their codes, how many are before it, and the wait in seconds."""
    shop.enqueue("shop.greet", "Ann")
    id = shop.enqueue("shop.greet", "Bob").id
    found = shop_cli("jobs", "explain", str(id), "--json").json
    reasons = found.pop("reasons")

    assert found == {
        "id": id,
        "task": "shop.greet",
        "queue": "mail",
        "state": "available",
        "claimable": True,
        "ahead": 1,
        "ahead_is_exact": True,
        "per_second": None,
        "wait_seconds": None,
    }
    assert [reason["code"] for reason in reasons] == ["no_worker", "behind"]
    assert reasons[0]["advice"] == "`packhorse worker -q mail`"


def test_a_job_that_is_not_there_is_said(shop_cli: CommandLine, shop: Packhorse) -> None:
    """In one line, as by `jobs show`."""
    shop.enqueue("shop.greet", "Ann")
    told = shop_cli("jobs", "explain", "77")

    assert (told.code, "job 77" in told.complaint) == (1, True)


def test_no_text_of_a_job_steers_the_terminal(shop_cli: CommandLine, shop: Packhorse) -> None:
    """What somebody typed as a reason is shown, not obeyed."""
    id = shop.enqueue("shop.greet", "Ann").id
    shop.hold(id, by="kim", why="\x1b[31mred\nline")

    told = shop_cli("jobs", "explain", str(id))
    assert "\\x1b[31mred ↵ line" in told.out
    assert "\x1b" not in told.out
    assert shop_cli("jobs", "explain", str(id), "--json").json["reasons"]
