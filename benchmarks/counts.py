"""How long what people see takes, with millions of finished jobs: `python -m benchmarks.counts`.

It fills a database of each engine and times every call by which a command counts or lists jobs. On PostgreSQL it does
so twice: as the rows were inserted, and after a vacuum, which there comes by itself within minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.peers.statements import statement
from benchmarks.postgres import Postgres
from packhorse import Packhorse
from packhorse.cli.stats import look
from packhorse.domain.statistics import KEPT
from packhorse.runtime.bookkeeper import CHUNK

ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """How long one call took, in milliseconds."""

    engine: str
    call: str
    median: float
    worst: float

    def __str__(self) -> str:
        """A line of the table."""
        return f"| {self.engine} | {self.call} | {self.median:.1f} | {self.worst:.1f} |"


def main() -> None:
    """Fill, measure, and print the table."""
    options = _parsed()
    sizes = {"finished": options.finished, "live": options.live}
    print(f"{options.finished:,} finished jobs, {options.live:,} live ones; {ROUNDS} rounds; milliseconds\n")
    print("| engine | call | median | worst |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="packhorse-bench-counts-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user
        for engine in options.engine or ["sqlite", "postgresql"]:
            measure = _on_sqlite if engine == "sqlite" else _on_postgres
            for row in measure(Path(folder), sizes):
                print(row, flush=True)


def added_up(engine: str, app: Packhorse) -> Iterator[Row]:
    """All that has ended, in passes of so many jobs of each queue and state."""
    taken: list[float] = []
    counts = [CHUNK]
    while counts[-1] >= CHUNK:
        taken.append(_milliseconds(lambda: counts.append(app.engine.add_up_ended(CHUNK))))
    jobs = sum(counts[1:])
    yield Row(
        engine, f"adding up {jobs:,} jobs, for each 1,000 (its longest pass)", 1000 * sum(taken) / jobs, max(taken)
    )


def timed(engine: str, app: Packhorse) -> Iterator[Row]:
    """Each call, so many times; the first one, which connects, is left out."""
    for name, call in _calls(app).items():
        call()
        taken = [_milliseconds(call) for _ in range(ROUNDS)]
        yield Row(engine, name, median(taken), max(taken))


def _calls(app: Packhorse) -> Mapping[str, Callable[[], object]]:
    return {
        "`stats`, all its figures": lambda: look(app, None),
        "`queues list`": app.list_queues,
        "`app.count_jobs()`": app.count_jobs,
        "`inbox list`, its number": app.inbox.count,
        "`inbox list`, a page": app.inbox.list,
        "`jobs list`, a page": app.list_jobs,
        "`jobs list --state failed`, a page": lambda: app.list_jobs(state="failed"),
        "the pruner's look for what is over": app.engine.list_expired,
        "`stats --by task`, a day": lambda: app.statistics().by("task"),
        "`stats --by hour --by task`, 30 days": lambda: app.statistics(last=KEPT).by("hour", "task"),
        "adding up what has ended, when nothing has": lambda: app.engine.add_up_ended(CHUNK),
    }


def _on_sqlite(folder: Path, sizes: Mapping[str, int]) -> Iterator[Row]:
    path = folder / "counts.db"
    with contextlib.closing(Packhorse(f"sqlite:///{path}")) as app:
        app.engine.migrate()
        with contextlib.closing(sqlite3.connect(path)) as file:
            for text in statement("counts_sqlite").split(";\n"):
                file.execute(text, {**sizes, "now": int(datetime.now(UTC).timestamp() * 1e6)})
            file.commit()
        yield from added_up("SQLite", app)
        yield from timed("SQLite", app)


def _on_postgres(folder: Path, sizes: Mapping[str, int]) -> Iterator[Row]:
    with (
        Postgres(folder) as server,
        server.database() as url,
        contextlib.closing(Packhorse(url)) as app,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        app.engine.migrate()
        psycopg.ClientCursor(connection).execute(statement("counts_postgres").encode(), sizes)
        yield from added_up("PostgreSQL, as inserted", app)
        yield from timed("PostgreSQL, as inserted", app)
        connection.execute("vacuum analyze")
        yield from timed("PostgreSQL, vacuumed", app)


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counts", description=__doc__)
    parser.add_argument("--finished", type=int, default=5_000_000)
    parser.add_argument("--live", type=int, default=1_000_000)
    parser.add_argument("--engine", action="append", choices=["sqlite", "postgresql"], help="only this one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
