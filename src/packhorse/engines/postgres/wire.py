"""How a statement of ours goes over the wire.

Everything goes as one message of the simple protocol, its parameters put in on this side: several statements of one
message are one transaction and one round trip, and nothing is prepared on the server, so a transaction pooler is fine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import psycopg
from psycopg.rows import tuple_row

from packhorse.engines.sql.base import Params
from packhorse.statement import Row

Call = tuple[str, Params]
"""Statements, and the parameters that all of them take."""

_PARAMETER = re.compile(r":([a-z_]+)")


@lru_cache(maxsize=512)
def driver_text(text: str) -> bytes:
    """The statement with its parameters as the driver writes them."""
    return _PARAMETER.sub(r"%(\1)s", text.replace("%", "%%")).encode()


def run(connection: psycopg.Connection, text: str, params: Params) -> list[Row]:
    """Run the statements of `text` in one round trip; the rows of all of them."""
    return run_all(connection, [(text, params)])


def run_all(connection: psycopg.Connection, calls: Sequence[Call]) -> list[Row]:
    """Run statements, each with its own parameters, in one round trip; the rows of all of them."""
    with psycopg.ClientCursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute(*_joined(cursor, calls))
        rows: list[Row] = []
        while True:
            if cursor.pgresult is not None and cursor.pgresult.nfields:
                rows += cursor.fetchall()
            if not cursor.nextset():
                return rows


def send(connection: psycopg.Connection, calls: Sequence[Call]) -> None:
    """As `run_all` where no row is wanted, so that none of the many results is looked at."""
    with psycopg.ClientCursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute(*_joined(cursor, calls))


async def run_async(connection: psycopg.AsyncConnection, text: str, params: Params) -> list[Row]:
    """As `run`, on an asynchronous connection."""
    async with psycopg.AsyncClientCursor(connection, row_factory=tuple_row) as cursor:
        await cursor.execute(driver_text(text), params)
        rows: list[Row] = []
        while True:
            if cursor.pgresult is not None and cursor.pgresult.nfields:
                rows += await cursor.fetchall()
            if not cursor.nextset():
                return rows


async def send_async(connection: psycopg.AsyncConnection, calls: Sequence[Call]) -> None:
    """As `send`, on an asynchronous connection."""
    async with psycopg.AsyncClientCursor(connection, row_factory=tuple_row) as cursor:
        await cursor.execute(*_joined(cursor, calls))


def _joined(
    cursor: psycopg.ClientCursor[Row] | psycopg.AsyncClientCursor[Row], calls: Sequence[Call]
) -> tuple[bytes, Params | None]:
    """One text with parameters as the driver writes them, or several with theirs put in."""
    if len(calls) == 1:
        [(text, params)] = calls
        return driver_text(text), params
    text = ";\n".join(cursor.mogrify(driver_text(text), params) for text, params in calls)
    return text.encode(cursor.connection.info.encoding), None
