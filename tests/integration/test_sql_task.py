"""The task that runs SQL, on both engines: again and again until nothing is left, then once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from packhorse import Every, Packhorse
from packhorse.testing import Kit, open_kit

pytestmark = pytest.mark.accepts("M29")

TWO_AT_A_TIME = "delete from leaf where n in (select n from leaf order by n limit 2)"
NOTE = "insert into note values ('done')"


@pytest.fixture
def kit(engine_name: str, request: pytest.FixtureRequest) -> Iterator[Kit]:
    """An application that allows SQL, with five leaves in its database."""
    app = Packhorse("sqlite:///never-opened.db", worker="processes")
    app.sql_task(max_attempts=2)
    url: str = request.getfixturevalue(f"{engine_name}_url")
    with open_kit(app, url) as kit:
        for text in ("create table leaf (n integer primary key)", "create table note (text text)"):
            do(app, text)
        do(app, "insert into leaf values (1), (2), (3), (4), (5)")
        yield kit


def do(app: Packhorse, text: str) -> list[Any]:
    """Run SQL of the test's own; its rows."""
    transaction = app.engine.begin()
    cursor = transaction.execute(text)
    rows = cursor.fetchall() if cursor.description else []
    transaction.commit()
    return list(rows)


def left(app: Packhorse) -> list[int]:
    """The leaves that are still there."""
    return [row[0] for row in do(app, "select n from leaf order by n")]


def notes(app: Packhorse) -> int:
    """How many notes there are."""
    return len(do(app, "select text from note"))


def test_a_statement_is_repeated_until_nothing_is_left(kit: Kit) -> None:
    """Then the other one is run, once; the job returns how many rows were changed."""
    job = kit.app.enqueue("packhorse.sql", TWO_AT_A_TIME, NOTE)
    kit.drain()
    assert (left(kit.app), notes(kit.app), job.result()) == ([], 1, 5)


def test_a_statement_may_begin_with_its_subqueries(kit: Kit) -> None:
    """The driver of SQLite counts no rows of it: it is repeated all the same, and the other one waits for the end."""
    text = "with few as (select n from leaf order by n limit 2) delete from leaf where n in (select n from few)"
    job = kit.app.enqueue("packhorse.sql", text, NOTE)
    kit.drain()
    assert (left(kit.app), notes(kit.app), job.result()) == ([], 1, 5)


def test_each_run_is_a_transaction_of_its_own(kit: Kit) -> None:
    """What was done before a run that fails stays done; the next attempt goes on there, and the end comes once."""
    do(kit.app, "create table bough (n integer primary key references leaf (n))")
    do(kit.app, "insert into bough values (4)")
    kit.app.enqueue("packhorse.sql", TWO_AT_A_TIME, NOTE)
    kit.run_one(raising=False)
    assert (left(kit.app), notes(kit.app)) == ([3, 4, 5], 0)
    do(kit.app, "delete from bough")
    kit.drain(with_scheduled=True)
    assert (left(kit.app), notes(kit.app)) == ([], 1)


def test_the_last_statement_commits_with_the_end_of_the_job(kit: Kit) -> None:
    """When it fails the job is run again, and it is done once in all."""
    do(kit.app, "drop table note")
    kit.app.enqueue("packhorse.sql", TWO_AT_A_TIME, NOTE)
    assert kit.run_one(raising=False).outcome == "retry"
    assert left(kit.app) == []
    do(kit.app, "create table note (text text)")
    kit.drain(with_scheduled=True)
    assert notes(kit.app) == 1


@pytest.mark.parametrize("text", ["select n from leaf", "create table other (n integer)"])
def test_what_changes_no_row_is_run_once(kit: Kit, text: str) -> None:
    """Rows that are only shown do not count."""
    job = kit.app.enqueue("packhorse.sql", text)
    kit.drain()
    assert job.result() == 0


def test_an_update_and_rows_that_are_returned_count(kit: Kit) -> None:
    """A per cent sign stays one."""
    job = kit.app.enqueue("packhorse.sql", "update leaf set n = n + 10 where n % 10 = n returning n")
    kit.drain()
    assert job.result() == 5


def test_it_can_be_enqueued_in_plain_sql(kit: Kit, engine_name: str) -> None:
    """From a trigger, say, or another language."""
    args = f'["{TWO_AT_A_TIME}", "insert into note select 1"]'
    if engine_name == "sqlite":
        do(kit.app, f"insert into packhorse_enqueue (task, args) values ('packhorse.sql', '{args}')")  # noqa: S608
    else:
        do(kit.app, f"select {kit.schema}.enqueue('packhorse.sql', '{args}')")
    kit.drain()
    assert (left(kit.app), notes(kit.app)) == ([], 1)


@pytest.mark.accepts("O9")
def test_a_schedule_may_run_sql(kit: Kit) -> None:
    """As it may call any other task."""
    task = kit.app.registry.get("packhorse.sql")
    kit.app.schedule("rake", Every(1, "hours"), task.call(TWO_AT_A_TIME, then=NOTE))
    kit.app.schedules.sync()
    kit.clock.advance(timedelta(hours=1))
    kit.drain()
    assert (left(kit.app), notes(kit.app)) == ([], 1)


def test_nobody_runs_sql_unless_the_application_allows_it() -> None:
    """The task is there only when it was asked for."""
    app = Packhorse("sqlite:///never-opened.db", worker="processes")
    assert app.registry.find("packhorse.sql") is None
