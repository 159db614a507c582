"""`packhorse jobs cancel|retry|hold|release|delete`: some jobs by id, or all that fit."""

import re
import signal
from datetime import timedelta

import pytest

from packhorse import JobState, Packhorse
from packhorse.selected import Counted
from packhorse.testing.contract.steps import claim_one
from tests.acceptance.command import CommandLine
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("C17")

DAY = timedelta(days=1)
MANY = 20_000


@pytest.fixture
def waiting(shop: Packhorse) -> list[int]:
    """Three greetings and a failure that wait, by id."""
    calls = [shop.named("shop.greet").call("Ann")] * 3 + [shop.named("shop.fail").call("no")]
    return [job.id for job in shop.enqueue_many(calls)]


def states(shop: Packhorse, ids: list[int]) -> list[JobState]:
    """The states of these jobs."""
    return [shop.get_job(id).state for id in ids]


def test_jobs_are_counted_before_anything_is_done(shop_cli: CommandLine, shop: Packhorse, waiting: list[int]) -> None:
    """For people by task, for programs by task, queue and state; nothing is changed."""
    told = shop_cli("jobs", "cancel", "--task", "shop.*", "--dry-run")
    counted = shop_cli("jobs", "cancel", "--task", "shop.*", "--dry-run", "--json").json

    assert (told.code, told.out) == (0, "4 jobs would be cancelled: 3 of shop.greet, 1 of shop.fail\n")
    assert counted == {
        "would_be_cancelled": 4,
        "groups": [
            {"task": "shop.fail", "queue": "default", "state": "available", "count": 1},
            {"task": "shop.greet", "queue": "mail", "state": "available", "count": 3},
        ],
    }
    assert shop_cli("jobs", "cancel", "--queue", "nobody", "--yes").out == "no job that could be cancelled fits\n"
    assert set(states(shop, waiting)) == {JobState.AVAILABLE}


def test_nothing_is_done_unasked(shop_cli: CommandLine, shop: Packhorse, waiting: list[int]) -> None:
    """Without a terminal it needs --yes; on one it asks, and no is the default."""
    refused = shop_cli("jobs", "cancel", "--queue", "mail")
    words = ["script", "-qec", " ".join(shop_cli.words("jobs", "cancel", "--queue", "mail")), "/dev/null"]
    asked = shop_cli.run(words, stdin="\n")

    assert refused.code == 2
    assert "3 jobs would be cancelled: 3 of shop.greet. Nobody can be asked here: give --yes" in refused.complaint
    assert (asked.code, "go on? [y/N]" in asked.out, "nothing was done" in asked.out) == (1, True, True)
    assert set(states(shop, waiting)) == {JobState.AVAILABLE}

    agreed = shop_cli.run(words, stdin="y\n")
    assert (agreed.code, "3 jobs cancelled" in agreed.out) == (0, True)
    assert states(shop, waiting)[:3] == [JobState.CANCELLED] * 3


def test_a_command_that_names_no_jobs_does_nothing(shop_cli: CommandLine, shop: Packhorse, waiting: list[int]) -> None:
    """A forgotten filter never means all; ids and filters together mean nothing clear."""
    for words in ([], [str(waiting[0]), "--queue", "mail"]):
        done = shop_cli("jobs", "cancel", "--yes", *words)
        assert done.code == 2
        assert "which jobs" in done.complaint
    assert set(states(shop, waiting)) == {JobState.AVAILABLE}


def test_jobs_are_cancelled_held_released_retried_and_deleted(
    shop_cli: CommandLine, shop: Packhorse, waiting: list[int]
) -> None:
    """By filter, one after the other; the reason says who did it and why."""
    held = shop_cli("jobs", "hold", "--queue", "mail", "--by", "kim", "--why", "stock-taking", "--yes")
    assert (held.code, held.out) == (0, "3 jobs held\n")
    assert shop.get_job(waiting[0]).reason == "held by kim: stock-taking"
    assert shop_cli("jobs", "release", "--all", "--yes").out == "3 jobs released\n"

    assert shop_cli("jobs", "cancel", "--all", "--yes", "--by", "kim").out == "4 jobs cancelled\n"
    assert shop.get_job(waiting[0]).reason == "cancelled by kim"
    back = shop_cli("jobs", "retry", "--state", "cancelled", "--queue", "mail", "--yes", "--json")
    assert back.json == {"retried": waiting[:3], "refused": {}, "is_whole": True}

    deleted = shop_cli("jobs", "delete", "--all", "--yes")
    assert (deleted.code, deleted.out) == (0, "1 job deleted\n")
    assert shop.find_job(waiting[3]) is None


