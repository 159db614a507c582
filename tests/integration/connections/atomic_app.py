"""The application that the kill tests run: atomic tasks that write through SQLAlchemy, the drivers, and Django."""

import os

from django.db import connections
from sqlalchemy import text

from packhorse import Context, Packhorse
from tests.integration.connections.wired_django import ALIAS, django_database

URL = os.environ["ORACLE_DATABASE_URL"]
INSERT = "INSERT INTO effects (n) VALUES ({})"

app = Packhorse(URL)
_known = django_database(URL)
_known.__enter__()
django_app = Packhorse(f"django://{ALIAS}")


@app.task(name="session", atomic=True)
def session(ctx: Context, n: int) -> None:
    """Through a session that commits by itself, in two steps."""
    ctx.tx.session.execute(text(INSERT.format(":n")), {"n": -n - 1})
    ctx.tx.session.commit()
    ctx.tx.session.execute(text(INSERT.format(":n")), {"n": n})


@app.task(name="async_session", atomic=True)
async def async_session(ctx: Context, n: int) -> None:
    """The same in a coroutine."""
    await ctx.tx.session.execute(text(INSERT.format(":n")), {"n": -n - 1})
    await ctx.tx.session.commit()
    await ctx.tx.session.execute(text(INSERT.format(":n")), {"n": n})


@app.task(name="async_driver", atomic=True)
async def async_driver(ctx: Context, n: int) -> None:
    """Through the asynchronous driver."""
    place = "?" if app.engine.dialect == "sqlite" else "%s"
    await ctx.tx.execute(INSERT.format(place), (-n - 1,))
    await ctx.tx.execute(INSERT.format(place), (n,))


@django_app.task(name="django", atomic=True)
def django(n: int) -> None:
    """Through Django's own connection."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(INSERT.format("%s"), (-n - 1,))
        cursor.execute(INSERT.format("%s"), (n,))
