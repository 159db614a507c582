"""What the shared methods need of a dialect: its statements, and to run them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from packhorse.engines.sql.statements import Statements
from packhorse.statement import Row, Statement, Transaction

Params = Mapping[str, str | int | None]
NO_PARAMS: Params = {}


@dataclass(frozen=True, slots=True)
class Command:
    """The statements of `name`.sql, with the parts that these options leave, and their parameters."""

    name: str
    params: Params = field(default_factory=dict)
    options: tuple[str, ...] = ()


class SqlBase(ABC):
    """The part of an engine that `SqlJobStore`, `SqlRegistry`, `SqlInsights` and `SqlSchema` build on."""

    _statements: Statements

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the database is, for messages."""

    @abstractmethod
    def begin(self) -> Transaction:
        """Open a write transaction."""

    @abstractmethod
    def _read(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        """Run `name`.sql, which changes nothing; its rows."""

    @abstractmethod
    def _write_all(self, commands: Sequence[Command]) -> list[Row]:
        """Run commands in one transaction of their own; the rows of all of them."""

    def _write(self, name: str, params: Params = NO_PARAMS, *options: str) -> list[Row]:
        """Run the statements of `name`.sql in a transaction of their own; the rows of all of them."""
        return self._write_all([Command(name, params, options)])

    def _look(self, command: Command) -> list[Row]:
        return self._read(command.name, command.params, *command.options)

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """A transaction of our own."""
        transaction = self.begin()
        try:
            yield transaction
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()

    def _run(self, transaction: Transaction, command: Command) -> list[Row]:
        """Run a command in an open transaction of ours; the rows of all its statements."""
        texts = self._statements.get(command.name, *command.options)
        return [row for text in texts for row in transaction.run(Statement(text, command.params))]

    def _pattern(self, text: str) -> str:
        """A text with `*` and `?` as the operator `{matches}` takes it: here LIKE."""
        for plain, meant in (("\\", "\\\\"), ("%", "\\%"), ("_", "\\_"), ("*", "%"), ("?", "_")):
            text = text.replace(plain, meant)
        return text

    @abstractmethod
    def installation_id(self) -> str:
        """The id that was made when the schema was first installed."""

    @abstractmethod
    def _forget_installation(self) -> None:
        """Ask the database for the installation's id again: it may be another one by now."""


def ids_in(rows: list[Row]) -> set[int]:
    """The first column of the rows."""
    return {row[0] for row in rows}
