"""The chain of causes behind an exception."""

import threading

import psycopg
import pytest

from packhorse.domain.causes import causes
from packhorse.errors import DatabaseBusy, DatabaseError, DatabaseUnreachable
from packhorse.runtime.conflicts import is_transient


class Wrapper(Exception):
    """As a library raises it around a driver's exception."""

    def __init__(self, orig: BaseException | None) -> None:
        super().__init__("wrapped")
        self.orig = orig


def test_a_chain_is_followed_to_its_end() -> None:
    """Through wrappers and through `raise … from …`."""
    inner, outer = KeyError("inner"), ValueError("outer")
    outer.__cause__ = Wrapper(inner)
    assert list(causes(outer)) == [outer, outer.__cause__, inner]


def test_a_wrapper_around_nothing_leads_on_to_its_cause() -> None:
    """The field may be empty, or hold something else."""
    error, cause = Wrapper(None), ValueError()
    error.__cause__ = cause
    assert list(causes(error)) == [error, cause]


def endless(kind: str) -> BaseException:
    """An exception whose chain leads back to it."""
    error, other = Wrapper(None), ValueError()
    if kind == "itself":
        error.__cause__ = error
    elif kind == "wraps itself":
        error.orig = error
    else:
        error.__cause__, other.__cause__ = other, error
    return error


@pytest.mark.parametrize("kind", ["itself", "wraps itself", "each other"])
def test_a_chain_that_leads_back_to_itself_has_an_end(kind: str) -> None:
    """`raise e from e` is legal; whoever looks for the cause of a failure must not look for ever."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(is_transient(endless(kind))), daemon=True)
    thread.start()
    thread.join(10)
    assert answers == [False]


def test_trouble_behind_other_exceptions_is_found() -> None:
    """A busy file that a library reports in its own words."""
    error = RuntimeError("in other words")
    error.__cause__ = Wrapper(DatabaseBusy("busy"))
    assert is_transient(error)


@pytest.mark.accepts("M18")
@pytest.mark.parametrize(
    ("error", "is_nobody_s_fault"),
    [
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CrashShutdown(), True),
        (psycopg.errors.ConnectionFailure(), True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (DatabaseUnreachable("gone"), True),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.errors.UndefinedTable(), False),
        (psycopg.InterfaceError("a mistake in calling the driver"), False),
        (DatabaseError("no"), False),
        (ValueError("no"), False),
    ],
    ids=repr,
)
def test_a_database_that_goes_away_is_nobody_s_fault(error: BaseException, *, is_nobody_s_fault: bool) -> None:
    """The handler could do nothing about it; what it does wrong itself counts."""
    assert is_transient(error) is is_nobody_s_fault
