"""Orders on SQLAlchemy and FastAPI: `uvicorn ordering:web` takes them, `packhorse worker -A ordering:app` sees to them.

README.md beside this file tells the story, request by request.
"""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import create_engine, func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from packhorse import Acting, Context, Deferrable, Packhorse, Reference, UserError, acting
from packhorse.integrations.asgi import PackhorseMiddleware, lifespan
from packhorse.integrations.sqlalchemy import begin_immediate

URL = os.environ.get("PACKHORSE_DATABASE_URL", "sqlite:///ordering.db")

app = Packhorse(URL)
engine = create_engine(URL.replace("postgresql:", "postgresql+psycopg:"))
async_engine = create_async_engine(
    URL.replace("postgresql:", "postgresql+psycopg:").replace("sqlite:", "sqlite+aiosqlite:")
)
if engine.dialect.name == "sqlite":
    begin_immediate(engine)
    begin_immediate(async_engine.sync_engine)


# --- the models; their methods are called by workers, as whoever has called them here


class Base(DeclarativeBase):
    """The models of the application."""


class Order(Base, Deferrable):
    """What a customer wants."""

    __tablename__ = "customer_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    address: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="new")
    seen_to_by: Mapped[str | None]

    def confirm(self) -> str:
        """Look whether it can be delivered; what this writes commits with the end of the job."""
        if self.address is None:
            raise UserError(f"order {self.id} of {self.customer} has no address", "add an address")
        self.state, self.seen_to_by = "confirmed", str(acting().user)
        return f"confirmed to {self.customer}"

    def ship(self, carrier: str) -> str:
        """Hand it over."""
        self.state, self.seen_to_by = "shipped", str(acting().user)
        return f"handed to {carrier}"


@app.task(name="ordering.report", atomic=True)
def report(ctx: Context) -> dict[str, int]:
    """Count the orders by state."""
    counted = ctx.tx.session.execute(select(Order.state, func.count()).group_by(Order.state))
    return dict(counted.tuples().all())


# --- the web application


def user_of(scope: Any) -> Acting:
    """On whose behalf a request is made: here a header says it, in life whatever authenticates your users."""
    return Acting(user=dict(scope["headers"]).get(b"x-user", b"nobody").decode())


web = FastAPI(lifespan=lifespan(app))
web.add_middleware(PackhorseMiddleware, jobs=app, acting=user_of)


def open_session() -> Iterator[Session]:
    """A session for a request: committed before the response, rolled back if the endpoint raises."""
    with Session(engine) as session, session.begin():
        yield session


async def open_async_session() -> AsyncIterator[AsyncSession]:
    """The same for coroutines."""
    async with AsyncSession(async_engine) as session, session.begin():
        yield session


SyncDb = Annotated[Session, Depends(open_session, scope="function")]
AsyncDb = Annotated[AsyncSession, Depends(open_async_session, scope="function")]


@web.post("/orders", status_code=201)
def take_order(session: SyncDb, customer: str, address: str | None = None) -> dict[str, int]:
    """Take an order, and have it confirmed: both are there after the commit, or neither."""
    order = Order(customer=customer, address=address)
    session.add(order)
    job = Order.__queue__.confirm(order)  # on the order's own session, which is flushed
    return {"order": order.id, "job": job.id}


@web.post("/orders/{id}/shipment", status_code=202)
async def ship_order(session: AsyncDb, id: int, carrier: str) -> dict[str, int]:
    """Have an order shipped. Under a session for coroutines the call is stored when that is committed."""
    order = await session.get_one(Order, id, with_for_update=True)
    order.state = "leaving"
    Order.__queue__(priority="high").ship(order, carrier)
    if order.seen_to_by is None:
        raise HTTPException(409, f"order {id} is not confirmed")  # nothing of this request is left
    return {"order": id}


@web.post("/reports", status_code=202)
def order_report() -> None:
    """Ask for a report. No session is here, so the middleware stores the job, for the response is no error."""
    report.enqueue()


@web.put("/orders/{id}/address")
def add_address(session: SyncDb, id: int, address: str, x_user: Annotated[str, Header()]) -> dict[str, list[int]]:
    """Mend an order, and solve what has failed because of it."""
    session.get_one(Order, id).address = address
    failed = [job.id for job in app.list_jobs(record=Reference("order", str(id)), state="failed")]
    session.commit()
    return {"solved": [*app.inbox.solve(*failed, by=x_user, why="has an address now").ids]}


@web.get("/orders/{id}")
def tell_order(session: SyncDb, id: int) -> dict[str, Any]:
    """What happened to this order?"""
    order = session.get(Order, id)
    if order is None:
        raise HTTPException(404, f"there is no order {id}")
    jobs = reversed(app.list_jobs(record=Reference("order", str(id))))
    return {
        "state": order.state,
        "seen_to_by": order.seen_to_by,
        "jobs": [{"job": job.id, "what": job.task, "state": job.state, "error": job.error_message} for job in jobs],
    }