def test_one_job_is_told_apart_from_the_other(shop_cli: CommandLine, shop: Packhorse, waiting: list[int]) -> None:
    """Each by its id: what was done, or why not; the exit code says whether all was done."""
    first, second = map(str, waiting[:2])
    assert shop_cli("jobs", "hold", first).out == f"job {first}: held\n"
    dry = shop_cli("jobs", "hold", "--all", "--dry-run", "--json").json
    assert dry["would_be_held"] == len(waiting) - 1
    dry = shop_cli("jobs", "hold", first, second, "--dry-run")
    assert dry.out == f"job {first}: is on hold already\njob {second}: would be held\n"
    assert shop_cli("jobs", "release", first, second, "--dry-run", "--json").json == {
        "would_be_released": [int(first)],
        "refused": {second: "is available, not on hold"},
    }
    again = shop_cli("jobs", "hold", first, second)
    assert (again.code, again.out, again.err) == (1, f"job {second}: held\n", f"job {first}: is on hold already\n")
    assert shop_cli("jobs", "release", first, second).code == 0
    assert shop_cli("jobs", "release", first).err == f"job {first}: is available, not on hold\n"

    refused = shop_cli("jobs", "delete", first, "--yes")
    assert (refused.code, "only finished jobs can be deleted" in refused.err) == (1, True)
    assert "would be deleted for good" in shop_cli("jobs", "delete", first).complaint
    assert shop_cli("jobs", "delete", first, "--dry-run").out.startswith(f"job {first}: is available; only finished")


def test_a_job_that_runs_is_asked_to_stop(shop_cli: CommandLine, shop: Packhorse) -> None:
    """It is told apart from those that are cancelled at once."""
    running, waiting = shop.named("shop.wait").enqueue(0).id, shop.named("shop.wait").using(delay=DAY).enqueue(0).id
    assert claim_one(shop.engine).id == running
    counted = shop_cli("jobs", "cancel", "--all", "--dry-run").out
    done = shop_cli("jobs", "cancel", str(running), str(waiting), "--json")

    assert counted == "2 jobs would be cancelled: 2 of shop.wait (1 of them run, and would be asked to stop)\n"
    assert done.json == {"cancelled": [waiting], "asked": [running], "refused": {}}
    assert states(shop, [running, waiting]) == [JobState.EXECUTING, JobState.CANCELLED]
    shown = shop_cli("jobs", "show", str(running))
    assert re.search(r"^asked to stop  \d+ m?s ago, by \w+$", shown.out, re.MULTILINE)


def test_a_wrong_state_is_refused_before_anything_is_done(shop_cli: CommandLine, waiting: list[int]) -> None:
    """With the states that are possible."""
    done = shop_cli("jobs", "hold", "--state", "failed", "--yes")

    assert done.code == 2
    assert "no failed job can be held; only blocked, scheduled, available ones can" in done.complaint


def test_ctrl_c_leaves_a_clear_partial_result(shop_cli: CommandLine, shop: Packhorse) -> None:
    """It ends behind a chunk, says how many were done, and the others are as they were."""
    shop.enqueue_many(shop.named("shop.wait").call(n) for n in range(MANY))
    command = shop_cli.start("jobs", "cancel", "--all", "--yes")
    wait_until(lambda: shop.count_jobs()[JobState.CANCELLED], 30, "the first chunk")
    command.send(signal.SIGINT)

    code, counts = command.wait(), shop.count_jobs()
    assert counts[JobState.AVAILABLE] + counts[JobState.CANCELLED] == MANY
    assert code == 130
    assert command.log() == (
        f"stopped: {counts[JobState.CANCELLED]:,} of {MANY:,} jobs cancelled; the others are as they were\n"
    )


def test_what_came_after_the_count_is_left(shop: Packhorse, waiting: list[int]) -> None:
    """Whoever said yes to four jobs cancels no fifth one."""
    selected = shop.select(task="shop.*")
    counted: Counted = selected.count("cancel")
    late = shop.enqueue("shop.greet", "Zoë").id

    assert selected.up_to(counted.highest_id).cancel().ids == set(waiting)
    assert shop.get_job(late).state is JobState.AVAILABLE
