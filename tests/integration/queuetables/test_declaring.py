"""Tables are declared by classes, or are there already; names and values are what they are."""

import json
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from packhorse import Context, Packhorse
from packhorse.errors import ConfigurationError, DuplicateTask
from tests.integration.queuetables.kit import Stock, connect


@pytest.fixture
def app(migrated_url: str) -> Any:
    """An application with no table yet."""
    with closing(Packhorse(migrated_url)) as app:
        yield app


@pytest.mark.accepts("O1")
def test_a_declared_table_has_its_own_columns_and_nothing_else_about_it(stock: Stock) -> None:
    """A number, a name that no other row has, when and by whom; no trigger, no index but the key's."""
    found = stock.app.engine.find_table("stock_movement")
    assert found is not None
    assert [column.name for column in found.columns] == [
        *("id", "uuid", "created", "created_by"),
        *("product_id", "quantity", "note"),
    ]
    assert found.key == ["id"]
    assert {column.name: column.is_optional for column in found.columns[4:]} == {
        "product_id": False,
        "quantity": False,
        "note": True,
    }
    triggers = (
        "select count(*) from sqlite_master where type = 'trigger' and tbl_name = 'stock_movement'"
        if stock.url.startswith("sqlite")
        else "select count(*) from pg_trigger where tgrelid = 'stock_movement'::regclass"
    )
    assert stock.ask(triggers) == [0]


@pytest.mark.accepts("O1")
def test_the_printed_statements_make_the_same_table(stock: Stock) -> None:
    """What `tables create --sql` prints may go into the application's own migrations."""
    before = stock.app.engine.find_table("stock_movement")
    statements = stock.app.tables.create_sql()
    stock.connection.execute("drop table stock_movement")
    for statement in re.split(r";\s*\n", statements.strip().removesuffix(";")):
        stock.connection.execute(statement)
    assert stock.app.engine.find_table("stock_movement") == before


