"""The true end of SQLAlchemy's transactions: its own commit event comes before the COMMIT, so we watch the dialect."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from sqlalchemy import Connection, Dialect, NestedTransaction, Pool, event

from packhorse.connections.scope import Waiting

_WAITING: Final = "packhorse_waiting"
_WATCHED: Final = "_packhorse_watched"
UNSEEN: Final = "_packhorse_unseen"
"""Set on a dialect whose COMMIT is not the transaction's end."""


def waiting_for(connection: Connection) -> Waiting | None:
    """What waits for the end of the connection's transaction; None when that can't be seen."""
    if getattr(connection.dialect, UNSEEN, False):
        return None
    _watch(connection.dialect)
    _watch_losses(connection.engine.pool)
    waiting: Waiting = connection.info.setdefault(_WAITING, Waiting())
    waiting.enter(*_open_savepoints(connection.get_nested_transaction()))
    return waiting


def ended(connection: Connection, *, committed: bool) -> None:
    """Tell what waits that the transaction has ended, where that was not the dialect's doing."""
    _end(connection, Waiting.commit if committed else Waiting.rollback)


def _open_savepoints(innermost: NestedTransaction | None) -> list[str]:
    names: list[str] = []
    nested: Any = innermost
    while nested is not None:
        # SQLAlchemy tells neither the name of a savepoint nor the one around it in a public way.
        names.insert(0, nested._savepoint)  # noqa: SLF001
        nested = nested._previous_nested  # noqa: SLF001
    return names


def _watch(dialect: Dialect) -> None:
    if getattr(dialect, _WATCHED, False):
        return
    setattr(dialect, _WATCHED, True)
    _after(dialect, "do_commit", lambda dbapi: _end(dbapi, Waiting.commit))
    _after(dialect, "do_rollback", lambda dbapi: _end(dbapi, Waiting.rollback))
    _after(dialect, "do_commit_twophase", lambda connection, *_: _end(connection, Waiting.commit))
    _after(dialect, "do_rollback_twophase", lambda connection, *_: _end(connection, Waiting.rollback))
    _after(dialect, "do_release_savepoint", lambda connection, name: _savepoint(connection, name, Waiting.release))
    _after(dialect, "do_rollback_to_savepoint", lambda connection, name: _savepoint(connection, name, Waiting.undo))


def _watch_losses(pool: Pool) -> None:
    """A connection that broke is given up without a rollback: the server has done that."""
    if not event.contains(pool, "invalidate", _lost):
        event.listen(pool, "invalidate", _lost)


def _lost(_dbapi: object, connection: Any, _error: object) -> None:
    _end(connection, Waiting.rollback)


def _after(dialect: Dialect, method: str, then: Callable[..., None]) -> None:
    original = getattr(dialect, method)

    @wraps(original)
    def called(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        then(*args)
        return result

    setattr(dialect, method, called)


def _end(connection: Any, end: Callable[[Waiting], None]) -> None:
    waiting = connection.info.pop(_WAITING, None)
    if waiting is not None:
        end(waiting)


def _savepoint(connection: Connection, name: str, end: Callable[[Waiting, str], None]) -> None:
    waiting = connection.info.get(_WAITING)
    if waiting is not None:
        end(waiting, name)
