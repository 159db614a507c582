"""Each record of a package in an `atomic` block of its own, as Django's models need it to be undone alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, models, transaction

from packhorse import Context, JobState, Packhorse
from tests.integration.connections.wired_django import ALIAS, django_database
from tests.integration.each_kit import Line, accounting, accounts, effects, lines, outcomes

KINDS = (accounts, lines)


class Account(models.Model):  # type: ignore[misc]  # Django ships no types
    """A row of the table `account`."""

    id = models.BigIntegerField(primary_key=True)
    name = models.TextField()

    class Meta:
        """Where it is."""

        app_label = "accounting"
        db_table = "account"


class Effect(models.Model):  # type: ignore[misc]  # Django ships no types
    """A row of the table `effect`."""

    account = models.BigIntegerField(primary_key=True)
    how = models.TextField()

    class Meta:
        """Where it is."""

        app_label = "accounting"
        db_table = "effect"


def save(record: Any, how: str | None = "orm") -> None:
    """Write through a model, without a word about the transaction; the database refuses None."""
    model: Any = Effect
    model.objects.using(ALIAS).create(account=record.id, how=how)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application in the database of Django's settings, with ten accounts."""
    with (
        django_database(database_url),
        accounting(database_url, 10, model=Account, address=f"django://{ALIAS}") as app,
    ):
        yield app


def failing_to_save(record: Any) -> None:
    """A save that the database refuses."""
    save(record)
    save(record, None)


def failing_later(record: Any) -> None:
    """An error of the handler's own, after a save."""
    save(record)
    raise ValueError


def failing_unseen(record: Any) -> None:
    """A save that the database refuses, and the handler does not mind, without an `atomic` block around it."""
    save(record)
    try:
        save(record, None)
    except DatabaseError:
        return


@pytest.mark.accepts("M14")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fail", [failing_to_save, failing_later, failing_unseen])
def test_what_a_record_wrote_through_models_is_undone_alone(
    app: Packhorse, database_url: str, fail: Callable[[Any], None], kind: Callable[..., list[Any]]
) -> None:
    """The first in a chunk, in the middle and the last one; the others' writes stand, those of their chunk too."""

    @app.work_package(each=True, chunk=4)
    def post(record: Any) -> None:
        fail(record) if record.id in (0, 5, 7, 9) else save(record)

    id = post.package().add(*kind(*range(10))).enqueue().id
    app.run_pending()
    assert [n for n, how in enumerate(outcomes(app, id)) if how == "failed"] == [0, 5, 7, 9]
    assert effects(database_url) == [1, 2, 3, 4, 6, 8]


def test_models_write_in_the_transaction_of_every_chunk(app: Packhorse, database_url: str) -> None:
    """Also where nothing is loaded in it: what one writes is seen by nobody until its chunk is committed."""
    seen: list[int] = []

    @app.work_package(each=True, chunk=2)
    def post(line: Line) -> None:
        save(line)
        seen.append(len(effects(database_url)))

    post.package().add(*lines(*range(6))).enqueue()
    app.run_pending()
    assert seen == [0, 0, 2, 2, 4, 4]


def test_callbacks_after_the_commit_follow_each_chunk(app: Packhorse) -> None:
    """Those of the records that have failed are never called."""
    called: list[str] = []

    @app.work_package(each=True, chunk=2)
    def post(account: Account) -> None:
        transaction.on_commit(lambda: called.append(f"committed {account.id}"), using=ALIAS)
        called.append(f"called {account.id}")
        if account.id == 1:
            raise ValueError

    post.package().add(*accounts(*range(4))).enqueue()
    app.run_pending()
    first = ["called 0", "called 1", "committed 0"]
    assert called == [*first, "called 2", "called 3", "committed 2", "committed 3"]


def test_a_handler_that_closes_the_connection_fails_the_package(app: Packhorse, database_url: str) -> None:
    """The chunk's records are as if they had not been attempted, and those of the chunk before are done."""

    @app.work_package(each=True, chunk=4)
    def post(ctx: Context, account: Account) -> None:
        save(account)
        if account.id == 6:
            ctx.tx.connection.close()

    id = post.package().add(*accounts(*range(10))).enqueue().id
    app.run_pending()
    assert app.get_job(id).state is JobState.FAILED
    assert effects(database_url) == [0, 1, 2, 3]
    assert outcomes(app, id) == ["done"] * 4 + [None] * 6
