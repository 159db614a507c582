"""What a conformance suite needs of an engine under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import pytest

from packhorse.engine import Engine
from packhorse.statement import Row, Statement
from packhorse.testing.clock import MovingClock


class ProducerConnection(Protocol):
    """A connection as an application has it; a transaction is open from its first statement until its end."""

    def run(self, statement: Statement) -> list[Row]:
        """Run a statement of the engine's; its rows."""
        ...

    def begin_savepoint(self) -> None:
        """Begin a savepoint inside the transaction."""
        ...

    def undo_savepoint(self) -> None:
        """Undo all since the savepoint."""
        ...

    def commit(self) -> None:
        """Commit the transaction."""
        ...

    def rollback(self) -> None:
        """Undo the transaction."""
        ...

    def close(self) -> None:
        """Close the connection; an open transaction is undone."""
        ...


class Clock(Protocol):
    """The database's clock."""

    def advance(self, by: timedelta) -> None:
        """Let `by` go past at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One database and the ways to it."""

    open: Callable[[], Engine]
    """Makes an engine object on the database. It is called in other processes, too, so it must be picklable."""
    connect: Callable[[], ProducerConnection]
    """Makes a connection to the database without the engine."""
    clock: Callable[[Any], Clock] = MovingClock
    """Gives the clock of an engine's database; `MovingClock` serves an engine with a method `move_clock`."""


class EngineContract:
    """The fixtures of all suites of engines."""

    @pytest.fixture
    def subject(self, new_subject: Callable[[], Subject]) -> Subject:
        """A database that nobody has used."""
        return new_subject()

    @pytest.fixture
    def engine(self, subject: Subject) -> Iterator[Engine]:
        """An engine on that database, with the schema."""
        engine = subject.open()
        engine.migrate()
        yield engine
        engine.close()

    @pytest.fixture
    def another_engine(self, engine: Engine, subject: Subject) -> Iterator[Engine]:
        """A second engine object on the same database, which has its schema by then; as another process has one."""
        another = subject.open()
        yield another
        another.close()

    @pytest.fixture
    def producer(self, engine: Engine, subject: Subject) -> Iterator[ProducerConnection]:
        """An application's own connection to the same database, which has its schema by then."""
        connection = subject.connect()
        yield connection
        connection.close()

    @pytest.fixture
    def clock(self, engine: Engine, subject: Subject) -> Clock:
        """The database's clock."""
        return subject.clock(engine)