@pytest.mark.accepts("O1")
def test_every_type_of_business_rows_arrives_as_it_was_inserted(app: Packhorse) -> None:
    """Through the table's own columns, also what no binary number or JSON text can hold; and NULL for each."""

    @app.queue_table("everything")
    class Everything:
        amount: Decimal
        day: date
        at: datetime
        name: UUID
        more: dict[str, Any]
        raw: bytes
        text: str
        yes: bool
        share: float
        big: int
        amount_or: Decimal | None
        day_or: date | None
        at_or: datetime | None
        name_or: UUID | None
        more_or: dict[str, Any] | None
        raw_or: bytes | None
        text_or: str | None
        yes_or: bool | None

    seen = list[Any]()

    @app.queue_processor(Everything, name="see")
    def see(ctx: Context, row: Everything) -> None:
        seen.append(row)

    app.tables.create()
    moment = datetime(2026, 3, 29, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    values: dict[str, Any] = {
        "amount": Decimal("12345678901234567890.10"),
        "day": date(1999, 12, 31),
        "at": moment,
        "name": UUID("6d1a57a2-e6a5-49d2-8523-a6dde6cad647"),
        "more": {"a": [1, None, "ä"], "b": {"c": 0.1}},
        "raw": bytes(range(256)),
        "text": "ä€😀\n" * 250_000,
        "yes": True,
        "share": 0.1 + 0.2,
        "big": 2**63 - 1,
    }
    with closing(connect(app.settings.database_url or "")) as connection:
        is_sqlite = app.engine.dialect == "sqlite"
        plain = [_for_sqlite(value) if is_sqlite else _for_psycopg(value) for value in values.values()]
        marks = ", ".join(["?" if is_sqlite else "%s"] * len(values))
        insert = f"insert into everything ({', '.join(values)}) values ({marks})"  # noqa: S608 - of names in this test
        connection.execute(insert, plain)
    app.tables.run("everything")
    [row] = seen
    assert {name: getattr(row, name) for name in values} == values
    assert all(getattr(row, name) is None for name in Everything.__annotations__ if name.endswith("_or"))
    assert row.created.tzinfo is not None
    assert abs(row.created - datetime.now(UTC)) < timedelta(minutes=5)
    assert isinstance(row.uuid, UUID)


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return value if isinstance(value, bytes | str | bool | int | float) else str(value)


def _for_psycopg(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value


@pytest.mark.accepts("O1", "O2")
def test_a_table_of_the_applications_own_becomes_a_queue_table(app: Packhorse) -> None:
    """With a key of two columns and an order of its own; the class names what is to be read."""
    with closing(connect(app.settings.database_url or "")) as connection:
        connection.execute(
            'create table "Order Line" (tenant text, number integer, wanted integer, rest text, '
            "primary key (tenant, number))"
        )
        connection.execute(
            """insert into "Order Line" values ('a', 1, 30, 'x'), ('b', 1, 10, 'y'), ('a', 2, 20, 'z')"""
        )

        @app.queue_table("Order Line", exists=True, order_by="wanted")
        @dataclass(frozen=True)
        class OrderLine:
            tenant: str
            number: int

        seen = list[tuple[str, int]]()

        @app.queue_processor(OrderLine, name="ship", queue="lines", parallelism=1, max_attempts=1)
        def ship(ctx: Context, row: OrderLine) -> None:
            seen.append((row.tenant, row.number))
            if row.tenant == "b":
                raise ValueError("not b")

        app.tables.run("Order Line")
        assert seen == [("b", 1), ("a", 2), ("a", 1)]
        [gone] = app.tables.quarantined("Order Line")
        app.tables.release("Order Line", gone.id)
        assert connection.execute('select * from "Order Line"').fetchall() == [("b", 1, 10, "y")]


@pytest.mark.accepts("O1")
def test_what_can_be_no_table_is_refused_where_it_is_declared(app: Packhorse) -> None:
    """With what is wrong, and what to write instead."""
    with pytest.raises(ConfigurationError, match="a queue table can't be called 'a\"; drop table x; --'"):

        @app.queue_table('a"; drop table x; --')
        class Evil:
            n: int

    with pytest.raises(
        ConfigurationError, match=r"Pair.both: .* can be no column's type; there are int, float, Decimal"
    ):

        @app.queue_table("pair")
        class Pair:
            both: tuple[int, int]

    with pytest.raises(ConfigurationError, match=r"Own.id: Packhorse makes id, uuid, created, created_by itself"):

        @app.queue_table("own")
        class Own:
            id: int

    with pytest.raises(ConfigurationError, match="Nothing declares no columns"):

        @app.queue_table("nothing")
        class Nothing: ...


@pytest.mark.accepts("O1", "O12")
def test_what_can_be_no_processor_is_refused_where_it_is_declared(stock: Stock) -> None:
    """Of a class that is no table, with parameters that no row fills, with a name that is taken, with wild dials."""
    with pytest.raises(ConfigurationError, match="is no queue table"):
        stock.app.queue_processor(int)(print)
    with pytest.raises(ConfigurationError, match=r"must take a row, or a list of rows.*def two\(ctx: Context, row:"):
        stock.processor(two)
    with pytest.raises(ConfigurationError, match="takes int, but the rows of its table are"):
        stock.processor(number)
    with pytest.raises(ConfigurationError, match="parallelism must be a whole number from 1 to 64, not 65"):
        stock.processor(parallelism=65)
    stock.processor()
    with pytest.raises(DuplicateTask):
        stock.processor()


def two(ctx: Context, row: Any, more: Any) -> None:
    """Take too much."""


def number(row: int) -> None:
    """Take something else."""


@pytest.mark.accepts("O1")
def test_a_table_that_is_not_as_declared_is_told(app: Packhorse) -> None:
    """A missing table, column or key: what is missing, and what there is."""

    @app.queue_table("parcel", exists=True)
    class Parcel:
        weight: int

    with pytest.raises(ConfigurationError, match=r"there is no table parcel in .*the application's own migrations"):
        app.tables.bound("parcel")
    with closing(connect(app.settings.database_url or "")) as connection:
        connection.execute("create table parcel (mass integer)")
        with pytest.raises(ConfigurationError, match="has no column 'weight', it has mass"):
            app.tables.bound("parcel")
        connection.execute("alter table parcel add column weight integer")
    with pytest.raises(ConfigurationError, match="has no primary key: name the columns"):
        app.tables.bound("parcel")
