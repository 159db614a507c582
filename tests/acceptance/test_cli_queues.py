"""`packhorse queues`: pausing, changing and routing while worker processes run."""

from datetime import timedelta
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine
from tests.waiting import wait_until

SECONDS = 15.0
APPLICATION = """
import os
from datetime import timedelta
from packhorse import Packhorse

app = Packhorse(worker="processes")
app.queue("mail", slots=3, rate="100/m", keep_succeeded=timedelta(days=1))
app.include("shop_good", "shop_broken")
"""
GOOD = """
from shop_app import app

@app.task(name="good.work")
def work() -> str:
    return "good"
"""
BROKEN = """
from shop_app import app
import a_module_that_nobody_has

@app.task(name="broken.work")
def work() -> str:
    return "mended"
"""


def states(shop: Packhorse, queue: str) -> list[JobState]:
    """The states of a queue's jobs, by id."""
    return [job.state for job in reversed(shop.list_jobs(queue=queue))]


@pytest.mark.accepts("C17")
def test_a_queue_is_paused_and_resumed_under_running_workers(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Two processes; what runs goes on, what waits stays, and other queues are served."""
    shop_cli.start("worker", "-p", "2")
    wait_until(lambda: len(shop.list_workers()) == 2, SECONDS, "both processes")
    assert "queue mail: paused" in shop_cli("queues", "pause", "mail", "--by", "ada", "--reason", "a test").out
    waiting = [shop.enqueue("shop.greet", f"Ann {number}") for number in range(5)]
    assert shop.enqueue("shop.tell_process").result(30)
    assert set(states(shop, "mail")) == {JobState.AVAILABLE}
    assert "paused by ada" in shop_cli("queues", "list").out

    assert "queue mail: resumed" in shop_cli("queues", "resume", "mail").out
    assert [job.result(30) for job in waiting] == [f"Hello Ann {number}" for number in range(5)]
    assert "queue mail: was not paused" in shop_cli("queues", "resume", "mail").out


@pytest.mark.accepts("M12", "C16")
def test_running_processes_take_up_a_pool_size(shop_cli: CommandLine, shop: Packhorse, tmp_path: Path) -> None:
    """One slot, then two, with no restart."""
    shop_cli("queues", "set", "default", "slots=1")
    signs = [tmp_path / f"sign-{number}" for number in range(3)]
    for sign in signs:
        shop.enqueue("shop.wait", 60, str(sign))
    worker = shop_cli.start("worker", "--shutdown-timeout", "0s")
    wait_until(lambda: sum(sign.exists() for sign in signs) == 1, SECONDS, "the first job")
    assert shop.enqueue("shop.greet", "Ann").result(30)
    assert sum(sign.exists() for sign in signs) == 1

    shop_cli("queues", "set", "default", "slots=2")
    wait_until(lambda: sum(sign.exists() for sign in signs) == 2, SECONDS, "the second job")
    assert states(shop, "default").count(JobState.AVAILABLE) == 1
    assert worker.process.poll() is None


@pytest.mark.parametrize("words", [["show"], ["set", "slots=2"], ["pause"]], ids=" ".join)
def test_a_queue_that_nobody_knows_is_told(shop_cli: CommandLine, shop: Packhorse, words: list[str]) -> None:
    """With the closest one; it may be one of the future, so nothing is refused. Those of the code's tasks are known."""
    verb, *settings = words
    done = shop_cli("queues", verb, "mial", *settings)
    assert done.code == 0
    assert "no code declares a queue 'mial'" in done.complaint
    assert "did you mean 'mail'?" in done.complaint
    for name in ("mail", "default"):
        assert shop_cli("queues", verb, name, *settings).err == ""


@pytest.mark.accepts("M12")
def test_settings_are_shown_with_who_has_said_so(shop_cli: CommandLine, shop: Packhorse) -> None:
    """What was set at run time, until it is reset; a setting alone or all of them."""
    said = shop_cli("queues", "set", "mail", "slots=4", "rate=5/30s", "keep_failed=0", "fair=yes", "order=aging")
    assert (said.code, said.err) == (0, "")
    assert "slots              4  (set at run time)" in said.out
    shown = shop_cli("queues", "show", "mail", "--json").json
    assert shown["settings"]["slots"] == 4
    assert shown["settings"]["rate"] == "5/30s"
    assert shown["settings"]["keep_failed"] == 0
    assert (shown["settings"]["fair"], shown["settings"]["order"]) == (True, "aging")
    assert shown["set_at_run_time"] == ["fair", "keep_failed", "order", "rate", "slots"]

    assert shop_cli("queues", "reset", "mail", "slots", "--json").json["settings"]["slots"] is None
    assert shop_cli("queues", "reset", "mail", "--json").json["set_at_run_time"] == []
    assert shop.queues.get("mail").settings.keep_failed is None
    assert "record is removed" in shop_cli("queues", "remove", "mail").out
    assert shop_cli("queues", "remove", "mail").code == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["set", "mail", "slots"], "write it as slots=4"),
        (["set", "mail", "slot=4"], "no setting 'slot'; there are slots"),
        (["set", "mail", "slots=many"], "slots must be a whole number"),
        (["set", "mail", "rate=often"], "100/m"),
        (["set", "mail", "order=none"], "'deadline' or 'aging'"),
        (["set", "no queue", "slots=1"], "no name for a queue"),
        (["reset", "mail", "slot"], "no setting 'slot'"),
        (["route", "two words", "slow"], "no pattern"),
        (["pause"], "NAMES"),
    ],
)
def test_a_mistake_is_told_in_a_line(shop_cli: CommandLine, shop: Packhorse, words: list[str], complaint: str) -> None:
    """With the exit code of a wrong use, and nothing is changed."""
    ended = shop_cli("queues", *words)
    assert ended.code == 2
    assert complaint in ended.err
    assert "Traceback" not in ended.err
    assert shop.queues.list() == []


