"""`ctx.tx` of an atomic handler under Django: `transaction.atomic(alias)`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from django.db import connections, transaction
from django.db.transaction import TransactionManagementError

from packhorse.errors import SavepointLost, UsageError
from packhorse.integrations.django.connection import on_alias
from packhorse.integrations.django.server import is_let_pass, on_server
from packhorse.statement import Row, Statement


class AtomicTransaction:
    """`packhorse.statement.Transaction` as an `atomic` block, so that the handler's models write in it."""

    def __init__(self, alias: str, *, durable: bool = True) -> None:
        self._alias = alias
        self._block = transaction.Atomic(alias, savepoint=True, durable=durable)
        self._block.__enter__()
        self._is_open = True

    @property
    def connection(self) -> Any:
        """Django's connection."""
        return connections[self._alias]

    def execute(self, text: str, params: Any = ()) -> Any:
        """Run SQL with `%s` parameters; Django's cursor."""
        cursor = self.connection.cursor()
        cursor.execute(text, params or None)
        return cursor

    def run(self, statement: Statement) -> list[Row]:
        """Run one of our statements; on a server those of one message, with their limits."""
        if self.connection.vendor != "postgresql":
            return on_alias(self._alias).run(statement)
        return on_server(self.connection, statement.limits + statement.text, statement.params)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """An `atomic` block, as Django's own calls expect it."""
        try:
            with transaction.Atomic(self._alias, savepoint=True, durable=False):
                yield
                self._refuse_broken()
        except BaseException as error:
            if transaction.get_rollback(using=self._alias):
                raise SavepointLost from error
            raise

    def commit(self) -> None:
        """Leave the block; Django's `on_commit` callbacks run."""
        if self._is_open:
            self._is_open = False
            self._block.__exit__(None, None, None)

    def commit_with(self, ack: Sequence[Statement]) -> bool:
        """Run an acknowledgement and commit, or roll back if it is refused; whether it was accepted."""
        try:
            is_accepted = self._acknowledge(ack)
            if is_accepted:
                self.commit()
            return is_accepted
        finally:
            self.rollback()

    def _acknowledge(self, ack: Sequence[Statement]) -> bool:
        if self.connection.vendor != "postgresql":
            return bool([row for statement in ack for row in self.run(statement)])
        return all(is_let_pass(self.connection, statement) for statement in ack)

    def _refuse_broken(self) -> None:
        """Django would undo the block without a word where the handler has caught an error of the database."""
        if transaction.get_rollback(using=self._alias):
            raise TransactionManagementError(
                "a statement in this block has failed before, so it can't be kept: catch errors around an atomic block"
            )

    def rollback(self) -> None:
        """Leave the block as after an error; never raises."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            transaction.set_rollback(True, using=self._alias)
            self._block.__exit__(None, None, None)
        except Exception:  # noqa: BLE001 - a connection that is broken has nothing left to roll back
            self.connection.close()


async def no_async_transaction() -> NoReturn:
    """What an atomic `async def` handler gets under Django.

    Raises:
        UsageError: always.
    """
    raise UsageError("Django has no transactions for coroutines: make the handler of an atomic task a plain `def`")
