"""Connections of SQLAlchemy whose driver commits every statement by itself: `isolation_level="AUTOCOMMIT"`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine

from packhorse.integrations.sqlalchemy.commits import ended

_OPTION: Final = "isolation_level"
_LEVEL: Final = "AUTOCOMMIT"


def is_autocommit(bind: Engine | Connection) -> bool:
    """Whether that was asked of SQLAlchemy, for this connection or for its engine."""
    level: object = bind.get_execution_options().get(_OPTION)
    if level is None:
        # What create_engine was told is nowhere in public; asking the driver would take a query.
        level = bind.dialect._on_connect_isolation_level  # noqa: SLF001
    return level == _LEVEL


def has_begun(driver: Any) -> bool:
    """Whether a driver's connection is in a transaction all the same, by somebody's own BEGIN. Asks no server."""
    if hasattr(driver, "is_in_transaction"):  # asyncpg
        return bool(driver.is_in_transaction())
    if hasattr(driver, "info"):  # psycopg
        return bool(driver.info.transaction_status)
    return bool(getattr(driver, "in_transaction", False))  # sqlite3, aiosqlite


class OwnTransaction:
    """A transaction on such a connection, begun and ended by SQL, since the driver's commit does nothing.

    Args:
        connection: has none open.
        around: what SQLAlchemy takes for its transaction, if that began for this one and is to end with it.
    """

    def __init__(self, connection: Connection, around: AbstractContextManager[Any] | None) -> None:
        self._connection = connection
        self._around = around
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        committed = False
        try:
            self._connection.exec_driver_sql("COMMIT" if kind is None else "ROLLBACK")
            committed = kind is None
        finally:
            ended(self._connection, committed=committed)
            if self._around is not None:
                self._around.__exit__(kind, error, traceback)
