"""`packhorse worker`: processes that run jobs, and how they start, speak and stop."""

import os
import re
import signal
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.acceptance.command import CommandLine
from tests.waiting import wait_until


def wait_for(shop: Packhorse, state: JobState, count: int = 1) -> None:
    """Wait until so many jobs are in this state."""
    wait_until(lambda: shop.count_jobs()[state] >= count, 30, f"{count} {state} jobs")


def start_waiting(shop: Packhorse, folder: Path, seconds: float) -> int:
    """Enqueue a job that takes so long, and wait until its handler has begun; its id."""
    sign = folder / "begun"
    job = shop.enqueue("shop.wait", seconds, str(sign))
    wait_until(sign.exists, 30, "the handler to begin")
    return job.id


def wait_for_workers(shop: Packhorse, count: int) -> set[int]:
    """Wait until so many workers are registered; their process ids."""
    wait_until(lambda: len(shop.list_workers()) == count, 30, f"{count} workers")
    return {int(worker.name.rpartition(":")[2]) for worker in shop.list_workers()}


@pytest.mark.accepts("C19")
def test_jobs_run_in_as_many_processes_as_asked_for(shop_cli: CommandLine, shop: Packhorse) -> None:
    """-p starts them; handlers run there, isolated ones in children of their own; TERM ends it all with 0."""
    worker = shop_cli.start("worker", "-p", "2")
    pids = wait_for_workers(shop, 2)
    inline, child = shop.enqueue("shop.tell_process"), shop.enqueue("shop.tell_child")

    assert inline.result(30) in pids
    assert child.result(30) not in pids | {worker.process.pid}

    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert shop.list_workers() == []


@pytest.mark.accepts("C9")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_running_jobs_end(shop_cli: CommandLine, shop: Packhorse, number: signal.Signals) -> None:
    """The worker ends with 0, after the job."""
    worker = shop_cli.start("worker")
    job = start_waiting(shop, shop_cli.folder, 0.5)
    worker.send(number)

    assert worker.wait() == 0
    assert shop.get_job(job).state == JobState.SUCCEEDED


@pytest.mark.accepts("C9")
def test_what_does_not_end_in_time_is_killed_and_handed_back(shop_cli: CommandLine, shop: Packhorse) -> None:
    """After --shutdown-timeout the worker ends with 5, and the job runs again elsewhere."""
    worker = shop_cli.start("worker", "--shutdown-timeout", "100ms")
    job = start_waiting(shop, shop_cli.folder, 30)
    worker.send(signal.SIGTERM)

    assert worker.wait() == 5
    assert shop.get_job(job).state in (JobState.AVAILABLE, JobState.SCHEDULED, JobState.EXECUTING)


