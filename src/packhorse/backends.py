"""The implementations behind the contracts: which engine, which notifier, and what needs a framework."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from packhorse.config import Settings
from packhorse.engine import Engine
from packhorse.errors import ConfigurationError, UsageError
from packhorse.notifiers.combined import CombinedNotifier
from packhorse.notifiers.local import LocalNotifier
from packhorse.records import Loading

if TYPE_CHECKING:
    from packhorse.notifier import Notifier
    from packhorse.queuetables.table import MappedRows

SCHEMES = frozenset({"sqlite", "postgresql", "postgres"})
DJANGO = "django://"


def open_engine(settings: Settings) -> Engine:
    """The engine for the configured address.

    Raises:
        ConfigurationError: there is no address, its scheme is none of ours, or its driver is not installed.
    """
    url = plain_url(settings.database_url)
    if _scheme(url) == "sqlite":
        from packhorse.engines.sqlite.engine import SqliteEngine

        return SqliteEngine(url)
    postgres = extra_module("packhorse.engines.postgres.engine", "psycopg", "postgres")
    engine: Engine = postgres.PostgresEngine(url, schema=settings.schema)
    return engine


def open_notifier(engine: Engine) -> Notifier:
    """What wakes the workers of an engine up: hints from this process, and from others."""
    local = LocalNotifier(engine.address)
    if engine.dialect == "sqlite":
        from packhorse.notifiers.sqlite import SqliteNotifier

        return CombinedNotifier(local, SqliteNotifier(engine.address))
    from packhorse.engines.postgres.engine import PostgresEngine
    from packhorse.notifiers.postgres import PostgresNotifier

    if not isinstance(engine, PostgresEngine):
        return local
    return CombinedNotifier(local, PostgresNotifier(engine.conninfo, engine.channel))


def plain_url(url: str | None) -> str:
    """The address as the engines take it: that of Django's settings for `django://alias`.

    Raises:
        ConfigurationError: there is none, or its scheme is none of ours.
    """
    if not url:
        raise ConfigurationError(
            "no database is configured: Packhorse('sqlite:///shop.db'), or set PACKHORSE_DATABASE_URL or DATABASE_URL"
        )
    if url.startswith(DJANGO):
        plain: str = integration("django.database").database_url(url)
        return plain
    scheme = _scheme(url)
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"the database's address begins with {scheme!r}: it must begin with sqlite:///, postgresql:// or django://"
        )
    return url


def _scheme(url: str) -> str:
    """`sqlite` in `sqlite:///shop.db`, and in SQLAlchemy's `sqlite+aiosqlite:///shop.db`."""
    return url.partition(":")[0].partition("+")[0]


def integration(name: str) -> Any:
    """A module that needs a framework, imported only where that is in use; the framework's layer is above this one.

    Raises:
        ConfigurationError: the framework is not installed.
    """
    return extra_module(f"packhorse.integrations.{name}", name.partition(".")[0])


def extra_module(module: str, needs: str, extra: str = "") -> Any:
    """A module that needs a library which not every installation brings."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != needs:
            raise
        raise ConfigurationError(
            f"the database's address needs {needs}, which is not installed: pip install 'packhorse[{extra or needs}]'"
        ) from error


def loading(model: type) -> Loading:
    """How the records of a framework's class are known by a key, and loaded and locked by their keys.

    Raises:
        ConfigurationError: it is no class of a framework that we know.
    """
    for framework in ("sqlalchemy", "django"):
        if framework in sys.modules:
            found = integration(f"{framework}.records").loading(model)
            if found is not None:
                made: Loading = found
                return made
    raise ConfigurationError(
        f"{model.__qualname__} is no class that SQLAlchemy or Django has mapped: give key= and load= as well"
    )


def find_home(model: type) -> Any | None:
    """What finds the sessions that a framework's records belong to; None for a class that no framework has mapped."""
    for framework in ("sqlalchemy", "django"):
        if framework in sys.modules:
            found = integration(f"{framework}.deferred").home(model)
            if found is not None:
                return found
    return None


def find_rows(thing: Any, url: str) -> MappedRows | None:
    """What a framework's class, or table, says of a queue table at this address; None for what none has mapped."""
    for framework in ("sqlalchemy", "django"):
        if framework in sys.modules:
            found: MappedRows | None = integration(f"{framework}.queuetables").rows_of(thing, url)
            if found is not None:
                return found
    return None


def session_on(transaction: Any) -> Any:
    """An SQLAlchemy session over a transaction.

    Raises:
        UsageError: SQLAlchemy is not installed.
    """
    if find_spec("sqlalchemy") is None:
        raise UsageError("ctx.tx.session needs SQLAlchemy: pip install 'packhorse[sqlalchemy]'")
    return integration("sqlalchemy").session_on(transaction)
