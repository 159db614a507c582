"""`packhorse jobs`, `queues`, `workers` and `stats`: looking at jobs, and letting them run again or not at all."""

import json
import re
import shlex
import signal

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import APP, CommandLine, packhorse
from tests.waiting import wait_until

HOSTILE = "bad\x1b[2J\x1b]0;title\x07\u202egnp.exe\r\nsecond line"
"""Text that clears the screen, renames the window and turns the direction of writing, where it is printed as it is."""


@pytest.fixture
def failed(shop: Packhorse) -> int:
    """The id of a job that failed twice and for good."""
    job = shop.enqueue("shop.fail", HOSTILE)
    wait_until(lambda: shop.run_pending() and shop.get_job(job.id).state.is_final, what="the job's failure")
    return job.id


@pytest.fixture
def succeeded(shop: Packhorse) -> int:
    """The id of a job that succeeded."""
    job = shop.enqueue("shop.greet", "Ann")
    shop.run_pending()
    return job.id


def test_jobs_are_listed_with_filters(shop_cli: CommandLine, failed: int, succeeded: int) -> None:
    """The newest first; by state, queue and task."""
    assert [job["id"] for job in shop_cli("jobs", "list", "--json").json] == [succeeded, failed]
    for words in (["--state", "failed"], ["--queue", "default"], ["--task", "shop.fail"]):
        assert [job["id"] for job in shop_cli("jobs", "list", "--json", *words).json] == [failed]

    table = shop_cli("jobs", "list").out
    assert re.search(rf"^ *{succeeded} +succeeded +shop\.greet +mail ", table, re.MULTILINE)
    assert re.search(rf"^ *{failed} +failed +shop\.fail .* ValueError: bad", table, re.MULTILINE)