@pytest.mark.accepts("C9")
def test_a_second_interrupt_forces_the_end(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The processes are killed at once; the exit code says so."""
    worker = shop_cli.start("worker")
    start_waiting(shop, shop_cli.folder, 30)
    worker.send(signal.SIGINT)
    wait_until(lambda: "stopping" in worker.log(), what="the graceful stop to begin")
    worker.send(signal.SIGINT)

    assert worker.wait() == 5


def test_a_worker_serves_the_queues_that_it_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """-q names them, with slots; jobs of other queues wait."""
    other = shop.enqueue("shop.wait", 0)
    mine = shop.enqueue("shop.greet", "Ann")
    shop_cli.start("worker", "-q", "mail:2,vip")

    assert mine.result(30) == "Hello Ann"
    [worker] = shop.list_workers()
    assert set(worker.queues) == {"mail", "vip"}
    assert shop.get_job(other.id).state == JobState.AVAILABLE


def test_the_environment_sets_every_flag(shop_cli: CommandLine, shop: Packhorse) -> None:
    """PACKHORSE_WORKER_… stands for a flag; the flag wins over it."""
    environ = {
        "PACKHORSE_WORKER_QUEUES": "mail:2",
        "PACKHORSE_WORKER_PROCESSES": "2",
        "PACKHORSE_WORKER_CONCURRENCY": "3",
        "PACKHORSE_WORKER_NO_NOTIFICATIONS": "1",
    }
    worker = shop_cli.start("worker", "--concurrency", "5", **environ)
    wait_for_workers(shop, 2)

    assert {worker.queues for worker in shop.list_workers()} == {("mail",)}
    assert re.search(r"mail:2; processes 2, threads 5 and coroutines 100 in each", worker.log())


@pytest.mark.accepts("T19")
def test_as_many_processes_as_processors_are_had_for_the_asking(shop_cli: CommandLine, shop: Packhorse) -> None:
    """`-p auto` counts those that the command may use."""
    shop_cli.start("worker", "-p", "auto")
    wait_for_workers(shop, len(os.sched_getaffinity(0)))


def test_each_event_is_one_line(shop_cli: CommandLine, shop: Packhorse) -> None:
    """What an exception says stays on the line of its event, and steers no terminal."""
    job = shop.named("shop.fail").using(max_attempts=1).enqueue("first\nsecond\x1b[2J")
    worker = shop_cli.start("worker")
    wait_for(shop, JobState.FAILED)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0

    lines = worker.log().splitlines()
    [line] = [line for line in lines if f"job {job.id} " in line]
    assert "failed for good: ValueError: first ↵ second\\x1b[2J" in line
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +\[\d+\] \S", line) for line in lines)


def test_the_log_tells_of_each_run_that_did_not_succeed(shop_cli: CommandLine, shop: Packhorse) -> None:
    """With the type and the message of the exception; of one that succeeded only to those who debug."""
    greeted, failed = shop.enqueue("shop.greet", "Ann"), shop.enqueue("shop.fail", "no paper")
    silent, killed = shop.enqueue("shop.fail", ""), shop.named("shop.kill").enqueue()
    wordy = shop_cli.start("worker", "--log-level", "debug")
    wait_for(shop, JobState.FAILED, 3)
    wordy.send(signal.SIGTERM)
    wordy.wait()
    log = wordy.log()

    assert re.search(rf"DEBUG .* job {greeted.id} \(shop.greet\), attempt 1: success$", log, re.MULTILINE)
    assert re.search(rf"WARNING .* job {failed.id} .*, again in .* s: ValueError: no paper$", log, re.MULTILINE)
    assert re.search(rf"ERROR .* job {silent.id} .* failed for good: ValueError$", log, re.MULTILINE)
    assert re.search(
        rf"job {killed.id} .* crashed .* the worker child \d+ was killed by signal 9 \(SIGKILL\) while it held", log
    )


def test_the_log_tells_of_the_start_and_the_stop(shop_cli: CommandLine, shop: Packhorse) -> None:
    """How many jobs ran stands in the last words of each process; how many tasks there are in the first."""
    job = shop.enqueue("shop.greet", "Ann")
    worker = shop_cli.start("worker")
    assert job.result(30) == "Hello Ann"
    worker.send(signal.SIGTERM)
    worker.wait()
    lines = worker.log().splitlines()

    assert f"{len(shop.registry.list_tasks())} tasks, all queues" in lines[0]
    assert re.search(r"worker \S+ stopped; jobs run: 1$", lines[-2])
    assert lines[-1].endswith(" stopped")
    assert f"job {job.id}" not in worker.log()


def test_a_process_that_is_killed_is_told_with_its_signal(shop_cli: CommandLine, shop: Packhorse) -> None:
    """And replaced."""
    worker = shop_cli.start("worker")
    [pid] = wait_for_workers(shop, 1)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: worker.log().count(" started") == 2, what="another process")

    assert f"worker process {pid} was killed by signal 9 (SIGKILL); a new one starts" in worker.log()


def test_queues_with_a_colon_are_served(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Their slots are always said; the worker's processes are told the same."""
    jobs = [shop.named("shop.greet").using(queue=queue).enqueue("Ann") for queue in ("eu:mail", "us:mail")]
    shop_cli.start("worker", "-q", "eu:mail:*,us:mail:2")

    assert [job.result(30) for job in jobs] == ["Hello Ann"] * 2
    [worker] = shop.list_workers()
    assert set(worker.queues) == {"eu:mail", "us:mail"}


def test_a_quiet_worker_says_only_what_matters(shop_cli: CommandLine, shop: Packhorse) -> None:
    """--log-level warning leaves out the coming and going."""
    worker = shop_cli.start("worker", "--log-level", "warning")
    assert shop.enqueue("shop.greet", "Ann").result(30) == "Hello Ann"
    worker.send(signal.SIGTERM)

    assert worker.wait() == 0
    assert worker.log() == ""


@pytest.mark.engines("sqlite")
def test_a_worker_sets_up_a_sqlite_file_by_itself(shop_cli: CommandLine) -> None:
    """There is nothing to start or install before the first worker."""
    worker = shop_cli.start("worker")
    wait_until(lambda: "started" in worker.log(), what="the worker process")

    assert shop_cli("enqueue", "shop.greet", "Ann").code == 0
    wait_until(lambda: _succeeded(shop_cli), 30, "the job")


def _succeeded(shop_cli: CommandLine) -> bool:
    return bool(shop_cli("stats", "--json").json["states"]["succeeded"])


@pytest.mark.accepts("M30")
def test_a_worker_that_starts_quietly_claims_nothing_until_it_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """By flag or by the environment: it is there, and switched off; CONT switches it on."""
    job = shop.enqueue("shop.greet", "Ada")
    worker = shop_cli.start("worker", PACKHORSE_WORKER_QUIET="1")
    wait_until(lambda: "quiet: jobs running 0" in worker.log(), 30, "the worker to say so")
    assert shop.get_job(job.id).state is JobState.AVAILABLE
    worker.send(signal.SIGCONT)
    assert job.result(30) == "Hello Ada"
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0


@pytest.mark.accepts("M30")
def test_a_worker_may_begin_later(shop_cli: CommandLine, shop: Packhorse) -> None:
    """After as long as it is told, by itself; or at once, by CONT."""
    worker = shop_cli.start("worker", "--start-delay", "1s")
    job = shop.enqueue("shop.greet", "Ada")
    wait_until(lambda: "jobs are claimed in 1 s, or at a CONT" in worker.log(), 30, "the worker to say so")
    wait_until(lambda: "jobs are claimed again" in worker.log(), 30, "the worker to say so")
    assert job.result(30) == "Hello Ada"
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0

    later = shop_cli.start("worker", "--start-delay", "1h")
    wait_until(lambda: "quiet: jobs running 0" in later.log(), 30, "the worker to say so")
    later.send(signal.SIGCONT)
    assert shop.enqueue("shop.greet", "Bob").result(30) == "Hello Bob"
    later.send(signal.SIGTERM)
    assert later.wait() == 0
