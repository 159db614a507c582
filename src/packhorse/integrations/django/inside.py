"""Jobs run inside Django's open transaction, as its TestCase needs: what that holds is never committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from django.db import connections

from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sql.base import NO_PARAMS, Command, Params, SqlBase
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.integrations.django.connection import DjangoConnection
from packhorse.integrations.django.database import alias_in, database_url
from packhorse.integrations.django.transaction import AtomicTransaction
from packhorse.runtime.inline import InlineWorker
from packhorse.runtime.run import Runner
from packhorse.statement import Row, Statement, Transaction


class _Inside(SqlBase):
    """An engine whose statements run on Django's connection, in the transaction that is open there."""

    alias: str

    def begin(self) -> Transaction:
        return AtomicTransaction(self.alias, durable=False)

    def beat(self, workers: Sequence[int], lease: timedelta) -> set[int]:
        """Nobody else sees the worker, and the heartbeat's thread may not use the connection."""
        return set(workers)

    def _read(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        return self._write_all([Command(name, params, options)])

    def _write_all(self, commands: Sequence[Command]) -> list[Row]:
        connection = DjangoConnection(connections[self.alias])
        statements = [
            Statement(text, command.params)
            for command in commands
            for text in self._statements.get(command.name, *command.options)
        ]
        return [row for statement in statements for row in connection.run(statement)]


class SqliteInside(_Inside, SqliteEngine):
    """For SQLite."""


class PostgresInside(_Inside, PostgresEngine):
    """For PostgreSQL."""


def is_open(address: str) -> bool:
    """Whether an `atomic` block is open on the connection behind `django://alias`."""
    return bool(connections[alias_in(address)].in_atomic_block)


@contextmanager
def opened(address: str, schema: str) -> Iterator[_Inside]:
    """An engine in the open transaction behind `django://alias`."""
    url = database_url(address)
    engine = SqliteInside(url) if url.startswith("sqlite") else PostgresInside(url, schema=schema)
    engine.alias = alias_in(address)
    try:
        yield engine
    finally:
        engine.close()


def run_inside(runner: Runner) -> int:
    """Run what is due in the open transaction, by a runner of that engine; how many."""
    return InlineWorker(replace(runner, begin=runner.engine.begin)).run_pending()