@pytest.mark.accepts("C17")
def test_a_purge_counts_asks_and_cancels_what_waits(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Scheduled jobs, too; other queues' jobs stay; a retry takes it back."""
    for _ in range(3):
        shop.enqueue("shop.greet", "Ann")
    shop.named("shop.greet").using(delay=timedelta(hours=1)).enqueue("Bob")
    shop.enqueue("shop.wait", 0)
    counted = shop_cli("queues", "purge", "mail", "--dry-run")
    assert (counted.code, "4 jobs would be cancelled" in counted.out) == (0, True)
    assert shop_cli("queues", "purge", "mail").code == 2
    assert len(states(shop, "mail")) == 4

    assert "4 jobs cancelled" in shop_cli("queues", "purge", "mail", "--yes", "--why", "a test").out
    assert set(states(shop, "mail")) == {JobState.CANCELLED}
    assert states(shop, "default") == [JobState.AVAILABLE]
    shop_cli("jobs", "retry", "--queue", "mail", "--state", "cancelled", "--yes")
    assert JobState.CANCELLED not in states(shop, "mail")


@pytest.mark.accepts("T20")
def test_rules_are_made_listed_and_removed(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Jobs that are enqueued go where they say."""
    assert "no rules" in shop_cli("queues", "routes").out
    shop_cli("queues", "route", "shop.*", "slow", "--by", "ada")
    shop_cli("queues", "route", "shop.greet", "vip")
    assert [(one["pattern"], one["queue"]) for one in shop_cli("queues", "routes", "--json").json] == [
        ("shop.greet", "vip"),
        ("shop.*", "slow"),
    ]
    assert shop.enqueue("shop.greet", "Ann").record().queue == "vip"
    assert shop.enqueue("shop.wait", 0).record().queue == "slow"
    assert shop_cli("queues", "unroute", "shop.greet").code == 0
    ended = shop_cli("queues", "unroute", "shop.greet")
    assert (ended.code, "no rule 'shop.greet'" in ended.err) == (1, True)


@pytest.mark.accepts("M13", "M12")
def test_workers_start_with_what_code_says_and_without_what_is_broken(
    cli: CommandLine, tmp_path: Path, shop: Packhorse, database_url: str
) -> None:
    """Declarations are written, a broken module is reported, and its jobs come back when it is mended."""
    environ = {"PACKHORSE_DATABASE_URL": database_url, "PACKHORSE_APP": "shop_app:app"}
    for name, text in (("shop_app", APPLICATION), ("shop_good", GOOD), ("shop_broken", BROKEN)):
        (tmp_path / f"{name}.py").write_text(text)
    broken, good = shop.enqueue("broken.work"), shop.enqueue("good.work")
    worker = cli.start("worker", "-p", "2", **environ)
    assert good.result(30) == "good"
    wait_until(lambda: shop.get_job(broken.id).state is JobState.BLOCKED, SECONDS, "the job to be parked")
    wait_until(shop.list_load_failures, SECONDS, "the report")
    assert shop.queues.get("mail").settings.slots == 3
    assert "1 task, all queues" in worker.log()
    assert "shop_broken can't be imported" in worker.log()
    for words in (["queues", "list"], ["workers", "list"], ["check"]):
        ended = cli(*words, **environ)
        assert ended.code == 0
        assert "No module named 'a_module_that_nobody_has'" in ended.out + ended.err

    assert cli("enqueue", "good.work", **environ).code == 0
    ended = cli("enqueue", "broken.work", **environ)
    assert (ended.code, "shop_broken can't be imported here" in ended.err) == (0, True)

    (tmp_path / "shop_broken.py").write_text(BROKEN.replace("import a_module_that_nobody_has", ""))
    assert broken.result(40) == "mended"
    assert "no task 'brokn.work'" in cli("enqueue", "brokn.work", **environ).err
    wait_until(lambda: not shop.list_load_failures(), 30.0, "the report to go")
