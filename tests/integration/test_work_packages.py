"""Work packages: put together, handled, and what becomes of them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest

from packhorse import (
    ConfigurationError,
    Context,
    Fail,
    JobState,
    Packhorse,
    PayloadError,
    RecordMissing,
    Reference,
    Skip,
    UsageError,
    WorkPackage,
    WrongTenant,
    acting_as,
    own_priority,
)
from packhorse.testing.clock import MovingClock
from tests.integration.package_kit import Orders, knowing, numbers
from tests.integration.worker_kit import wait_for, working


class Mode(Enum):
    """How an order is billed."""

    FAST = "fast"
    SLOW = "slow"


@pytest.fixture
def orders() -> Orders:
    """What there is."""
    return Orders()


@pytest.fixture
def app(database_url: str, orders: Orders) -> Iterator[Packhorse]:
    """An application that knows orders."""
    with knowing(orders, database_url) as app:
        yield app


@pytest.mark.accepts("M5")
def test_records_are_a_set_that_keeps_its_order(app: Packhorse, orders: Orders) -> None:
    """As references, and loaded; what was added twice is there once, as a record or as a reference to it."""
    seen: list[object] = []

    @app.work_package(name="bill")
    def bill(ctx: Context, package: WorkPackage) -> None:
        seen.extend([len(package), list(package.references()), numbers(package), package.id == ctx.job.id])

    three = orders.add(3, 1, 2)
    bill.package().add(*three, three[0]).add(Reference("order", "1")).enqueue()
    app.run_pending()

    assert seen == [3, [Reference("order", key) for key in ("3", "1", "2")], [3, 1, 2], True]


@pytest.mark.accepts("M5")
def test_a_missing_record_is_named_or_left_out(app: Packhorse, orders: Orders) -> None:
    """Strictly it is an error; leniently it is left out, and the log says so."""
    seen: list[int] = []

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        seen.extend(numbers(package, strict=package.param("strict", bool)))

    two = orders.add(1, 2)
    del orders["1"]
    ids = [bill.package().param("strict", strict).add(*two).enqueue().id for strict in (True, False)]
    app.run_pending()

    strict = app.get_job(ids[0])
    assert (strict.state, strict.error_type) == (JobState.FAILED, RecordMissing.__name__)
    assert strict.error_message == f"order:1 of package {ids[0]} is not there any more"
    assert (app.get_job(ids[1]).state, seen) == (JobState.SUCCEEDED, [2])


@pytest.mark.accepts("M5")
def test_a_record_of_another_tenant_is_refused(app: Packhorse, orders: Orders) -> None:
    """Where both are known; a record without a tenant, and a package of nobody, are let through."""

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        numbers(package)

    [acme], [globex], [free] = (orders.add(n, tenant=t) for n, t in ((1, "acme"), (2, "globex"), (3, None)))
    with acting_as(tenant="acme"):
        allowed, refused = (bill.package().add(*some).enqueue().id for some in ([acme, free], [globex]))
    anybody = bill.package().add(acme, globex).enqueue().id
    app.run_pending()

    assert [app.get_job(id).state for id in (allowed, anybody)] == [JobState.SUCCEEDED] * 2
    assert app.get_job(refused).error_type == WrongTenant.__name__


def test_ten_thousand_records_are_loaded_page_by_page(app: Packhorse, orders: Orders) -> None:
    """With one call of the loader for a thousand."""
    calls: list[int] = []

    def load(_: object, keys: Sequence[str]) -> dict[str, str]:
        calls.append(len(keys))
        return {key: key for key in keys}

    app.record_type("line", str, key=str, load=load)

    @app.work_package(name="count")
    def count(package: WorkPackage) -> int:
        return sum(int(line) for line in package.records())

    handle = count.package().add(*map(str, range(10_001))).enqueue()
    app.run_pending()
    assert handle.result(timeout=timedelta(seconds=5)) == sum(range(10_001))
    assert calls == [1000] * 10 + [1]


@pytest.mark.accepts("M6")
def test_what_an_older_package_still_has_to_do_may_be_left_out(app: Packhorse, orders: Orders) -> None:
    """Three orders, one of them in an older open package: 2; when that one has succeeded: 3."""
    seen: list[list[int]] = []

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        seen.append(numbers(package, skip_scheduled=True))

    three = orders.add(1, 2, 3)
    older = bill.package(delay=timedelta(hours=1)).add(three[0]).enqueue()
    bill.package().add(*three).enqueue()
    app.run_pending()
    MovingClock(app.engine).advance(timedelta(hours=2))  # type: ignore[arg-type]
    app.run_pending()
    bill.package().add(*three).enqueue()
    app.run_pending()

    assert seen == [[2, 3], [1], [1, 2, 3]]
    assert app.get_job(older.id).state is JobState.SUCCEEDED


@pytest.mark.accepts("M7")
def test_parameters_come_back_as_they_were_given(app: Packhorse) -> None:
    """Of every type that a parameter may have, as the type that the handler asks for."""
    given = {
        "none": None,
        "text": "a, %s 日本",
        "number": 2**70,
        "exact": Decimal("1.10"),
        "yes": True,
        "day": date(2026, 11, 22),
        "moment": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
        "span": timedelta(microseconds=1),
        "uuid": UUID(int=7),
    }
    seen: dict[str, object] = {}

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        seen.update(package.parameters, mode=package.param("mode", Mode), left=package.param("left", int, 7))

    bill.package().params(**given).param("mode", Mode.SLOW).enqueue()
    app.run_pending()

    assert seen == {**given, "mode": Mode.SLOW, "left": 7}
    assert [type(seen[name]) for name in given] == [type(value) for value in given.values()]


@pytest.mark.accepts("M7")
def test_an_unsupported_parameter_is_refused_where_it_is_given(app: Packhorse) -> None:
    """Named with its type; nothing is enqueued."""
    bill = app.work_package(name="bill")(lambda package: None)
    with pytest.raises(PayloadError, match=r"parameter 'orders'.*list"):
        bill.package().param("orders", [1, 2])
    assert app.count_jobs()[JobState.AVAILABLE] == 0


@pytest.mark.accepts("M7")
def test_own_parameters_override_inherited_ones(app: Packhorse) -> None:
    """Whichever were given first."""
    seen: list[dict[str, object]] = []

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        seen.append(dict(package.parameters))

    bill.package().param("a", 1).inherit({"a": 2, "b": 3}).enqueue()
    bill.package().inherit({"a": 2, "b": 3}).param("a", 1).enqueue()
    app.run_pending()

    assert seen == [{"a": 1, "b": 3}] * 2


@pytest.mark.accepts("M7")
def test_a_builder_is_used_once(app: Packhorse, orders: Orders) -> None:
    """Then it can neither be changed nor enqueued again; nor can one that was discarded."""
    bill = app.work_package(name="bill")(lambda package: None)
    [order] = orders.add(1)
    used, discarded = bill.package(), bill.package()
    used.enqueue()
    discarded.discard()
    for builder, how in ((used, "enqueued"), (discarded, "discarded")):
        for change in (
            builder.enqueue,
            builder.call,
            builder.discard,
            lambda one=builder: one.param("a", 1),
            lambda one=builder: one.add(order),
            lambda one=builder: one.using(priority="high"),
            lambda one=builder: one.correlation("c"),
            lambda one=builder: one.inherit({}),
        ):
            with pytest.raises(UsageError, match=f"was {how} already"):
                change()
    assert app.count_jobs()[JobState.AVAILABLE] == 1


@pytest.mark.accepts("M7")
@pytest.mark.parametrize("end", ["success", "skip", "failure", "returned"])
def test_a_parameter_that_a_handler_sets_is_there_at_its_next_attempt(app: Packhorse, end: str) -> None:
    """Whatever becomes of this attempt, and although its own writes are undone."""

    @app.work_package(name="bill")
    def bill(ctx: Context, package: WorkPackage) -> Fail | None:
        ctx.tx.execute("SELECT 1")
        package.set_param("seen", package.param("seen", int, 0) + 1)
        if end == "skip":
            raise Skip("later")
        if end == "failure":
            raise ValueError("broken")
        return Fail("no") if end == "returned" else None

    handle = bill.package().param("other", "x").enqueue()
    app.run_pending()
    assert app.get_package(handle.id).parameters == {"other": "x", "seen": 1}


@pytest.mark.accepts("M7")
def test_a_coroutine_keeps_parameters_as_well(app: Packhorse) -> None:
    """With its success, and when it is skipped."""

    @app.work_package(name="bill")
    async def bill(package: WorkPackage) -> None:
        package.set_param("seen", True)
        await asyncio.sleep(0)
        if package.param("skip", bool):
            raise Skip("later")

    ids = [bill.package().param("skip", skip).enqueue().id for skip in (True, False)]
    with working(app):
        wait_for(app, ids[0], JobState.SCHEDULED)
        wait_for(app, ids[1])
    assert [app.get_package(id).parameters for id in ids] == [{"skip": skip, "seen": True} for skip in (True, False)]


@pytest.mark.accepts("M9")
def test_the_later_packages_of_a_series_are_less_urgent(app: Packhorse) -> None:
    """By the steps that the task is given; a priority that is given wins, and each series counts for itself."""
    steps = {"1": "urgent", "2": "high", "6": "medium", "16": "low", "31": "minor", "x": "high"}
    bill = app.work_package(name="bill", priority_by_size=steps)(lambda package: None)
    series = bill.series()
    ids = [series.package().enqueue().id for _ in range(31)]
    found = [app.get_job(id).priority for id in ids]
    assert found == [1] + [3] * 4 + [5] * 10 + [7] * 15 + [9]
    assert app.get_job(bill.series().package().enqueue().id).priority == 1
    assert app.get_job(bill.series().package(priority="minor").enqueue().id).priority == 9
    assert app.get_job(bill.package().enqueue().id).priority == 5


@pytest.mark.accepts("M10")
def test_what_a_package_enqueues_is_as_urgent_as_itself(app: Packhorse) -> None:
    """Even if the code asks for more; not inside `own_priority()`, and not after the run."""
    ids: dict[str, int] = {}

    @app.work_package(name="child")
    def child(package: WorkPackage) -> None:
        """Do nothing."""

    @app.work_package(name="parent")
    def parent(package: WorkPackage) -> None:
        ids["child"] = child.package(priority="high").enqueue().id
        with own_priority():
            ids["own"] = child.package(priority="high").enqueue().id

    parent.package(priority="low").enqueue()
    app.run_pending()
    ids["after"] = child.package(priority="high").enqueue().id

    assert {name: app.get_job(id).priority for name, id in ids.items()} == {"child": 7, "own": 3, "after": 3}


@pytest.mark.accepts("M14")
def test_a_handlers_writes_commit_with_the_acknowledgement(app: Packhorse) -> None:
    """By default; they are undone when it raises, and it can be declared without a transaction."""
    app.engine.begin().rollback()

    @app.work_package(name="bill")
    def bill(ctx: Context, package: WorkPackage) -> None:
        child.package(conn=ctx.tx).enqueue()
        if package.param("fails", bool):
            raise ValueError("broken")

    @app.work_package(name="child", atomic=False)
    def child(ctx: Context, package: WorkPackage) -> None:
        assert ctx.transaction is None

    failing, fine = (bill.package().param("fails", fails).enqueue().id for fails in (True, False))
    app.run_pending()

    assert [app.get_job(id).state for id in (failing, fine)] == [JobState.FAILED, JobState.SUCCEEDED]
    assert [job.state for job in app.list_jobs(task="child")] == [JobState.SUCCEEDED]


@pytest.mark.parametrize(
    "handler", [lambda: None, lambda a, b: None, lambda *packages: None, lambda *, package: None, lambda ctx: None]
)
def test_a_handler_that_takes_no_package_is_refused(app: Packhorse, handler: Callable[..., None]) -> None:
    """Where it is declared."""
    with pytest.raises(ConfigurationError, match="it must take \\(package\\) or \\(ctx, package\\)"):
        app.work_package(name="bill")(handler)


def test_an_unknown_type_of_record_is_named(app: Packhorse) -> None:
    """With what to do, where it is added and where it is loaded."""

    @app.work_package(name="bill")
    def bill(package: WorkPackage) -> None:
        numbers(package)

    with pytest.raises(UsageError, match=r"Decimal is no registered record type: app.record_type\('…', Decimal\)"):
        bill.package().add(Decimal(1))
    with pytest.raises(UsageError, match=r"a list is no record; for its records: .add\(\*records\)"):
        bill.package().add([Reference("order", "1")])
    handle = bill.package().add(Reference("ordre", "1")).enqueue()
    app.run_pending()
    assert "no record type 'ordre' is registered here (known: order)" in (app.get_job(handle.id).error_message or "")


def test_packages_are_enqueued_many_at_once(app: Packhorse, orders: Orders) -> None:
    """By `enqueue_many`, with their records and parameters."""
    bill = app.work_package(name="bill")(lambda package: None)
    made = orders.add(*range(30))
    handles = app.enqueue_many([bill.package().param("n", n).add(order).call() for n, order in enumerate(made)])
    assert [app.get_package(handle.id).parameters for handle in handles] == [{"n": n} for n in range(30)]
    found = [job.id for order in made for job in app.list_jobs(record=app.reference(order))]
    assert found == [handle.id for handle in handles]


@pytest.mark.parametrize(
    "asked", [len, numbers, lambda package: package.param("n"), lambda package: package.parameters]
)
def test_a_plain_job_is_no_package(app: Packhorse, asked: Callable[[WorkPackage], object]) -> None:
    """It fails, whatever the handler asks for, and whether it is called for each record; an empty package is one."""
    bill = app.work_package(name="bill")(lambda package: asked(package) and None)
    each = app.work_package(name="each", each=True)(lambda record: None)
    plain = [app.enqueue("bill").id, app.enqueue("each").id]
    empty = [bill.package().param("n", 1).enqueue().id, each.package().enqueue().id]
    app.run_pending()

    assert [app.get_job(id).state for id in empty] == [JobState.SUCCEEDED] * 2
    for id in plain:
        job = app.get_job(id)
        assert (job.state, job.error_type) == (JobState.FAILED, "UsageError")
        assert f"job {id} was enqueued as a plain job" in str(job.error_message)


@pytest.mark.accepts("M7")
def test_whoever_looks_at_a_package_reads_its_parameters_as_values(app: Packhorse) -> None:
    """As they were given; of an enum its code, unless the enum is wanted; of a job that is none there are none."""
    bill = app.work_package(name="bill")(lambda package: None)
    id = bill.package().params(day=date(2026, 11, 22), rate=Decimal("1.10"), mode=Mode.FAST).enqueue().id

    found = app.get_package(id)
    assert found.parameters == {"day": date(2026, 11, 22), "rate": Decimal("1.10"), "mode": "fast"}
    assert (found.param("mode", Mode), found.param("left", int, 7)) == (Mode.FAST, 7)
    with pytest.raises(UsageError, match=rf"package {id} has no parameter 'left' \(it has: day, mode, rate\)"):
        found.param("left", int)
    assert app.find_package(app.enqueue("elsewhere").id) is None
