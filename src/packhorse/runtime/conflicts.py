"""Which errors tell that the database has undone a transaction for nobody's fault."""

from __future__ import annotations

from packhorse.domain.causes import causes
from packhorse.errors import DatabaseBusy, DatabaseUnreachable

TRANSIENT_SQLSTATES = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})
"""PostgreSQL: serialization failure, deadlock, lock not available; the server is ended, has crashed, is not up yet.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
CUT_SQLSTATES = "08"
"""The class of codes that tell of broken connections."""


def is_transient(error: BaseException) -> bool:
    """Whether the database undid a transaction for nobody's fault: a conflict, a busy file, a server that went away."""
    return any(_is_transient(cause) for cause in causes(error))


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, DatabaseBusy | DatabaseUnreachable):
        return True
    state = getattr(error, "sqlstate", "")
    if state is None:  # how psycopg tells that the connection broke: no server was there to give a code
        return type(error).__name__ == "OperationalError"
    name = getattr(error, "sqlite_errorname", None)
    return (isinstance(state, str) and (state in TRANSIENT_SQLSTATES or state.startswith(CUT_SQLSTATES))) or (
        isinstance(name, str) and name.startswith("SQLITE_BUSY")
    )
