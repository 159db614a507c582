"""What a handler sets on a connection that it was lent, told from what it found there."""

from __future__ import annotations

import psycopg

AnyPsycopg = psycopg.Connection | psycopg.AsyncConnection
Found = tuple[object, ...]

_PLAIN = ("row_factory", "cursor_factory", "server_cursor_factory", "prepare_threshold", "prepared_max")
"""How results come; set back by assignment."""
_SESSION = ("autocommit", "isolation_level", "read_only", "deferrable")
"""How transactions begin; a connection on which they differ is given up, as a coroutine sets them otherwise."""


def found_on(connection: AnyPsycopg) -> Found:
    """The settings of a connection that is about to be lent."""
    return tuple(getattr(connection, name) for name in _PLAIN + _SESSION)


def restored(connection: AnyPsycopg, found: Found) -> bool:
    """Set back what the handler has set; False when the connection must be closed instead.

    The drivers' adapters are dropped, and copied from the global ones at the next use.
    """
    if not _is_plain(connection, found[len(_PLAIN) :]):
        return False
    for name, value in zip(_PLAIN, found, strict=False):
        setattr(connection, name, value)
    connection._adapters = None  # noqa: SLF001 - the driver offers no other way to forget what was registered
    return True


def _is_plain(connection: AnyPsycopg, session: Found) -> bool:
    listens = any(getattr(connection, name, ()) for name in ("_notice_handlers", "_notify_handlers"))
    return not listens and session == tuple(getattr(connection, name) for name in _SESSION)
