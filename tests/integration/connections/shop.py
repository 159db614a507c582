"""A small application with a table of its own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
from psycopg import sql

from packhorse import JobState, Packhorse, Task
from packhorse.domain.claim import Claim
from packhorse.domain.job import Lease
from tests.integration.connections.wired import path_of


def other_connection(url: str) -> Any:
    """A connection of nobody's, in autocommit mode."""
    if url.startswith("sqlite"):
        return sqlite3.connect(path_of(url), isolation_level=None)
    return psycopg.connect(url, autocommit=True)


@contextmanager
def another_database(url: str) -> Iterator[str]:
    """The address of a further database on the same server, or of a further file, while the block runs."""
    if url.startswith("sqlite"):
        yield f"{url}.other"
        return
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        other = sql.Identifier(f"{name}_other")
        connection.execute(sql.SQL("CREATE DATABASE {}").format(other))
        yield url.replace(f"/{name}", f"/{name}_other", 1)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(other))


@dataclass
class Shop:
    """An application, its table `sale`, and its task `send`, which notes what it was called with."""

    app: Packhorse
    url: str
    sent: list[int] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(cls, app: Packhorse, url: str) -> Iterator[Self]:
        """With its schema and its table."""
        app.engine.migrate()
        with closing(other_connection(url)) as connection:
            connection.execute("CREATE TABLE sale (id bigint)")
        shop = cls(app, url)
        yield shop
        app.close()

    def __post_init__(self) -> None:
        def send(number: int) -> int:
            self.sent.append(number)
            return number

        self.send: Task[[int], int] = self.app.task(name="shop.send")(send)

    def count_sales(self) -> int:
        """How many sales another connection sees."""
        with closing(other_connection(self.url)) as connection:
            [count] = connection.execute("SELECT count(*) FROM sale").fetchone()
        return int(count)

    def count_jobs(self) -> int:
        """How many jobs another connection sees."""
        return sum(self.app.count_jobs().values())

    def claims(self) -> list[int]:
        """The ids of the jobs that another connection can claim, most urgent first."""
        claim = Claim(lease=Lease(7, 1), queue="default", limit=100)
        return [job.id for job in self.app.engine.claim_jobs(claim)]

    def can_claim(self) -> bool:
        """Whether a worker would find something; on SQLite without a claim, which waits for an open transaction."""
        if self.app.engine.features.concurrent_writers:
            return bool(self.claims())
        return bool(self.app.engine.glance(7).ready_queues)

    def states(self) -> list[JobState]:
        """The states of all jobs, the oldest first."""
        return [job.state for job in reversed(self.app.list_jobs())]
