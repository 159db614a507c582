"""The application that the kill tests run: tasks and deferred calls that write through SQLAlchemy, drivers, Django."""

import os
from typing import Any

from django.db import connections, models
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from packhorse import Context, Deferrable, Packhorse, current
from tests.integration.connections.wired_django import ALIAS, django_database

URL = os.environ["ORACLE_DATABASE_URL"]
INSERT = "INSERT INTO effects (n) VALUES ({})"

app = Packhorse(URL)
_known = django_database(URL)
_known.__enter__()
django_app = Packhorse(f"django://{ALIAS}")


class Base(DeclarativeBase):
    """The classes that SQLAlchemy maps."""


@app.deferrable(name="session", max_crashes=100)
class Number(Base, Deferrable):
    """A number, which is written down later."""

    __tablename__ = "number"

    n: Mapped[int] = mapped_column(primary_key=True)
    times: Mapped[int]

    def write(self) -> None:
        """Through a session that commits by itself, in two steps."""
        self.times += 1
        current().tx.session.execute(text(INSERT.format(":n")), {"n": -self.n - 1})
        current().tx.session.commit()
        current().tx.session.execute(text(INSERT.format(":n")), {"n": self.n})


@django_app.deferrable(name="django", max_crashes=100)
class DjangoNumber(Deferrable, models.Model):  # type: ignore[misc]  # Django ships no types
    """The same as a model of Django's."""

    n: Any = models.IntegerField(primary_key=True)
    times: Any = models.IntegerField()

    class Meta:
        """Of a table that the test creates."""

        app_label = "kills"
        db_table = "number"
        managed = False

    def write(self) -> None:
        """Through Django's own connection."""
        self.times += 1
        self.save()
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(INSERT.format("%s"), (-self.n - 1,))
            cursor.execute(INSERT.format("%s"), (self.n,))


@app.task(name="async_session", atomic=True, max_crashes=100)
async def async_session(ctx: Context, n: int) -> None:
    """The same in a coroutine."""
    await ctx.tx.session.execute(text(INSERT.format(":n")), {"n": -n - 1})
    await ctx.tx.session.commit()
    await ctx.tx.session.execute(text(INSERT.format(":n")), {"n": n})


@app.task(name="async_driver", atomic=True, max_crashes=100)
async def async_driver(ctx: Context, n: int) -> None:
    """Through the asynchronous driver."""
    place = "?" if app.engine.dialect == "sqlite" else "%s"
    await ctx.tx.execute(INSERT.format(place), (-n - 1,))
    await ctx.tx.execute(INSERT.format(place), (n,))
