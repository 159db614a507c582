"""What a deferred call takes, what it refuses, and how it finds what it belongs to."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from packhorse import (
    ConfigurationError,
    Deferrable,
    DuplicateTask,
    JobState,
    Packhorse,
    Reference,
    UnknownMethod,
    UsageError,
    UserError,
    acting,
    current,
    deferring,
)
from packhorse.integrations.sqlalchemy import begin_immediate
from tests.integration.connections.wired_sqlalchemy import async_url, sync_url
from tests.integration.worker_kit import wait_for, working

CALLED: list[Any] = []


class Base(DeclarativeBase):
    """The shop's tables."""


class Document(Base, Deferrable):
    """A business document; its kinds are mapped below it."""

    __tablename__ = "document"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "document"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default="document")
    done: Mapped[int] = mapped_column(default=0)

    def print(self, copies: int = 1, *, color: bool = False) -> str:
        """Count the copies."""
        CALLED.append((type(self).__name__, self.id, copies, color))
        self.done += copies
        return f"{self.title()} {self.id}"

    def title(self) -> str:
        """What it is called."""
        return "Document"

    def complain(self, why: str) -> None:
        """Have a person look."""
        self.done += 1
        if CALLED == []:
            CALLED.append(why)
            raise UserError(why, "ask the customer")

    def print_and_fail(self) -> None:
        """Call another method later, and raise."""
        Document.__queue__.print(self)
        raise ValueError

    def hand_on(self) -> None:
        """Call another one later."""
        Document.__queue__.title(self)

    async def send(self, to: str) -> str:
        """Await something of the transaction."""
        await current().tx.session.get(Document, self.id)
        self.done += 1
        return f"{to} by {acting().user}"

    def pages(self) -> Iterator[int]:
        """A generator runs nothing when it is called."""
        yield 1

    @staticmethod
    def merge(documents: list["Document"], *, title: str) -> int:
        """Take them together."""
        CALLED.append((title, [document.id for document in documents]))
        return sum(document.id for document in documents)

    @property
    def is_done(self) -> bool:
        """Whether it was printed."""
        return self.done > 0

    def _secret(self) -> None:
        """Nobody's business."""


class Invoice(Document):
    """One kind of document."""

    __mapper_args__ = {"polymorphic_identity": "invoice"}  # noqa: RUF012

    def title(self) -> str:
        """What it is called."""
        return "Invoice"


class Line(Base):
    """With a key of two columns, and of a class that nobody changes."""

    __tablename__ = "line"

    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(default=0)

    def ship(self, quantity: int) -> None:
        """Add to the quantity."""
        self.quantity += quantity


