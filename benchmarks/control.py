"""What keys and a fair share cost, and what a fair share brings: `python -m benchmarks.control`.

Drains: jobs without a key, over many serial keys, and in many groups, in alternating rounds in one run; each drain is
one worker in a process of its own, with 16 threads and handlers that do nothing.

Waiting: one tenant's long backlog, and then ten jobs of another tenant in the same queue; how long those ten wait, in a
plain queue and in one that shares fairly among groups.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median

from benchmarks.postgres import Postgres
from packhorse import Packhorse
from packhorse.runtime.settings import WorkerSettings
from packhorse.task import BoundTask, Task

KINDS = ("no key", "serial keys", "groups")
WORK_SECONDS = 0.002
"""How long a job of the backlog takes."""
NEWCOMERS = 10
PATIENCE = 600.0


def main() -> None:
    """Measure on both engines, and print the tables."""
    options = _parsed()
    with tempfile.TemporaryDirectory(prefix="packhorse-bench-control-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user
        for engine in options.engine or ["sqlite", "postgresql"]:
            with _databases(engine, Path(folder)) as urls:
                _drains(engine, urls, options)
                _waits(engine, urls, options)


def _drains(engine: str, urls: Iterator[str], options: argparse.Namespace) -> None:
    print(f"\n{engine}: {options.jobs:,} jobs over {options.keys:,} keys, {options.rounds} rounds, medians\n")
    print("| jobs | drained per second | of those without a key |\n|---|---|---|")
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(options.rounds):
        for kind in KINDS:
            rates[kind].append(_drain(next(urls), kind, options.jobs, options.keys))
    plain = median(rates["no key"])
    for kind, found in rates.items():
        print(f"| {kind} | {median(found):,.0f} | {median(found) / plain:.2f} |", flush=True)


def _waits(engine: str, urls: Iterator[str], options: argparse.Namespace) -> None:
    print(f"\n{engine}: ten jobs behind {options.backlog:,} of another tenant, {WORK_SECONDS * 1000:.0f} ms each\n")
    print("| queue | shortest wait | longest wait |\n|---|---|---|")
    for name, is_fair in (("plain", False), ("fair", True)):
        waits = _wait(next(urls), options.backlog, is_fair)
        print(f"| {name} | {min(waits):.2f} s | {max(waits):.2f} s |", flush=True)


def _drain(url: str, kind: str, jobs: int, keys: int) -> float:
    """How many jobs a second one worker gets through."""
    app, nothing = _nothing(url)
    with contextlib.closing(app):
        app.engine.migrate()
        tasks = [_tied(nothing, kind, f"key:{key}") for key in range(keys)]
        app.enqueue_many([tasks[number % keys].call(number) for number in range(jobs)])
    return jobs / _in_process(_drained, url, jobs)


def _tied(task: Task[[int], None], kind: str, key: str) -> BoundTask[[int], None]:
    if kind == "no key":
        return task
    return task.using(serial_key=key) if kind == "serial keys" else task.using(group=key)


def _drained(url: str, jobs: int, answer: Connection) -> None:
    app, _ = _nothing(url, ended := _Countdown(jobs))
    worker = app.worker(WorkerSettings())
    running = threading.Thread(target=worker.run)
    began = time.perf_counter()
    running.start()
    ended.wait()
    answer.send(time.perf_counter() - began)
    worker.stop()
    running.join()


def _wait(url: str, backlog: int, is_fair: bool) -> Sequence[float]:
    """How long the newcomers' jobs waited, in seconds."""
    app, export = _export(url)
    with contextlib.closing(app):
        app.engine.migrate()
        app.queues.set("exports", fair=is_fair)
        app.enqueue_many([export.using(group="tenant:1").call(number) for number in range(backlog)])
    process, answer = _start(_watched, url)
    answer.recv()  # the worker is in the middle of the backlog
    with contextlib.closing(app):
        app.enqueue_many([export.using(group="tenant:2").call(-1) for _ in range(NEWCOMERS)])
    waits: Sequence[float] = answer.recv()
    process.join()
    return waits


def _watched(url: str, answer: Connection) -> None:
    newcomers = _Countdown(NEWCOMERS)
    app, _ = _export(url, newcomers, begun := _Countdown(100))
    worker = app.worker(WorkerSettings())
    running = threading.Thread(target=worker.run)
    running.start()
    begun.wait()
    answer.send(None)
    newcomers.wait()
    answer.send(newcomers.waits)
    worker.stop()
    running.join()


class _Countdown:
    """Waits for so many jobs, and keeps how long each had waited."""

    def __init__(self, count: int) -> None:
        self.waits: list[float] = []
        self._left = count
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def count(self, waited: float = 0.0) -> None:
        with self._lock:
            self.waits.append(waited)
            self._left -= 1
        if self._left <= 0:
            self._ended.set()

    def wait(self) -> None:
        if not self._ended.wait(PATIENCE):
            raise TimeoutError(f"{self._left} jobs are left after {PATIENCE:.0f} s")


def _nothing(url: str, ended: _Countdown | None = None) -> tuple[Packhorse, Task[[int], None]]:
    app = Packhorse(url)

    @app.task(name="nothing", keep_result=False)
    def nothing(number: int) -> None:
        if ended is not None:
            ended.count()

    return app, nothing


def _export(
    url: str, newcomers: _Countdown | None = None, begun: _Countdown | None = None
) -> tuple[Packhorse, Task[[int], None]]:
    app = Packhorse(url)

    @app.task(name="export", queue="exports", keep_result=False)
    def export(number: int) -> None:
        from packhorse import current

        if number >= 0 and begun is not None:
            begun.count()
            time.sleep(WORK_SECONDS)
        elif newcomers is not None:
            newcomers.count(time.time() - current().job.enqueued_at.timestamp())

    return app, export


def _in_process(target: object, *args: object) -> float:
    process, answer = _start(target, *args)
    seconds: float = answer.recv()
    process.join()
    return seconds


def _start(target: object, *args: object) -> tuple[BaseProcess, Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(*args, theirs))  # type: ignore[arg-type]
    process.start()
    theirs.close()
    return process, ours


@contextlib.contextmanager
def _databases(engine: str, folder: Path) -> Iterator[Iterator[str]]:
    if engine == "sqlite":
        yield (f"sqlite:///{folder / f'{number}.db'}" for number in range(10_000))
        return
    with Postgres(folder) as server, contextlib.ExitStack() as databases:
        yield (databases.enter_context(server.database()) for _ in range(10_000))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", action="append", choices=["sqlite", "postgresql"], help="only this one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
