"""Where the deferred calls of mapped classes are stored: on the session that the records belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_session
from sqlalchemy.orm import Mapper, Session, SessionTransaction, object_session, scoped_session

_CALLS: Final = "packhorse_calls"


def home(model: type) -> Sessions | None:
    """What finds the sessions of a mapped class's records; None for a class that is not mapped."""
    return SESSIONS if isinstance(inspect(model, raiseerr=False), Mapper) else None


class Sessions:
    """Finds the session of a record."""

    def session_of(self, record: Any) -> Session | AsyncSession | None:
        """The session that it is in; None for one that is in none."""
        session = object_session(record)
        return None if session is None else async_session(session) or session

    def is_async(self, session: Any) -> bool:
        """Whether it is for coroutines."""
        return isinstance(session, AsyncSession | async_scoped_session)

    def flush(self, session: Any, records: Sequence[Any]) -> None:
        """Flush the session if one of the records is new in it."""
        plain = session() if isinstance(session, scoped_session) else session
        if isinstance(plain, Session) and any(record in plain.new for record in records):
            plain.flush()

    async def aflush(self, session: Any, records: Sequence[Any]) -> None:
        """The same for coroutines."""
        if any(record in session.new for record in records):
            await session.flush()

    def at_flush(self, session: Any, store: Callable[[Any], None]) -> None:
        """Call back in the session's next flush or commit, unless the transaction or savepoint of now is undone."""
        plain: Session = session.sync_session
        if _CALLS not in plain.info:
            plain.info[_CALLS] = []
            event.listen(plain, "after_flush_postexec", lambda session, _: _store(session))
            event.listen(plain, "before_commit", _flush_and_store)
            event.listen(plain, "after_soft_rollback", _forget)
        within = plain.get_nested_transaction() or plain.get_transaction()
        plain.info[_CALLS].append(_Call(store, within))


SESSIONS: Final = Sessions()


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that waits for its session."""

    store: Callable[[Any], None]
    within: SessionTransaction | None
    """The transaction or savepoint that it was made in; None before the first statement."""


def _flush_and_store(session: Session) -> None:
    """Before a commit, which flushes only afterwards: new records have their keys then."""
    if session.info[_CALLS]:
        session.flush()
        _store(session)


def _store(session: Session) -> None:
    """Store what waits, in the order in which it came."""
    calls, session.info[_CALLS] = session.info[_CALLS], []
    for call in calls:
        call.store(session)


def _forget(session: Session, undone: SessionTransaction) -> None:
    """Drop what was called in a transaction that is undone, or in a savepoint of it."""
    session.info[_CALLS] = [call for call in session.info[_CALLS] if not _is_within(call.within, undone)]


def _is_within(inner: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer
