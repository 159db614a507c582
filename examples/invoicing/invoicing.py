"""Invoice candidates become invoices, in work packages of records: `packhorse worker -A invoicing:app` runs them.

README.md beside this file tells the story, command by command.
"""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from packhorse import Context, Packhorse, Skip, UserError, WorkPackage, acting, acting_as
from packhorse.integrations.sqlalchemy import begin_immediate

URL = os.environ.get("PACKHORSE_DATABASE_URL", "sqlite:///invoicing.db")
IN_A_PACKAGE = 100
CANDIDATES = {"acme": 240, "globex": 60}
"""How many of each tenant."""
ABROAD = (20, 40, 60, 80, 100)
"""Candidates whose invoices the tax office must know of."""
WITHOUT_ADDRESS = 142
"""A candidate whose data is wrong until somebody mends it."""

app = Packhorse(URL)
engine = create_engine(URL.replace("postgresql://", "postgresql+psycopg://"))
if engine.dialect.name == "sqlite":
    begin_immediate(engine)


# --- the application's own tables


class Base(DeclarativeBase):
    """The models of the application."""


class Candidate(Base):
    """What may be invoiced: a delivery, a month of a subscription."""

    __tablename__ = "candidate"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    country: Mapped[str]
    address: Mapped[str | None]
    cents: Mapped[int]


class Invoice(Base):
    """What was invoiced. Nothing here keeps a candidate from having two, but that each is written exactly once."""

    __tablename__ = "invoice"
    id: Mapped[int] = mapped_column(primary_key=True)
    candidate_id: Mapped[int]
    tenant: Mapped[str]
    day: Mapped[date]
    cents: Mapped[int]
    written_by: Mapped[str]
    attempt: Mapped[int]


class TaxOffice(Base):
    """Stands for a service elsewhere, which is away now and then."""

    __tablename__ = "tax_office"
    id: Mapped[int] = mapped_column(primary_key=True)
    is_open: Mapped[bool]


app.record_type("candidate", Candidate, tenant=lambda candidate: candidate.tenant)


# --- the work, in worker processes


@app.work_package(name="invoicing.invoice", queue="invoicing", each=True, chunk=50, responsible="kim")
def invoice(ctx: Context, package: WorkPackage, candidate: Candidate) -> None:
    """Write the invoice of one candidate; called for each record of a package that is not done yet.

    What it has written for one that fails or is skipped is undone, and the others stand.
    """
    if candidate.address is None:
        raise UserError(f"candidate {candidate.id} has no address", "add one, then solve this")
    if candidate.country != "DE":
        ask_tax_office(ctx)
    ctx.tx.session.add(
        Invoice(
            candidate_id=candidate.id,
            tenant=candidate.tenant,
            day=package.param("day", date),
            cents=candidate.cents,
            written_by=acting().user,
            attempt=ctx.job.attempt,
        )
    )


def ask_tax_office(ctx: Context) -> None:
    """Have it register an invoice to another country.

    Raises:
        Skip: it is closed; that is no failure of anybody's, and the record's turn comes again.
    """
    if not ctx.tx.session.scalars(select(TaxOffice.is_open)).one():
        raise Skip("the tax office is closed", after=timedelta(seconds=2))


@app.task(name="invoicing.tell", queue="invoicing")
def tell(ctx: Context, what: str) -> None:
    """Tell whoever asked for the invoices how it went."""
    ctx.log.info("to %s of %s: %s", acting().user, acting().tenant, what)


@app.task(name="invoicing.plan_reminders", queue="invoicing", atomic=True)
def plan_reminders(ctx: Context) -> None:
    """When all is invoiced: look in two weeks who has not paid."""
    candidates = ctx.tx.session.scalars(select(Candidate).where(Candidate.tenant == acting().tenant))
    remind.package(delay=timedelta(days=14)).add(*candidates).enqueue()


@app.work_package(name="invoicing.remind", queue="invoicing")
def remind(package: WorkPackage) -> str:
    """Remind those who have not paid; called once, with all of its records."""
    return f"{len(package)} candidates looked at"


# --- what people do


def set_up() -> None:
    """Make the tables, and candidates of two tenants."""
    Base.metadata.create_all(engine)
    tenants = [tenant for tenant, count in CANDIDATES.items() for _ in range(count)]
    with Session(engine) as session, session.begin():
        session.add(TaxOffice(is_open=False))
        for id, tenant in enumerate(tenants, start=1):
            country = "CH" if id in ABROAD else "DE"
            address = None if id == WITHOUT_ADDRESS else f"Lake Road {id}"
            session.add(Candidate(id=id, tenant=tenant, country=country, address=address, cents=100 * id))
    app.engine.migrate()
    print(f"{len(tenants)} candidates, and the tax office is closed")


def bill(tenant: str, user: str) -> None:
    """Have all candidates of a tenant invoiced: packages in a batch, which exist if this transaction commits."""
    with Session(engine) as session, session.begin(), acting_as(tenant=tenant, user=user):
        candidates = session.scalars(select(Candidate).where(Candidate.tenant == tenant).order_by(Candidate.id)).all()
        failed, succeeded = tell.call("one has failed"), plan_reminders.call()
        with app.batch(f"invoices of {tenant}", conn=session, on_failure=failed, on_success=succeeded) as batch:
            for some in in_parts(candidates):
                package = invoice.package(conn=session, batch=batch)
                package.param("day", date(2026, 11, 30)).add(*some).enqueue()
    print(f"batch {batch.id}: {len(candidates)} candidates of {tenant}")


def in_parts(candidates: Sequence[Candidate]) -> list[Sequence[Candidate]]:
    """The candidates of each package."""
    return [candidates[start : start + IN_A_PACKAGE] for start in range(0, len(candidates), IN_A_PACKAGE)]


def open_tax_office() -> None:
    """It is back."""
    with Session(engine) as session, session.begin():
        session.scalars(select(TaxOffice)).one().is_open = True
    print("the tax office is open")


def mend(candidate_id: str, address: str) -> None:
    """Put right what was wrong with a candidate."""
    with Session(engine) as session, session.begin():
        session.get_one(Candidate, int(candidate_id)).address = address
    print(f"candidate {candidate_id} lives at {address}")


def tell_invoices() -> None:
    """Count the invoices, by whoever has asked for them and by the attempt that wrote them."""
    columns = (Invoice.tenant, Invoice.written_by, Invoice.attempt > 1)
    counted = select(*columns, func.count(), func.sum(Invoice.cents)).group_by(*columns).order_by(*columns)
    twice = select(Invoice.candidate_id).group_by(Invoice.candidate_id).having(func.count() > 1)
    with Session(engine) as session:
        for tenant, user, is_later, count, cents in session.execute(counted):
            when = "by a later" if is_later else "by the first"
            print(f"{tenant}: {count} invoices over {cents / 100:.2f}, written for {user} {when} attempt")
        print(f"invoiced twice: {len(session.scalars(twice).all())}")


COMMANDS: dict[str, Callable[..., None]] = {
    "setup": set_up,
    "bill": bill,
    "open-tax-office": open_tax_office,
    "mend": mend,
    "invoices": tell_invoices,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
