"""Models and tables of SQLAlchemy and Django are queue tables as they are."""

import enum
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, models
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
)
from sqlalchemy import Uuid as UuidType
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from packhorse import Backoff, Context, Packhorse
from packhorse.errors import ConfigurationError
from tests.integration.connections.wired_django import ALIAS, django_database
from tests.integration.connections.wired_sqlalchemy import sync_url
from tests.integration.queuetables.kit import connect

WAITING = "select count(*) from movement"


class Base(DeclarativeBase):
    """SQLAlchemy's classes."""


class Direction(enum.Enum):
    """Where it goes."""

    IN = "in"
    OUT = "out"


class Shouted(TypeDecorator[str]):
    """A text that is stored as it is, and read in capitals."""

    impl = String
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        """In capitals."""
        return None if value is None else value.upper()


class Movement(Base):
    """A movement of stock, with a column of each kind."""

    __tablename__ = "movement"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column("quantity", Numeric(10, 2))
    direction: Mapped[Direction]
    note: Mapped[str | None] = mapped_column(Shouted)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    aware: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    day: Mapped[date]
    uuid: Mapped[UUID] = mapped_column(UuidType)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    blob: Mapped[bytes] = mapped_column(LargeBinary)
    is_urgent: Mapped[bool]


class Special(Movement):
    """In a second table as well."""

    __tablename__ = "special"

    special_id: Mapped[int] = mapped_column(ForeignKey("movement.id"), primary_key=True)


class Entry(Base):
    """What processors write."""

    __tablename__ = "entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class DjangoMovement(models.Model):  # type: ignore[misc]
    """The same as Django has it."""

    id = models.BigAutoField(primary_key=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2, db_column="quantity")
    note = models.TextField(null=True)
    at = models.DateTimeField()
    day = models.DateField()
    uuid = models.UUIDField()
    data = models.JSONField()
    is_urgent = models.BooleanField()

    class Meta:
        """Of a table that the tests create."""

        app_label = "shop"
        db_table = "movement"
        managed = False


class DjangoEntry(models.Model):  # type: ignore[misc]
    """What its processor writes."""

    text = models.TextField()

    class Meta:
        """Likewise."""

        app_label = "shop"
        db_table = "entry"
        managed = False


MOMENT = datetime.fromisoformat("2026-03-04T05:06:07.890000")
NUMBER = UUID("12345678-1234-5678-1234-567812345678")
VALUES: dict[str, Any] = {
    "amount": Decimal("12.50"),
    "note": "fragile",
    "at": MOMENT,
    "day": date(2026, 3, 4),
    "uuid": NUMBER,
    "data": {"a": [1, None, "ü"]},
    "is_urgent": True,
}
ONLY_THERE: dict[str, Any] = {"direction": Direction.OUT, "aware": MOMENT.replace(tzinfo=UTC), "blob": b"\x00\xff"}


@pytest.fixture
def app(migrated_url: str) -> Iterator[Packhorse]:
    """An application beside SQLAlchemy's tables."""
    engine = create_engine(sync_url(migrated_url))
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Movement(**VALUES, **ONLY_THERE))
        session.add(Movement(**{**VALUES, **ONLY_THERE, "note": None, "aware": None}))
    with closing(Packhorse(migrated_url)) as app:
        yield app
    engine.dispose()


def count(url: str, query: str = WAITING) -> int:
    """One number from the database."""
    with closing(connect(url)) as connection:
        return int(connection.execute(query).fetchone()[0])


@pytest.mark.accepts("O1", "O3")
def test_a_model_of_sqlalchemy_is_a_queue_table(app: Packhorse, migrated_url: str) -> None:
    """Its rows are objects of the model with every value as a query gives it; what the session writes commits along."""
    seen: list[Movement] = []
    assert app.queue_table(Movement) is Movement

    @app.queue_processor(Movement, name="move")
    def move(ctx: Context, row: Movement) -> None:
        seen.append(row)
        ctx.tx.session.add(Entry(text=str(row.amount)))

    assert app.tables.run("move").done == 2
    first, second = sorted(seen, key=lambda row: row.id)
    expected = {**VALUES, **ONLY_THERE, "note": "FRAGILE"}
    assert {name: getattr(first, name) for name in expected} == expected
    assert (second.note, second.aware, type(first.at.tzinfo)) == (None, None, type(None))
    assert (count(migrated_url), count(migrated_url, "select count(*) from entry")) == (0, 2)


@pytest.mark.accepts("O1")
def test_a_table_of_sqlalchemy_is_a_queue_table(app: Packhorse, migrated_url: str) -> None:
    """What comes back is the class of its rows; lists of them are taken, too."""
    table = Table(
        "movement",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("quantity", Numeric(10, 2), key="amount"),
        Column("direction", Enum(Direction)),
    )
    seen: list[Any] = []
    row_class = app.queue_table(table, order_by="quantity")

    @app.queue_processor(row_class, name="move")
    def move(rows: list[Any]) -> None:
        seen.extend(rows)

    assert app.tables.run("move").done == 2
    assert [(type(row), row.amount, row.direction) for row in seen] == [
        (row_class, Decimal("12.50"), Direction.OUT)
    ] * 2
    assert count(migrated_url) == 0


def test_a_value_that_the_model_can_t_have_leaves_for_the_quarantine(app: Packhorse, migrated_url: str) -> None:
    """With the column's name; the others go on."""
    with closing(connect(migrated_url)) as connection:
        if migrated_url.startswith("postgres"):
            connection.execute("alter type direction add value 'ASIDE'")
        connection.execute("update movement set direction = 'ASIDE' where note is null")
    app.queue_table(Movement)

    @app.queue_processor(Movement, name="move")
    def move(row: Movement) -> None: ...

    app.tables.run("move")
    app.tables.run("move")
    [wrong] = app.tables.errors("movement")
    assert "column direction" in wrong.error.message


def test_what_is_in_no_table_of_its_own_is_refused(app: Packhorse) -> None:
    """The message names the class."""
    with pytest.raises(ConfigurationError, match="Special is not mapped to one table"):
        app.queue_table(Special)


@pytest.mark.accepts("O1", "O3", "O5")
def test_a_model_of_django_is_a_queue_table_on_djangos_connection(app: Packhorse, migrated_url: str) -> None:
    """What the ORM writes commits with the removal of the row, and is undone with it."""
    seen: list[DjangoMovement] = []
    with django_database(migrated_url), closing(Packhorse(f"django://{ALIAS}")) as shop:
        shop.queue_table(DjangoMovement, key="id")

        @shop.queue_processor(DjangoMovement, name="move", backoff=Backoff())
        def move(row: DjangoMovement) -> None:
            entries: Any = DjangoEntry
            entries.objects.using(ALIAS).create(text=str(row.amount))
            seen.append(row)
            if row.note is None:
                raise ValueError

        assert (shop.tables.run("move").done, count(migrated_url)) == (1, 1)
        connections[ALIAS].close()
    first = min(seen, key=lambda row: row.pk)
    expected = {**VALUES, "at": MOMENT.replace(tzinfo=UTC)} if _uses_zones(first) else VALUES
    assert {name: getattr(first, name) for name in expected} == expected
    assert count(migrated_url, "select count(*) from entry") == 1


def _uses_zones(row: DjangoMovement) -> bool:
    return bool(row.at.tzinfo)
