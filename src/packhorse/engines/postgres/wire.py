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

from packhorse.engine import Row
from packhorse.engines.sql.base import Params

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
        if len(calls) == 1:
            [(text, params)] = calls
            cursor.execute(driver_text(text), params)
        else:
            cursor.execute(";\n".join(cursor.mogrify(driver_text(text), params) for text, params in calls).encode())
        rows: list[Row] = []
        while True:
            if cursor.description:
                rows += cursor.fetchall()
            if not cursor.nextset():
                return rows


async def run_async(connection: psycopg.AsyncConnection, text: str, params: Params) -> list[Row]:
    """The same on an asynchronous connection."""
    async with psycopg.AsyncClientCursor(connection, row_factory=tuple_row) as cursor:
        await cursor.execute(driver_text(text), params)
        rows: list[Row] = []
        while True:
            if cursor.description:
                rows += await cursor.fetchall()
            if not cursor.nextset():
                return rows
