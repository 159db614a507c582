"""An application whose work packages are about accounts: of a mapped class, or of a plain one with a loader."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from packhorse import Context, Packhorse
from packhorse.domain.package import Element, Reference
from tests.crash.conftest import connected

TABLES = (
    "create table account (id bigint primary key, name text not null)",
    "create table effect (account bigint not null, how text not null)",
)
ACCOUNT = "insert into account (id, name) values ({0}, 'account {0}')"
INSERT = "insert into effect (account, how) values ({}, '{}')"
WRONG = "insert into effect (account, how) values ({}, null)"
"""What every database refuses, and PostgreSQL then refuses all that follows."""


class Base(DeclarativeBase):
    """The application's models."""


class Account(Base):
    """A row of the table `account`."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str]


class Effect(Base):
    """A row of the table `effect`."""

    __tablename__ = "effect"
    account: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    how: Mapped[str] = mapped_column(primary_key=True)


@dataclass(frozen=True)
class Line:
    """A record that no framework knows."""

    id: int


def load_lines(tx: Any, keys: Sequence[str]) -> Mapping[str, Line]:
    """Lines are in no table; those above a million are not there."""
    return {key: Line(int(key)) for key in keys if int(key) < 1_000_000}


@contextmanager
def accounting(url: str, accounts: int = 0, *, model: type = Account, address: str = "") -> Iterator[Packhorse]:
    """An application on a database with these tables, that knows both kinds of records.

    Args:
        url: the database.
        accounts: how many accounts there are, from 0.
        model: the class of the accounts.
        address: how the application calls the database, if not by its URL.
    """
    with connected(url) as db:
        for table in TABLES:
            db.execute(table)
        for id in range(accounts):
            db.execute(ACCOUNT.format(id))
    app = Packhorse(address or url)
    app.engine.migrate()
    app.record_type("account", model)
    app.record_type("line", Line, key=lambda line: str(line.id), load=load_lines)
    yield app
    app.close()


def accounts(*ids: int) -> list[Reference]:
    """References to accounts."""
    return [Reference("account", str(id)) for id in ids]


def lines(*ids: int) -> list[Reference]:
    """References to lines."""
    return [Reference("line", str(id)) for id in ids]


def by_driver(ctx: Context, id: int) -> None:
    """Through the driver alone."""
    ctx.tx.execute(INSERT.format(id, "driver"))


def by_session(ctx: Context, id: int) -> None:
    """Through the session alone, left to be flushed."""
    ctx.tx.session.add(Effect(account=id, how="session"))


def by_flushed_session(ctx: Context, id: int) -> None:
    """The same, flushed."""
    by_session(ctx, id)
    ctx.tx.session.flush()


def by_both(ctx: Context, id: int) -> None:
    """Through both, the driver first."""
    by_driver(ctx, id)
    ctx.tx.session.execute(text(INSERT.format(id, "session")))


def by_both_turned(ctx: Context, id: int) -> None:
    """Through both, the session first."""
    by_flushed_session(ctx, id)
    by_driver(ctx, id)


def by_committing_session(ctx: Context, id: int) -> None:
    """Through a session that is committed, as the application's other code does."""
    by_session(ctx, id)
    ctx.tx.session.commit()


def by_repenting_session(ctx: Context, id: int) -> None:
    """Through a session that is rolled back first, and then written to."""
    ctx.tx.session.execute(text(INSERT.format(id, "regretted")))
    ctx.tx.session.rollback()
    by_flushed_session(ctx, id)


WAYS: Sequence[Callable[[Context, int], None]] = (
    by_driver,
    by_session,
    by_flushed_session,
    by_both,
    by_both_turned,
    by_committing_session,
    by_repenting_session,
)


def effects(url: str) -> list[int]:
    """The accounts that anything was written about, once for each time, whatever wrote it."""
    with connected(url) as db:
        return [id for (id,) in db.execute("select account from effect order by account, how").fetchall()]


def told(app: Packhorse, job_id: int) -> list[tuple[str | None, str | None]]:
    """What has become of each record, in order, and why."""
    elements: list[Element] = app.engine.list_elements(job_id)
    return [(element.outcome, element.reason) for element in elements]


def outcomes(app: Packhorse, job_id: int) -> list[str | None]:
    """What has become of each record, in order."""
    return [outcome for outcome, _ in told(app, job_id)]