class Label(Base, Deferrable):
    """Of a class that no application is given explicitly."""

    __tablename__ = "label"

    id: Mapped[int] = mapped_column(primary_key=True)

    def print(self) -> None:
        """Print it."""


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application to which the documents were given."""
    CALLED.clear()
    with closing(Packhorse(database_url)) as app:
        app.engine.migrate()
        app.deferrable(Document, name="shop.Document")
        app.deferrable(Line, name="shop.Line", queue="lines")
        yield app


@pytest.fixture
def session(app: Packhorse, database_url: str) -> Iterator[Session]:
    """A session with three documents, of which one is an invoice, and a line, all committed."""
    engine = create_engine(sync_url(database_url))
    if engine.dialect.name == "sqlite":
        begin_immediate(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Document(id=1), Document(id=2), Invoice(id=3)])
        session.flush()
        session.add(Line(document_id=1, number=7))
        session.commit()
        yield session
    engine.dispose()


@pytest.mark.accepts("T1")
def test_the_proxy_has_the_models_methods_and_says_what_it_has_not(app: Packhorse) -> None:
    """An unknown one is refused where it is named; whatever completes names finds them."""
    assert dir(Document.__queue__) == dir(Document.later) == [
        "complain", "hand_on", "merge", "print", "print_and_fail", "send", "title",
    ]  # fmt: skip
    reasons = {
        "prnt": "has no method 'prnt'; those that can be called later: .*print",
        "_secret": "begins with an underscore",
        "is_done": "is no method",
        "metadata": "is no method",
        "pages": "has a `yield` in it",
    }
    for name, why in reasons.items():
        with pytest.raises(UnknownMethod, match=why):
            getattr(Document.__queue__, name)
    assert not hasattr(Document.__queue__, "prnt")


@pytest.mark.accepts("T1")
def test_a_call_may_name_the_method_itself(app: Packhorse, session: Session) -> None:
    """Of a class below `Deferrable`, or of one that is as it was; with its options."""
    [document, line] = session.get_one(Document, 1), session.get_one(Line, (1, 7))
    first = app.deferred(Document.print, queue="paper")(document, 2, color=True)
    second = app.deferred(Document.merge)([document], title="all")
    third = app.deferred(Line).ship(line, 3)
    session.commit()
    app.run_pending()

    assert (first.result(1), second[0].result(1)) == ("Document 1", 1)
    assert [job.record().task for job in (first, third)] == ["shop.Document.print", "shop.Line.ship"]
    assert [job.record().queue for job in (first, third)] == ["paper", "lines"]
    assert sorted(CALLED, key=str) == [("Document", 1, 2, True), ("all", [1])]
    assert session.get_one(Line, (1, 7)).quantity == 3


def test_the_class_of_the_record_decides_on_the_method(app: Packhorse, session: Session) -> None:
    """As it does in any call."""
    job = Document.__queue__.print(session.get_one(Document, 3))
    session.commit()
    app.run_pending()
    assert job.result(1) == "Invoice 3"


def test_records_come_as_any_iterable_and_each_once(app: Packhorse, session: Session) -> None:
    """A record that is in it twice is called on once."""
    one, two = session.get_one(Document, 1), session.get_one(Document, 2)
    [job] = Document.__queue__.print(document for document in (two, one, two))
    session.commit()
    app.run_pending()
    assert CALLED == [("Document", 2, 1, False), ("Document", 1, 1, False)]
    assert job.record().args == '[["2","1"]]'


def test_what_is_no_record_is_refused(app: Packhorse, session: Session) -> None:
    """With what is wanted."""
    for wrong in (3, "3", [3], None, session.get_one(Line, (1, 7))):
        with pytest.raises(UsageError, match=r"Document\.print is called later on Document objects"):
            Document.__queue__.print(wrong)


def test_records_of_two_sessions_need_a_connection_to_be_said(app: Packhorse, session: Session) -> None:
    """No session is guessed."""
    with Session(session.get_bind()) as other:
        two = [session.get_one(Document, 1)]
        session.commit()
        two.append(other.get_one(Document, 2))
        with pytest.raises(UsageError, match="several sessions"):
            Document.__queue__.print(two)
        [job] = Document.__queue__(conn=other).print([other.get_one(Document, 2)])
        other.commit()
    assert app.get_job(job.id).task == "shop.Document.print"


def test_a_record_of_no_session_has_its_call_stored_at_once(app: Packhorse, session: Session) -> None:
    """As an enqueue without a connection."""
    document = session.get_one(Document, 1)
    session.expunge(document)
    session.rollback()
    job = Document.__queue__.print(document)
    assert app.get_job(job.id).state == JobState.AVAILABLE


@pytest.mark.accepts("T10")
def test_what_a_method_calls_later_belongs_to_its_transaction(app: Packhorse, session: Session) -> None:
    """When it raises, nothing of it is there."""
    document = session.get_one(Document, 1)
    Document.__queue__.print_and_fail(document)
    Document.__queue__.hand_on(document)
    session.commit()
    app.run_pending()
    assert sorted(job.task for job in app.list_jobs()) == [
        "shop.Document.hand_on", "shop.Document.print_and_fail", "shop.Document.title",
    ]  # fmt: skip


@pytest.mark.accepts("T3")
def test_what_is_said_around_calls_holds_for_them_and_not_for_those_that_they_make(
    app: Packhorse, session: Session
) -> None:
    """Queue, times and batches are consumed; the call that runs later knows nothing of them."""
    documents = [session.get_one(Document, number) for number in (1, 2, 3)]
    with deferring(queue="mail", scheduled_at=timedelta(hours=1), batch_size=2):
        jobs = Document.__queue__.print(documents)
        own = Document.__queue__(queue="own", batch_size=None, delay=timedelta(0)).hand_on(documents)
        session.commit()
        app.run_pending()

    records = [job.record() for job in jobs]
    assert [(job.queue, job.state, job.args) for job in records] == [
        ("mail", JobState.SCHEDULED, '[["1","2"]]'),
        ("mail", JobState.SCHEDULED, '[["3"]]'),
    ]
    assert [job.record().queue for job in own] == ["own"]
    assert {job.queue for job in app.list_jobs(task="shop.Document.title")} == {"default"}


@pytest.mark.accepts("T20")
def test_rules_lead_calls_into_queues_by_model_and_method(app: Packhorse, session: Session) -> None:
    """The longest pattern counts; what is said with the call wins."""
    app.route("shop.Document.*", queue="documents")
    app.route("shop.Document.print", queue="printer")
    document = session.get_one(Document, 1)
    jobs = [
        Document.__queue__.hand_on(document),
        Document.__queue__.print(document),
        Document.__queue__(queue="here").print(document),
    ]
    session.commit()
    assert [job.record().queue for job in jobs] == ["documents", "printer", "here"]


@pytest.mark.accepts("T15")
def test_a_users_error_waits_in_the_inbox_and_solving_it_runs_the_call_again(app: Packhorse, session: Session) -> None:
    """Nothing of the first run is written."""
    job = Document.__queue__.complain(session.get_one(Document, 1), "no address")
    session.commit()
    app.run_pending()
    [item] = app.inbox.list()
    assert (item.id, item.reason, app.run_pending()) == (job.id, "ask the customer", 0)
    assert session.get_one(Document, 1, populate_existing=True).done == 0
    session.rollback()

    app.inbox.solve(job.id)
    app.run_pending()
    assert job.record().state == JobState.SUCCEEDED
    assert session.get_one(Document, 1, populate_existing=True).done == 1


def test_coroutines_are_called_later_under_an_async_session(
    app: Packhorse, session: Session, database_url: str
) -> None:
    """The records are read by an `AsyncSession` of the transaction, and written with it."""

    async def scenario() -> int:
        engine = create_async_engine(async_url(database_url))
        if engine.dialect.name == "sqlite":
            begin_immediate(engine)
        async with AsyncSession(engine) as own:
            document = await own.get_one(Document, 1)
            job = await app.adeferred(Document.send)(document, "Ada")
            await own.commit()
        await engine.dispose()
        return job.id

    id = asyncio.run(scenario())
    with working(app):
        assert wait_for(app, id).result == '"Ada by None"'
    assert session.get_one(Document, 1, populate_existing=True).done == 1


def test_composite_keys_come_back(app: Packhorse, session: Session) -> None:
    """And are found by."""
    [job] = app.deferred(Line).ship([session.get_one(Line, (1, 7))], 3)
    session.commit()
    app.run_pending()
    assert [job.id for job in app.list_jobs(record=Reference("line", '["1", "7"]'))] == [job.id]


@pytest.fixture
def another(database_url: str) -> Iterator[Packhorse]:
    """A second application."""
    with closing(Packhorse(f"{database_url}")) as app:
        yield app


def test_a_class_belongs_to_the_application_that_it_was_given_to(app: Packhorse, another: Packhorse) -> None:
    """Nobody else may have it, nor its name; one that is nobody's must be given to somebody."""

    class Orphan(Deferrable):
        def run(self) -> None:
            pass

    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: app.deferrable(Document), ConfigurationError, "is deferrable in this application already"),
        (lambda: another.deferrable(Invoice, name="a b"), ConfigurationError, "is no name for a task"),
        (lambda: another.deferred(Line).ship([]), ConfigurationError, "Line is not known here"),
        (lambda: Orphan.__queue__.run([]), ConfigurationError, "say whose .*Orphan is"),
        (lambda: app.deferrable(Invoice, batch_size=0), ConfigurationError, "batch_size"),
        (lambda: app.deferrable(Invoice, qeue="x"), TypeError, "qeue"),
        (lambda: app.deferrable(int, name="shop.int"), ConfigurationError, "int is no class that"),
        (lambda: app.deferred(len), ConfigurationError, "is no method of a class that is known here"),
    ]  # fmt: skip
    for call, error, why in wrong:
        with pytest.raises(error, match=why):
            call()

    with pytest.raises(DuplicateTask, match=r"shop\.Document\.print"):
        app.deferrable(Label, name="shop.Document")


def test_a_worker_knows_all_classes_below_deferrable(database_url: str) -> None:
    """Those that are mapped, and nobody else's, under the names of their modules."""
    with closing(Packhorse(database_url)) as app:
        app.engine.migrate()
        app.worker()
        assert f"{__name__}.Label.print" in app.registry.names()
