"""Work packages where they meet the rest: tenants, batches, schedules, mapped classes, what can't be stored."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from packhorse import (
    ConfigurationError,
    DuplicateJob,
    Every,
    Packhorse,
    Reference,
    Skip,
    UsageError,
    WorkPackage,
    acting_as,
)
from tests.integration.package_kit import Order, Orders, knowing, numbers
from tests.integration.worker_kit import working
from tests.waiting import wait_until


@pytest.fixture
def orders() -> Orders:
    """What there is."""
    return Orders()


@pytest.fixture
def app(database_url: str, orders: Orders) -> Iterator[Packhorse]:
    """An application that knows orders."""
    with knowing(orders, database_url) as app:
        yield app


def test_a_record_of_another_tenant_fails_alone_where_each_is_called(app: Packhorse, orders: Orders) -> None:
    """The handler never sees it."""
    seen: list[int] = []

    @app.work_package(name="bill", each=True)
    def bill(order: Order) -> None:
        seen.append(order.number)

    both = [*orders.add(1, tenant="acme"), *orders.add(2, tenant="evil")]
    with acting_as(tenant="acme"):
        id = bill.package().add(*both).enqueue().id
    app.run_pending()

    assert (seen, app.get_package(id).counts) == ([1], {"done": 1, "failed": 1})


def test_a_package_may_be_the_callback_of_a_batch(app: Packhorse, orders: Orders) -> None:
    """With its records and its parameters."""
    seen: list[object] = []

    @app.work_package(name="report")
    def report(package: WorkPackage) -> None:
        seen.extend([numbers(package), package.param("a")])

    note = app.task(name="note")(lambda: None)
    with app.batch("b", on_end=report.package().param("a", 1).add(*orders.add(7)).call()) as batch:
        note.using(batch=batch).enqueue()
    with working(app):
        wait_until(lambda: seen, 15, "the callback")
    assert seen == [[7], 1]


def test_a_package_on_a_schedule_has_its_records_each_time(app: Packhorse, orders: Orders) -> None:
    """And its parameters."""
    seen: list[object] = []

    @app.work_package(name="report")
    def report(package: WorkPackage) -> None:
        seen.append((numbers(package), package.param("a")))

    app.schedules.put(
        "nightly", Every(number=1, unit="days"), report.package().param("a", 1).add(*orders.add(7)).call()
    )
    app.schedules.run("nightly")
    app.run_pending()
    assert seen == [([7], 1)]


@pytest.mark.parametrize("how", ["replace", "earliest"])
def test_a_package_takes_over_no_other_one(app: Packhorse, how: str) -> None:
    """What it has would be lost: it is refused, and says what to do."""
    bill = app.work_package(name="bill")(lambda package: None)
    with pytest.raises(ConfigurationError, match="can't take over another one"):
        bill.package(unique_key="k", on_duplicate=how).enqueue()


def test_too_much_in_parameters_changes_nothing_of_how_a_run_ends(app: Packhorse) -> None:
    """A skip stays a skip; the log says that they could not be kept."""

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        package.set_param("big", "x" * 300_000)
        raise Skip("later")

    handle = bill.package().enqueue()
    app.run_pending()
    assert app.get_job(handle.id).reason == "later"
    assert app.get_package(handle.id).parameters == {}


@pytest.mark.parametrize("key", ["", "a\0b"])
def test_what_no_database_stores_is_refused_where_it_is_given(app: Packhorse, key: str) -> None:
    """As a record's key, and in a correlation id."""
    bill = app.work_package(name="bill")(lambda package: None)
    with pytest.raises(UsageError, match="is no reference"):
        bill.package().add(Reference("order", key))
    with pytest.raises(UsageError, match="a correlation id has"):
        bill.package().correlation(key)


def test_a_builder_whose_enqueue_has_failed_can_be_used_again(app: Packhorse) -> None:
    """It was not enqueued, so it says so to nobody."""
    bill = app.work_package(name="bill")(lambda package: None)
    builder = bill.package(unique_key="k")
    other = bill.package(unique_key="k").enqueue()
    with pytest.raises(DuplicateJob):
        builder.enqueue()
    app.cancel(other.id)
    assert builder.enqueue().id > other.id


class Base(DeclarativeBase):
    """Mapped classes."""


class Entry(Base):
    """A record with a key of two columns."""

    __tablename__ = "entry"
    book: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)


class Switch(Base):
    """A record whose key does not come back from text."""

    __tablename__ = "switch"
    is_on: Mapped[bool] = mapped_column(primary_key=True)


def test_mapped_classes_are_known_by_their_keys(app: Packhorse, database_url: str) -> None:
    """Composite ones, too; a text that is no key of that type is the key of no record."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    Base.metadata.create_all(engine, tables=[Base.metadata.tables["entry"]])
    app.record_type("entry", Entry)
    seen: list[tuple[str, date]] = []

    @app.work_package(name="post", each=True)
    def post(entry: Entry) -> None:
        seen.append((entry.book, entry.day))

    with Session(engine) as session:
        entries = [Entry(book=book, day=date(2026, 11, 22)) for book in ("cash", 'bank, "new"')]
        session.add_all(entries)
        session.flush()
        id = post.package(conn=session).add(*entries, Reference("entry", "cash")).enqueue().id
        session.commit()
    engine.dispose()
    app.run_pending()

    assert seen == [("cash", date(2026, 11, 22)), ('bank, "new"', date(2026, 11, 22))]
    assert app.get_package(id).counts == {"done": 2, "failed": 1}


def test_a_key_that_does_not_come_back_from_text_is_refused(app: Packhorse) -> None:
    """Where the type is registered, with what to do."""
    with pytest.raises(ConfigurationError, match=r"Switch.is_on is a key of type bool.*give key= and load="):
        app.record_type("switch", Switch)
