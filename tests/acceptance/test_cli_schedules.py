"""`packhorse schedules`: looking at schedules, and running, pausing, making and removing them."""

import getpass
import re
from datetime import timedelta

import pytest

from packhorse import Cron, Every, Packhorse
from packhorse.keeper import Keeper
from packhorse.testing.clock import move_clock
from tests.acceptance.command import CommandLine
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


@pytest.fixture
def scheduled(shop: Packhorse) -> Packhorse:
    """The shop with two schedules in its code and one of run time."""
    shop.schedule("morning", Cron("0 9 * * mon-fri", tz="Europe/Berlin"), shop.registry.get("shop.greet").call("Ann"))
    shop.schedule("trouble", Every(1, "hours"), shop.registry.get("shop.fail").call("no paper"), overlap="queue")
    shop.schedules.sync()
    shop.schedules.put("poll", Every(5, "minutes"), shop.named("shop.wait").call(0), alarm_after=HOUR)
    return shop


@pytest.mark.accepts("O9", "O10")
def test_schedules_are_listed_with_their_next_and_last_runs(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """The rule in words, the next tick in the schedule's own zone, how the last run went, and who has paused it."""
    scheduled.schedules.run("trouble")
    wait_until(lambda: scheduled.run_pending() or not scheduled.schedules.get("trouble").live_jobs, what="its end")
    scheduled.schedules.pause("poll", by="kim", reason="too loud")
    table = shop_cli("schedules", "list").out
    assert re.search(
        r"^morning +at 09:00 on Monday to Friday, Europe/Berlin +20\d\d-\d\d-\d\d 09:00:00 CES?T *$",
        table,
        re.MULTILINE,
    )
    assert re.search(r"^trouble .* failed .* ValueError: no paper$", table, re.MULTILINE)
    assert re.search(r"^poll +every 5 minutes, UTC +paused by kim .* ago \(too loud\)$", table, re.MULTILINE)

    document = {one["name"]: one for one in shop_cli("schedules", "list", "--json").json}
    assert document["morning"]["rule"] == {"rule": "cron", "expression": "0 9 * * mon-fri", "tz": "Europe/Berlin"}
    assert len(document["morning"]["next_ticks"]) == 5
    assert document["poll"]["paused_by"] == "kim"
    assert document["trouble"]["last_run"]["state"] == "failed"
    assert document["trouble"]["last_run"]["seconds"] >= 0


def test_without_schedules_it_is_said_how_to_make_one(shop_cli: CommandLine, shop: Packhorse) -> None:
    """An empty list in JSON."""
    assert "no schedules: declare one" in shop_cli("schedules", "list").out
    assert shop_cli("schedules", "list", "--json").json == []


@pytest.mark.accepts("O10")
def test_one_schedule_is_shown_with_its_runs(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """When it is due, what it enqueues, by which policy, where it comes from, and who has started what."""
    job = scheduled.schedules.run("poll", by="kim")
    shown = shop_cli("schedules", "show", "poll").out
    assert re.search(r"^task +shop\.wait$", shown, re.MULTILINE)
    assert re.search(rf"^declared +at run time, by {getpass.getuser()}$", shown, re.MULTILINE)
    assert re.search(r"^alarm after +1:00:00$", shown, re.MULTILINE)
    assert len(re.findall(r"20\d\d-\d\d-\d\d \d\d:\d[05]:00 UTC$", shown, re.MULTILINE)) == 5
    assert re.search(rf"^by hand \(kim\) +{job.id} +available", shown, re.MULTILINE)
    assert shop_cli("schedules", "show", "poll", "--json").json["runs"][0]["job_id"] == job.id
    assert "did you mean 'poll'" in shop_cli("schedules", "show", "pol").complaint


def test_a_schedule_is_run_by_hand_once_at_a_time(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """The second command ends with 1, and says which job is in its way."""
    first = shop_cli("schedules", "run", "poll", "--json")
    second = shop_cli("schedules", "run", "poll")
    assert first.code == 0
    assert (second.code, second.out) == (1, "")
    assert f"wait for job {first.json['id']}, or cancel it" in second.complaint
    assert scheduled.schedules.runs("poll")[0].fired_by == getpass.getuser()


@pytest.mark.accepts("O9", "C17")
def test_schedules_are_paused_and_resumed(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """Each says what became of it; a name that is not there keeps all from being changed."""
    assert shop_cli("schedules", "pause", "poll", "--reason", "too loud").out == "schedule poll: paused\n"
    record = scheduled.schedules.get("poll")
    assert (record.paused_by, record.pause_reason) == (getpass.getuser(), "too loud")
    both = shop_cli("schedules", "pause", "poll", "morning", "--by", "kim").out
    assert both == "schedule poll: was paused before\nschedule morning: paused\n"
    assert shop_cli("schedules", "resume", "poll").out == "schedule poll: resumed\n"
    assert shop_cli("schedules", "resume", "poll").out == "schedule poll: was not paused\n"
    assert shop_cli("schedules", "resume", "poll", "morning", "--json").json == {"resumed": ["morning"]}
    wrong = shop_cli("schedules", "pause", "trouble", "xyz")
    assert wrong.code == 1
    assert "no schedule 'xyz'" in wrong.complaint
    assert scheduled.schedules.get("trouble").paused_at is None


def test_schedules_are_made_and_removed_at_run_time(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """The code's own are left alone."""
    words = ["schedules", "put", "nightly", "shop.greet", "Ben", "--cron", "30 2 * * *", "--tz", "Europe/Berlin"]
    assert shop_cli(*words, "--overlap", "queue", "--alarm-after", "90m").out == "schedule nightly: stored\n"
    assert shop_cli(*words, "--overlap", "queue", "--alarm-after", "90m").out == "schedule nightly: was so before\n"
    record = scheduled.schedules.get("nightly")
    assert record.schedule is not None
    assert (record.schedule.rule, record.schedule.job.args) == (Cron("30 2 * * *", tz="Europe/Berlin"), '["Ben"]')
    assert shop_cli("schedules", "remove", "nightly").out == "schedule nightly: removed\n"
    assert scheduled.schedules.find("nightly") is None


def test_a_removed_schedule_of_the_code_comes_back(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """It is said, and what would keep it from running instead."""
    done = shop_cli("schedules", "remove", "morning", "poll")
    assert (done.code, done.out) == (0, "schedule morning: removed\nschedule poll: removed\n")
    assert "morning is declared in tests.acceptance.shop_app" in done.complaint
    assert "`packhorse schedules pause morning` would keep it from running then" in done.complaint
    assert "poll is" not in done.err


def test_a_paused_schedule_has_no_next_ticks(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """They would not run; they are shown again when it is resumed."""
    scheduled.schedules.pause("poll", by="kim")
    shown = shop_cli("schedules", "show", "poll").out
    assert re.search(r"^status +paused by kim", shown, re.MULTILINE)
    assert not re.search(r"^next ", shown, re.MULTILINE)
    assert shop_cli("schedules", "show", "poll", "--json").json["next_ticks"] == []

    scheduled.schedules.resume("poll")
    assert len(shop_cli("schedules", "show", "poll", "--json").json["next_ticks"]) == 5


def test_a_schedule_of_a_task_that_nobody_knows_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """It is stored: the code that has the task may come; without code and workers there is nobody to ask."""
    words = ["schedules", "put", "nightly", "shop.gret", "--every", "1d"]
    done = shop_cli(*words)
    assert (done.code, done.out) == (0, "schedule nightly: stored\n")
    assert "neither the code here nor any worker that runs now knows a task 'shop.gret'" in done.complaint
    assert "did you mean 'shop.greet'?" in done.complaint
    assert shop_cli(*words, PACKHORSE_APP="").err == ""
    assert shop_cli("schedules", "put", "other", "shop.greet", "Ann", "--every", "1d").err == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nightly", "shop.greet", "Ben"], "give --cron or --every"),
        (["nightly", "shop.greet", "Ben", "--every", "5m", "--cron", "@daily"], "give --cron or --every"),
        (["nightly", "shop.greet", "Ben", "--cron", "30 2 * *"], "must have five fields, not 4"),
        (["nightly", "shop.greet", "Ben", "--every", "1500ms"], "must have whole seconds"),
        (["nightly", "shop.greet", "Ben", "--every", "5m", "--tz", "Europe/Berln"], "did you mean 'Europe/Berlin'"),
        (["nightly", "shop.greet", "Ben", "--every", "5m", "--missed", "all"], "overlap='queue'"),
        (["nightly", "shop.greet", "--every", "5m"], "missing a required argument: 'name'"),
        (["morning", "shop.greet", "Ben", "--every", "5m"], "is declared in"),
    ],
)
def test_a_mistake_is_told_in_a_line(shop_cli: CommandLine, scheduled: Packhorse, words: list[str], said: str) -> None:
    """With exit code 2, and what would be right."""
    done = shop_cli("schedules", "put", *words)
    assert done.code == 2
    assert said in done.complaint


def test_the_code_is_written_down_by_hand(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """As workers do it; that needs to know the application."""
    assert shop_cli("schedules", "sync").out == "no schedules are declared in the code\n"
    assert shop_cli("schedules", "sync", "--json").json == {}
    done = shop_cli("schedules", "sync", PACKHORSE_APP="", PACKHORSE_DATABASE_URL="sqlite:///x.db")
    assert done.code == 2


@pytest.mark.accepts("O14")
def test_what_takes_too_long_is_seen_in_the_list(shop_cli: CommandLine, scheduled: Packhorse) -> None:
    """Until it has ended, and afterwards."""
    scheduled.schedules.run("poll")
    move_clock(scheduled.engine, 2 * HOUR)
    Keeper(scheduled.engine, scheduled.book, "leader").keep()
    assert re.search(r"^poll .* takes too long; \d+ ticks? skipped", shop_cli("schedules", "list").out, re.MULTILINE)
