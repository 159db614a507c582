"""Locks on business records that an application holds itself, before a work package takes them over."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, get_args

from packhorse.domain.package import OnLocked, Reference
from packhorse.engine import Engine
from packhorse.enqueuer import Enqueuer, Writing
from packhorse.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

log: logging.Logger = logging.getLogger("packhorse")


_OWNER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")


def check_on_locked(on_locked: OnLocked) -> OnLocked:
    """What becomes of a record that somebody else has locked.

    Raises:
        UsageError: it is neither `refuse` nor `ignore`.
    """
    if on_locked not in get_args(OnLocked):
        raise UsageError(f"on_locked must be 'refuse' or 'ignore', not {on_locked!r}")
    return on_locked


def check_owner(owner: object) -> str:
    """The name of whoever locks records.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
        raise UsageError(f"a lock's owner is a text of 1 to 200 characters, none of them a control, not {owner!r}")
    return owner


class RecordLock:
    """Records that are locked under a name, until they are released or a work package takes them over.

        with app.lock_records(*orders, conn=session) as lock:
            bill.package(conn=session).add(*orders).lock(over=lock).enqueue()

    At the end of the block what no package took over is released. A rollback undoes the handing over, and the lock
    itself when it was taken in that transaction.

    Attributes:
        owner: the name.
        records: those that were not locked under this name before.
    """

    def __init__(self, owner: str, records: Sequence[Reference], enqueuer: Enqueuer, conn: object | None) -> None:
        self.owner: str = owner
        self.records: Sequence[Reference] = records
        self._enqueuer = enqueuer
        self._conn = conn

    def release(self) -> int:
        """Release what is locked under the name still; how many records. On the connection that it was locked on."""
        return self._enqueuer.write(self._releasing, self._conn)

    async def arelease(self) -> int:
        """Do what `release` does, for coroutines."""
        return await self._enqueuer.awrite(self._releasing, self._conn)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
        else:
            with self._behind(error):
                self.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self.arelease()
        else:
            with self._behind(error):
                await self.arelease()

    @contextmanager
    def _behind(self, error: BaseException) -> Iterator[None]:
        """The block's own error counts; it may have made the transaction unfit for anything but a rollback."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever the driver says of a transaction that has failed
            log.warning("the lock %r could not be released behind %r: a rollback undoes it", self.owner, error)

    def _releasing(self, engine: Engine, installation: str | None = None) -> Writing[int]:
        if installation is None:
            engine.installation_id()
        return self._released(engine)

    def _released(self, engine: Engine) -> Writing[int]:
        rows = yield engine.release_statement(self.owner)
        return len(rows)
