"""Our own statements on Django's connection to PostgreSQL, sent as our engine sends them: several in one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packhorse.errors import DatabaseError
from packhorse.statement import Row, Statement


def on_server(connection: Any, text: str, params: Mapping[str, str | int | None]) -> list[Row]:
    """Run statements in the open transaction; the rows of all of them.

    Raises:
        DatabaseError: the server refuses one.
    """
    import psycopg

    from packhorse.engines.postgres import wire
    from packhorse.engines.postgres.errors import translated

    connection.ensure_connection()
    try:
        return wire.run(connection.connection, text, params)
    except psycopg.Error as error:
        raise translated(error, f"Django's {connection.alias!r}") from error


def is_let_pass(connection: Any, statement: Statement) -> bool:
    """Run a statement of an acknowledgement; whether it is accepted.

    Raises:
        DatabaseError: it fails for another reason.
    """
    from packhorse.engines.postgres.errors import is_fenced_off

    try:
        on_server(connection, statement.limits + statement.fenced, statement.params)
    except DatabaseError as error:
        if is_fenced_off(error):
            return False
        raise
    return True
