"""What work packages take: `python -m benchmarks.packages`.

Large: one package of 100,000 records, each with an effect of its own, whose worker process is killed some times with
SIGKILL: how long it takes, how much memory the worker has at most, and whether each effect is there once.

Small: 2,250 packages of 5 ms in a queue of which one runs at a time.

Idle: a worker beside 700,000 packages that have succeeded: its statements and its processor time; and which of the
large tables were read from one end to the other.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.environments import ROOT
from benchmarks.package_app import Measured, measured
from benchmarks.postgres import Postgres
from benchmarks.processes import KIB_PER_MIB, cpu_seconds, tree
from benchmarks.statementlog import logged
from packhorse import JobState, Reference

FEW = 1000
LOOK_SECONDS = 0.05
PATIENCE = 900.0
CALM_SECONDS, IDLE_SECONDS = 5.0, 30.0
QUERY = Path(__file__).parent / "queries" / "finished_packages.sql"
NUMBERS = {
    "sqlite": "with recursive s (n) as (select 1000001 union all select n + 1 from s where n < {0}) select n from s",
    "postgresql": "select n from generate_series(1000001, {0}) n",
}
WORDS = {
    "sqlite": {"prefix": "packhorse_", "now": "CAST(strftime('%s', 'now') AS integer) * 1000000"},
    "postgresql": {"prefix": "packhorse.", "now": "now()"},
}
LARGE = ("finished", "package", "element")
SCANS = "select relname, seq_scan from pg_stat_user_tables where relname in ('finished', 'package', 'element')"


class Worker:
    """A worker of the measured application, started through the command line.

    Attributes:
        peak_mib: the most resident memory that any of its processes has had when it was looked at.
    """

    def __init__(self, url: str, queues: str) -> None:
        command = [sys.executable, "-m", "packhorse", "worker", "-A", "benchmarks.package_app:app", "-q", queues]
        environ = {**os.environ, "PACKHORSE_DATABASE_URL": url}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        self.peak_mib = 0.0

    @property
    def cpu_seconds(self) -> float:
        """Processor time until now."""
        return cpu_seconds(self._process.pid)

    def look(self) -> None:
        """See how much memory each process has had at most."""
        for pid in tree(self._process.pid):
            self.peak_mib = max(self.peak_mib, _peak_mib(pid))

    def kill(self) -> None:
        """Kill the process that runs the handlers; the supervisor starts another one."""
        self.look()
        for child in tree(self._process.pid)[1:]:
            os.kill(child, signal.SIGKILL)

    def stop(self) -> None:
        """End it gracefully."""
        self._process.terminate()
        self._process.wait(60)


def main() -> None:
    """Measure on both engines, and print the tables."""
    options = _parsed()
    with tempfile.TemporaryDirectory(prefix="packhorse-bench-packages-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user
        if options.engine in (None, "sqlite"):
            _measure(f"sqlite:///{folder}/large.db", f"sqlite:///{folder}/small.db", None, options)
        if options.engine in (None, "postgresql"):
            with Postgres(Path(folder)) as server, server.database() as large, server.database() as small:
                _measure(large, small, server, options)


def _measure(large: str, small: str, server: Postgres | None, options: argparse.Namespace) -> None:
    print(f"\n{large.partition(':')[0]}\n", flush=True)
    with _application(large) as app:
        run(large, "create table posted (n bigint not null)")
        _large(app, large, FEW, 0)
        _large(app, large, options.records, options.kills)
    with _application(small) as app:
        _small(app, small, options.packages)
        run(small, *finished_packages(small, options.finished))
    _idle(small, server, options.finished)


@contextlib.contextmanager
def _application(url: str) -> Iterator[Measured]:
    application = measured(url)
    with contextlib.closing(application.app):
        application.app.engine.migrate()
        yield application


def _large(app: Measured, url: str, records: int, kills: int) -> None:
    run(url, "delete from posted")
    began = time.perf_counter()
    job = app.post.package().add(*_lines(records)).enqueue()
    enqueued, worker = time.perf_counter() - began, Worker(url, "post:1")
    began = time.perf_counter()
    marks = [records * number // (kills + 1) for number in range(1, kills + 1)]
    while not (record := app.app.get_job(job.id)).state.is_final:
        worker.look()
        if marks and run(url, "select count(*) from posted")[0][0] >= marks[0]:
            worker.kill()
            marks.pop(0)
        _pause(began)
    seconds = time.perf_counter() - began
    worker.stop()
    posted, distinct = run(url, "select count(*), count(distinct n) from posted")[0]
    print(
        f"{records:,} records, {kills} kills: {record.state.value}, {posted:,} effects about {distinct:,} records; "
        f"enqueued in {enqueued:.1f} s, run in {seconds:.1f} s, the worker's memory {worker.peak_mib:.0f} MiB at most",
        flush=True,
    )


def _small(app: Measured, url: str, packages: int) -> None:
    app.app.queues.set("naps", slots=1)
    app.app.enqueue_many([app.nap.package().add(line).call() for line in _lines(packages)])
    worker, began = Worker(url, "naps"), time.perf_counter()
    while app.app.count_jobs()[JobState.SUCCEEDED] < packages:
        _pause(began)
    seconds = time.perf_counter() - began
    worker.stop()
    print(f"{packages:,} packages of 5 ms, one at a time: {seconds:.1f} s, the worker's start included", flush=True)


def _idle(url: str, server: Postgres | None, finished: int) -> None:
    with logged(server, url) if server else contextlib.nullcontext(list) as statements:
        worker = Worker(url, "naps")
        time.sleep(CALM_SECONDS)
        statements()
        before, began = worker.cpu_seconds, time.perf_counter()
        scans = run(url, SCANS) if server else []
        time.sleep(IDLE_SECONDS)
        seconds, used = time.perf_counter() - began, worker.cpu_seconds - before
        sent = [one for one in statements() if not one.is_bracket and "pg_stat_user_tables" not in one.text]
        scanned = [after for after in (run(url, SCANS) if server else []) if after not in scans]
        worker.stop()
    told = f"{len(sent) / seconds:.2f} statements a second, tables scanned: {scanned or 'none'}, " if server else ""
    print(f"idle beside {finished:,} finished packages: {told}{used / seconds:.2%} of a processor", flush=True)


def _lines(count: int) -> Iterator[Reference]:
    return (Reference("line", str(n)) for n in range(count))


def finished_packages(url: str, count: int) -> Sequence[str]:
    """The statements that leave so many packages behind."""
    dialect = url.partition(":")[0]
    words, prefix = WORDS[dialect], WORDS[dialect]["prefix"]
    tables = {name: f"{prefix}{name}" for name in LARGE}
    numbers = NUMBERS[dialect].format(1_000_000 + count)
    return QUERY.read_text().format(**tables, now=words["now"], numbers=numbers).split(";")


def run(url: str, *statements: str) -> list[Any]:
    """Run statements; the rows of the last one."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as db, db:
            return [db.execute(statement) for statement in statements][-1].fetchall()
    with psycopg.connect(url) as server:
        cursor = [server.execute(statement.encode()) for statement in statements][-1]
        return cursor.fetchall() if cursor.description else []


def _peak_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / KIB_PER_MIB
    return 0.0


def _pause(began: float) -> None:
    if time.perf_counter() - began > PATIENCE:
        raise TimeoutError(f"not at the end after {PATIENCE:.0f} s")
    time.sleep(LOOK_SECONDS)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packages", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--packages", type=int, default=2250)
    parser.add_argument("--finished", type=int, default=700_000)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], help="only this one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
