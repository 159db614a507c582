"""trytond-worker: Tryton's queue, for atomic tasks: the handler's writes and the end of the task commit together.

`[queue] worker = True` and two worker processes (`-n 2`), as many as the machine of the first measurement had
processors; more did not help. The task is a method of a model that makes one UPDATE.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own; pyright then takes this file for it.

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from benchmarks.peers.handling import handle
from benchmarks.peers.peer import Peer, Producer, Sent

PROCESSES = 2
STOCKS = 1_000
ADMIN = 1
POLL_SECONDS = 1


class TrytondProducer(Producer):
    """One transaction of Tryton's for all, or one for each."""

    def __init__(self, url: str) -> None:
        self._name = _configure(url)
        from trytond.pool import Pool

        Pool(self._name).init()

    def enqueue(self, numbers: Iterable[int], sent: Sent) -> None:
        """`Model.__queue__.method(…)` in a transaction of its own."""
        for n in numbers:
            self.bulk(range(n, n + 1))
            sent(n)

    def bulk(self, numbers: range) -> None:
        """The same for all, in one transaction."""
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        with Transaction().start(self._name, ADMIN):
            stock = Pool().get("bench.stock")
            for n in numbers:
                stock.__queue__.book([stock(n % STOCKS + 1)], n)


class Trytond(Peer):
    """Tryton's worker on psycopg."""

    name = "trytond"
    requirements = ("trytond==8.2.1", "psycopg[binary,pool]==3.3.9")
    settings = f"trytond-worker -n {PROCESSES}, one UPDATE by SQL, rows retained; exactly once"
    unfinished = "select exists (select from ir_queue where finished_at is null)"
    has_own_fleet = True

    def install(self, url: str) -> None:
        """`trytond-admin -u ir res`, with a model more, and its rows."""
        name = _configure(url)
        from trytond import backend
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        database = backend.Database(name).connect()
        with Transaction().start(name, 0):
            database.init()
        Pool(name).init(update=["ir", "res"], lang=["en"])
        with Transaction().start(name, ADMIN):
            Pool().get("bench.stock").create([{"quantity": 0}] * STOCKS)

    def producer(self, url: str) -> Producer:
        """One process with Tryton's pool of models."""
        return TrytondProducer(url)

    def work(self, url: str, processes: int) -> None:
        """`trytond-worker`."""
        name = _configure(url)
        from trytond.worker import work

        work(
            argparse.Namespace(
                database_names=[name],
                processes=PROCESSES,
                maxtasksperchild=None,
                timeout=POLL_SECONDS,
                name=None,
                configfile=[],
                logconf=None,
                verbose=0,
            )
        )


def _configure(url: str) -> str:
    """Tell Tryton where its server is, and add our model; the name of the database."""
    from trytond import config

    parts = urlsplit(url)
    config.set("database", "uri", f"postgresql://{parts.netloc}/")
    config.set("queue", "worker", "True")
    from trytond.pool import Pool

    Pool.start()  # which forgets what was registered before
    Pool.register(_stock(), module="res", type_="model")
    return parts.path.lstrip("/")


def _stock() -> Any:
    from trytond.model import ModelSQL, fields
    from trytond.transaction import Transaction

    class Stock(ModelSQL):  # type: ignore[misc]  # it ships no types
        """What the tasks count down."""

        __name__ = "bench.stock"
        quantity = fields.Integer("Quantity")

        @classmethod
        def book(cls, stocks: list[Any], n: int) -> None:
            table = cls.__table__()
            ids = [stock.id for stock in stocks]
            update = table.update([table.quantity], [table.quantity - 1], where=table.id.in_(ids))
            Transaction().connection.cursor().execute(*update)
            handle(n)

    return Stock


PEERS = (Trytond(),)
