"""What the shared methods need of a dialect: its statements, and to run them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from packhorse.engine import Row
from packhorse.engines.sql.statements import Statements

Params = Mapping[str, str | int | None]
NO_PARAMS: Params = {}


class SqlBase(ABC):
    """The part of an engine that `SqlJobStore`, `SqlRegistry`, `SqlInsights` and `SqlSchema` build on."""

    _statements: Statements

    @abstractmethod
    def _read(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        """Run `name`.sql, which changes nothing; its rows."""

    @abstractmethod
    def _write(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        """Run the statements of `name`.sql in a transaction of their own; the rows of all of them."""

    @abstractmethod
    def installation_id(self) -> str:
        """The id that was made when the schema was first installed."""

    @abstractmethod
    def _forget_installation(self) -> None:
        """Ask the database for the installation's id again: it may be another one by now."""


def ids_in(rows: list[Row]) -> set[int]:
    """The first column of the rows."""
    return {row[0] for row in rows}
