"""What a handler sets on a connection that it was lent, told from what it found there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.pq import TransactionStatus

AnyPsycopg = psycopg.Connection | psycopg.AsyncConnection
Found = tuple[object, ...]

_PLAIN = ("row_factory", "cursor_factory", "server_cursor_factory", "prepare_threshold", "prepared_max")
"""How results come; set back by assignment."""
_SESSION = ("autocommit", "isolation_level", "read_only", "deferrable")
"""How transactions begin; a connection on which they differ is given up, as a coroutine sets them otherwise."""


_CLEAN = (
    "; RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP; SELECT pg_advisory_unlock_all()"
)
"""What DISCARD ALL does, which can't stand in one message with others; but for prepared statements, which a pooler
and the driver count. Some microseconds."""


@contextmanager
def beginning(connection: AnyPsycopg) -> Iterator[str]:
    """What goes in front of a message of ours: `BEGIN`, where nothing was run yet.

    The driver would send it as a message of its own, unless it takes the connection for one in autocommit meanwhile.
    """
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        yield ""
        return
    enter_autocommit(connection)
    try:
        yield "BEGIN;\n"
    finally:
        leave_autocommit(connection)


def enter_autocommit(connection: AnyPsycopg) -> None:
    """Let the driver begin no transactions by itself; outside of one, where its own setter would wait for a lock."""
    connection._autocommit = True  # noqa: SLF001


def leave_autocommit(connection: AnyPsycopg) -> None:
    """Let the driver begin a transaction with the next statement."""
    connection._autocommit = False  # noqa: SLF001


def ending(word: str, *, is_lent: bool) -> str:
    """How a transaction is ended: in one message with what clears the session of a handler's settings.

    In the same message since behind a transaction pooler the next one may go to another session; after the end since
    deferred triggers are to see the settings, and locks are to hold as long.
    """
    return word + _CLEAN if is_lent else word


def is_untouched(connection: AnyPsycopg, *, is_lent: bool) -> bool:
    """Whether nothing was run on it, so that there is nothing to end."""
    return not is_lent and connection.info.transaction_status is TransactionStatus.IDLE


def refuse_broken(connection: AnyPsycopg) -> None:
    """Refuse to commit what the server can only roll back: it would do so without a word.

    Raises:
        psycopg.errors.InFailedSqlTransaction: a statement in it has failed.
    """
    if connection.info.transaction_status is TransactionStatus.INERROR:
        raise psycopg.errors.InFailedSqlTransaction(
            "a statement in this transaction has failed before, so it can't be committed and is rolled back"
        )


def found_on(connection: AnyPsycopg) -> Found:
    """The settings of a connection that is about to be lent."""
    return tuple(getattr(connection, name) for name in _PLAIN + _SESSION)


def restored(connection: AnyPsycopg, found: Found) -> bool:
    """Set back what the handler has set; False when the connection must be closed instead.

    The drivers' adapters are dropped, and copied from the global ones at the next use.
    """
    if not _is_plain(connection, found[len(_PLAIN) :]):
        return False
    _forget_listeners(connection)
    for name, value in zip(_PLAIN, found, strict=False):
        setattr(connection, name, value)
    connection._adapters = None  # noqa: SLF001 - the driver offers no other way to forget what was registered
    return True


def _is_plain(connection: AnyPsycopg, session: Found) -> bool:
    return session == tuple(getattr(connection, name) for name in _SESSION)


def _forget_listeners(connection: AnyPsycopg) -> None:
    """Remove whoever listens to the server's notices and notifications: SQLAlchemy does on each connection, to log."""
    for handler in list(getattr(connection, "_notice_handlers", ())):
        connection.remove_notice_handler(handler)
    for handler in list(getattr(connection, "_notify_handlers", ())):
        connection.remove_notify_handler(handler)