def test_a_long_list_says_how_to_go_on(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The hint is a command line that shows the next page, with the same filters."""
    ids = [shop.enqueue("shop.wait", 0).id for _ in range(5)]
    first = shop_cli("jobs", "list", "--limit", "3", "--state", "available")
    hint = suggested(first.err)
    second = shop_cli(*hint, "--json")

    assert [job["id"] for job in second.json] == [ids[1], ids[0]]
    assert "jobs list --state available --limit 3" in first.err
    assert shop_cli("jobs", "list", "--limit", "5").err == ""


def test_the_next_page_is_of_the_same_database(cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """The hint repeats the options that reach it, and never a password."""
    ids = [shop.enqueue("shop.wait", 0).id for _ in range(3)]
    for words in (["--database-url", database_url], ["-A", APP]):
        first = cli("jobs", "list", "--limit", "2", *words, PACKHORSE_DATABASE_URL=database_url)
        second = cli(*suggested(first.err), "--json", PACKHORSE_DATABASE_URL=database_url)
        assert suggested(first.err)[-2:] == words
        assert [job["id"] for job in second.json] == ids[:1]


@pytest.mark.engines("postgresql")
def test_a_hint_holds_no_password(cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """It has to be typed again, rather than be read over somebody's shoulder."""
    shop.enqueue_many(shop.named("shop.wait").call(n) for n in range(2))
    mark = "&" if "?" in database_url else "?"
    done = cli("jobs", "list", "--limit", "1", "--database-url", f"{database_url}{mark}password=s3cret")

    assert "password=***" in done.err
    assert "s3cret" not in done.err


def suggested(text: str) -> list[str]:
    """The words of the command in a hint, without `packhorse`."""
    found = re.search("`packhorse ([^`]+)`", text)
    assert found is not None, text
    return shlex.split(found[1])


def test_a_job_is_shown_with_its_story(shop_cli: CommandLine, failed: int, succeeded: int) -> None:
    """Its times, its arguments and its result; each attempt that did not succeed, with the error and its traceback."""
    shown = shop_cli("jobs", "show", str(failed))
    document = shop_cli("jobs", "show", str(failed), "--json").json

    assert [attempt["outcome"] for attempt in document["attempts"]] == ["retry", "fail"]
    assert document["attempts"][0]["error_traceback"].startswith("Traceback")
    assert document["args"] == [HOSTILE]
    for text in ("attempt 1: retry", "attempt 2: fail", "enqueued", "finished", "shop_app.py", "failures 2"):
        assert text in shown.out
    assert shop_cli("jobs", "show", str(succeeded), "--json").json["result"] == "Hello Ann"


@pytest.mark.accepts("T20")
def test_how_long_a_job_waited_and_ran_is_shown(shop_cli: CommandLine, shop: Packhorse, succeeded: int) -> None:
    """In seconds, of its last run; of one that has not run there is nothing to tell."""
    waiting = shop.enqueue("shop.wait", 0).id
    record = shop.get_job(succeeded)
    assert record.started_at is not None
    assert record.finished_at is not None
    listed = {job["id"]: job for job in shop_cli("jobs", "list", "--json").json}

    assert listed[succeeded]["run_seconds"] == (record.finished_at - record.started_at).total_seconds()
    assert listed[succeeded]["wait_seconds"] == (record.started_at - record.enqueued_at).total_seconds()
    assert (listed[waiting]["run_seconds"], listed[waiting]["wait_seconds"]) == (None, None)
    assert re.search(
        r"^waited +\d+\.\d{3} s\nran +\d+\.\d{3} s$", shop_cli("jobs", "show", str(succeeded)).out, re.MULTILINE
    )


@pytest.mark.accepts("T20")
def test_a_job_is_copied(shop_cli: CommandLine, shop: Packhorse, succeeded: int) -> None:
    """It runs once more, as a new job that says of which it is a copy."""
    [told] = shop_cli("jobs", "copy", str(succeeded), "--by", "kim", "--json").json
    assert told["copied_from"] == succeeded
    assert shop.job(told["id"]).record().state == JobState.AVAILABLE
    assert shop.run_pending() == 1
    assert shop.job(told["id"]).result(1) == "Hello Ann"
    assert re.fullmatch(rf"job \d+ is a copy of job {succeeded}\n", shop_cli("jobs", "copy", str(succeeded)).out)
    assert shop_cli("jobs", "copy", "999999").code != 0


def test_jobs_are_listed_by_key_and_shown_with_what_they_wait_for(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The hint of the next page keeps the key; the ids that a job waits for stand with their states."""
    first, second = (shop.named("shop.wait").using(serial_key="c 7").enqueue(0) for _ in range(2))
    last = shop.named("shop.greet").using(after=[first, second], after_needs="end", group="c 7").enqueue("Ann")
    page = shop_cli("jobs", "list", "--key", "c 7", "--limit", "1", "--json")
    assert [job["id"] for job in page.json] == [last.id]
    assert shop_cli("jobs", "list", "--key", "c 8").out == "no jobs\n"
    shop.engine.cancel_jobs([second.id])

    hint = shop_cli("jobs", "list", "--key", "c 7", "--limit", "1").err
    assert [job["id"] for job in shop_cli(*suggested(hint), "--json").json] == [second.id]
    assert shop_cli("jobs", "show", str(last.id), "--json").json["after"] == [
        {"id": first.id, "state": "blocked", "needs": "end"},
        {"id": second.id, "state": "cancelled", "needs": "end"},
    ]
    shown = shop_cli("jobs", "show", str(last.id)).out
    assert re.search(rf"^after +job {first.id} \(blocked, any end will do\)$", shown, re.MULTILINE)
    assert shop_cli("jobs", "show", str(first.id), "--json").json["after"] == []


def test_a_lost_worker_is_told_once_for_each_attempt(shop_cli: CommandLine, shop: Packhorse) -> None:
    """In one line, which says how it ended."""
    job = shop.named("shop.kill").enqueue()
    worker = shop_cli.start("worker")
    wait_until(lambda: shop.get_job(job.id).state.is_final, 30, "the last crash")
    worker.send(signal.SIGTERM)
    worker.wait()
    attempts = shop_cli("jobs", "show", str(job.id)).out.split("\nattempt ")[1:]
    told = r"\n  worker_lost: the worker child \d+ was killed by signal 9 \(SIGKILL\) while it held this job\n+"

    assert len(attempts) == shop.get_job(job.id).crashes
    assert all(re.fullmatch(r"\d: crash, .*" + told, attempt) for attempt in attempts)


def test_a_job_that_does_not_exist_is_said_so(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Exit code 1: nothing was wrong with the command line."""
    done = shop_cli("jobs", "show", "4711")

    assert (done.code, done.complaint) == (1, "packhorse: no job 4711\n")


def test_failed_jobs_are_retried_and_waiting_ones_cancelled(
    shop_cli: CommandLine, shop: Packhorse, failed: int, succeeded: int
) -> None:
    """What can't be retried or cancelled is named with the reason, and the exit code is then 1."""
    retried = shop_cli("jobs", "retry", str(failed))
    assert (retried.code, retried.out) == (0, f"job {failed}: retried\n")
    assert shop.get_job(failed).state == JobState.AVAILABLE

    refused = shop_cli("jobs", "retry", str(succeeded), "4711")
    assert refused.code == 1
    assert f"job {succeeded}: is succeeded; only failed or cancelled jobs can be retried" in refused.err
    assert "job 4711: there is no such job" in refused.err

    cancelled = shop_cli("jobs", "cancel", str(failed), str(succeeded), "--json")
    assert cancelled.code == 1
    assert cancelled.json == {
        "cancelled": [failed],
        "asked": [],
        "refused": {str(succeeded): "is succeeded already"},
    }
    assert shop.get_job(failed).state == JobState.CANCELLED


def test_stored_text_is_inert_on_a_terminal(shop_cli: CommandLine, failed: int) -> None:
    """No character of an argument or an error steers the terminal; in JSON all of them survive."""
    for words in (["list"], ["show", str(failed)]):
        out = shop_cli("jobs", *words).out
        assert "\\x1b[2J" in out
        assert not set(out) & set("\x1b\x07\r\u202e")
    assert shop_cli("jobs", "show", str(failed), "--json").json["error_message"].startswith("bad\x1b")


def test_colour_is_for_terminals_that_want_it(shop_cli: CommandLine, succeeded: int) -> None:
    """Never in a pipe; on a terminal unless NO_COLOR is set."""
    words = ["script", "-qec", " ".join([*packhorse(), "jobs", "list"]), "/dev/null"]

    assert "\x1b[" not in shop_cli("jobs", "list").out
    assert "\x1b[32m" in shop_cli.run(words).out
    assert "\x1b[" not in shop_cli.run(words, NO_COLOR="1").out


def test_a_reader_that_leaves_is_no_error(shop_cli: CommandLine, shop: Packhorse) -> None:
    """`packhorse jobs list | head -1` prints its line and nothing else."""
    shop.enqueue_many(shop.named("shop.wait").call(n) for n in range(3000))
    pipe = f"{' '.join(packhorse())} jobs list --limit 3000 | head -1"
    done = shop_cli.run(["bash", "-c", pipe])

    assert done.out.split()[0] == "ID"
    assert done.err == ""


def test_text_is_printed_where_the_terminal_knows_less(shop_cli: CommandLine, shop: Packhorse) -> None:
    """What it can't show is written out; the command does not fail."""
    job = shop.enqueue("shop.greet", "Zoë ✓")
    done = shop_cli("jobs", "show", str(job.id), PYTHONIOENCODING="latin-1")

    assert done.code == 0
    assert "\\u2713" in done.out


def test_queues_are_listed_with_their_counts(shop_cli: CommandLine, shop: Packhorse, failed: int) -> None:
    """By state, and since when the longest-waiting job waits."""
    shop.enqueue("shop.greet", "Ann")
    queues = {queue["name"]: queue for queue in shop_cli("queues", "list", "--json").json}

    assert queues["mail"]["counts"]["available"] == 1
    assert queues["mail"]["oldest_available_at"].endswith("Z")
    assert queues["default"]["counts"]["failed"] == 1
    assert re.search(r"^mail +0 +0 +1 +0 +0 +0 +0 +\S+ m?s ago$", shop_cli("queues", "list").out, re.MULTILINE)


def test_workers_are_listed(shop_cli: CommandLine, shop: Packhorse) -> None:
    """By host and process id, with what they hold; where there is none, how to start one."""
    assert "start one with `packhorse worker" in shop_cli("workers", "list").out

    worker = shop.worker()
    worker.start()
    [listed] = shop_cli("workers", "list", "--json").json
    table = shop_cli("workers", "list").out
    worker.stop()
    worker.end()

    assert listed["id"] == worker.id
    assert re.search(rf"^{listed['name']} .* alive +0  all$", table, re.MULTILINE)


def test_a_worker_that_died_is_listed_as_lost(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Until another one rescues its jobs; the figures count those that live."""
    running = shop_cli.start("worker", "--lease", "1s")
    wait_until(lambda: len(shop.list_workers()) == 1, what="the worker to register")
    assert shop_cli("stats", "--json").json["workers"] == 1
    running.send(signal.SIGKILL)
    running.wait()

    wait_until(lambda: " lost" in shop_cli("workers", "list").out, what="the worker to be lost")
    assert shop_cli("stats", "--json").json["workers"] == 0


def test_stats_count_by_state_and_queue(shop_cli: CommandLine, shop: Packhorse, failed: int) -> None:
    """The same figures for people and for programs."""
    shop.enqueue("shop.greet", "Ann")
    figures = shop_cli("stats", "--json").json
    text = shop_cli("stats").out

    assert (figures["states"]["available"], figures["states"]["failed"]) == (1, 1)
    assert "available 1" in text
    assert re.search(r"^default ", text, re.MULTILINE)


def test_stats_can_be_watched(shop_cli: CommandLine, shop: Packhorse) -> None:
    """New figures at every interval, until Ctrl-C, which is no failure."""
    watch = shop_cli.start("stats", "--watch", "--interval", "100ms", "--json")
    wait_until(lambda: watch.log().count("\n") >= 1, what="the first figures")
    shop.enqueue("shop.greet", "Ann")
    wait_until(lambda: '"available": 1' in watch.log(), what="the new job in the figures")
    watch.send(signal.SIGINT)

    assert watch.wait() == 0
    last = json.loads(watch.log().splitlines()[-1])
    assert last["finished_per_s"] == 0


def test_nothing_is_shown_as_such(shop_cli: CommandLine, shop: Packhorse) -> None:
    """An empty database is no error."""
    assert shop_cli("jobs", "list").out == "no jobs\n"
    assert shop_cli("jobs", "list", "--json").json == []
    assert "no queues yet" in shop_cli("queues", "list").out
