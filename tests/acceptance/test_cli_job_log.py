"""`packhorse jobs log` and how far a job is: while it runs, afterwards, and when its worker was killed."""

import json
import re
import signal
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("M26")

HOSTILE = "bad\x1b[2J\x07\u202egnp.exe\r\nsecond line"


@pytest.fixture
def sign(tmp_path: Path) -> Path:
    """What the handler waits for."""
    return tmp_path / "sign"


def wait_for_lines(shop: Packhorse, job_id: int, count: int) -> None:
    """Until the job's log has so many."""
    wait_until(lambda: len(shop.list_log(job_id)) >= count, 30, f"{count} lines")


def test_a_log_is_followed_to_the_end_of_its_job(shop_cli: CommandLine, shop: Packhorse, sign: Path) -> None:
    """Line by line, over all attempts; the exit code says whether it succeeded."""
    shop_cli.start("worker")
    job = shop.enqueue("shop.talk", str(sign))
    following = shop_cli.start("jobs", "log", str(job.id), "--follow")
    wait_until(lambda: "talking" in following.log(), 30, "the first line")
    sign.touch()
    assert following.wait() == 0

    lines = following.log().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  INFO +shop\.talk: talking", lines[0])
    said = [line.partition(": ")[2] or line for line in lines]
    assert said == [
        "talking",
        "the sign is there",
        "attempt 2",
        "talking",
        "the sign is there",
        f"job {job.id} succeeded",
    ]


def test_following_a_job_that_fails_ends_with_1(shop_cli: CommandLine, shop: Packhorse, sign: Path) -> None:
    """In JSON one object comes in each line; a job without lines has none."""
    sign.touch()
    talking, failing = shop.enqueue("shop.talk", str(sign)), shop.enqueue("shop.fail", "no")
    shop_cli.start("worker")
    followed = shop_cli("jobs", "log", str(talking.id), "--follow", "--json")
    lines = [json.loads(line) for line in followed.out.splitlines()]
    failed = shop_cli("jobs", "log", str(failing.id), "-f")

    assert followed.code == 0
    assert [(line["attempt"], line["level"], line["logger"], line["message"]) for line in lines] == [
        (attempt, level, logger, message)
        for attempt in (1, 2)
        for level, logger, message in (
            ("INFO", "shop.talk", "talking"),
            ("ERROR", "packhorse.job", "the sign is there"),
        )
    ]
    assert (failed.code, failed.out) == (1, "")
    assert f"job {failing.id} failed" in failed.err


def test_a_log_is_printed_and_filtered(shop_cli: CommandLine, shop: Packhorse, sign: Path) -> None:
    """By level and attempt; what handlers say stays inert on the terminal."""
    sign.touch()
    job = shop.enqueue("shop.talk", str(sign), HOSTILE)
    shop_cli.start("worker")
    wait_until(lambda: shop.get_job(job.id).state is JobState.SUCCEEDED, 30, "the job")
    wait_for_lines(shop, job.id, 4)

    words = ["jobs", "log", str(job.id)]
    assert [line["message"] for line in shop_cli(*words, "--attempt", "2", "--json").json] == [
        HOSTILE,
        "the sign is there",
    ]
    assert {line["level"] for line in shop_cli(*words, "--level", "warning", "--json").json} == {"ERROR"}
    text = shop_cli(*words).out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n    second line\n" in text


def test_a_job_without_a_log_says_so(shop_cli: CommandLine, shop: Packhorse) -> None:
    """And one that does not exist is a failure."""
    job = shop.enqueue("shop.greet", "Ann")
    assert shop_cli("jobs", "log", str(job.id)).out == "no lines\n"
    assert shop_cli("jobs", "log", str(job.id), "--json").json == []
    missing = shop_cli("jobs", "log", "4711")
    assert missing.code == 1
    assert "no job 4711" in missing.complaint


def test_show_says_how_far_a_job_is(shop_cli: CommandLine, shop: Packhorse, sign: Path) -> None:
    """With the percentage, the time left while it runs, and its note."""
    shop_cli.start("worker")
    job = shop.enqueue("shop.talk", str(sign))
    wait_until(lambda: shop.find_progress(job.id), 30, "progress")
    text = shop_cli("jobs", "show", str(job.id)).out
    shown = shop_cli("jobs", "show", str(job.id), "--json").json["progress"]
    sign.touch()

    assert re.search(r"^progress +1 of 4 \(25 %\), about .+ left: a quarter$", text, re.MULTILINE)
    assert (shown["done"], shown["total"], shown["percent"], shown["note"]) == (1, 4, 25.0, "a quarter")
    assert shown["seconds_left"] >= 0
    other = shop.enqueue("shop.greet", "Ann")
    assert shop_cli("jobs", "show", str(other.id), "--json").json["progress"] is None


def test_what_was_stored_outlives_a_worker_that_is_killed(shop_cli: CommandLine, shop: Packhorse, sign: Path) -> None:
    """By `kill -9`: the lines of before are there, those of the next attempt follow."""
    worker = shop_cli.start("worker", "--lease", "1s")
    job = shop.enqueue("shop.talk", str(sign))
    wait_for_lines(shop, job.id, 1)
    worker.send(signal.SIGKILL)
    assert [line.message for line in shop.list_log(job.id)] == ["talking"]
    shop_cli.start("worker")
    wait_for_lines(shop, job.id, 2)
    sign.touch()
    wait_until(lambda: shop.get_job(job.id).state.is_final, 30, "the job's end")

    assert [line.attempt for line in shop.list_log(job.id)][:2] == [1, 2]


@pytest.mark.parametrize("task", ["shop.whisper", "shop.whisper_isolated"])
def test_the_level_is_a_setting_of_the_worker(shop_cli: CommandLine, shop: Packhorse, task: str) -> None:
    """Below INFO, too, for handlers in the worker and for isolated ones; standard error shows no more than before."""
    worker = shop_cli.start("worker", "--capture", "debug")
    job = shop.enqueue(task)
    wait_for_lines(shop, job.id, 2)

    assert [line.message for line in shop.list_log(job.id)] == ["whispered", "said"]
    assert "whispered" not in worker.log()
    assert "said" in worker.log()
