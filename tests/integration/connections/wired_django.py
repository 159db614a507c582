"""Django's connections, given by themselves, by the proxy, and by alias."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings
from django.db import connections, transaction

from tests.integration.connections.wired import INSERT, Wired, path_of

ALIAS = "shop"

if not settings.configured:
    settings.configure(DATABASES={}, USE_TZ=True, INSTALLED_APPS=[])
    django.setup()


@contextmanager
def django_database(url: str, alias: str = ALIAS) -> Iterator[None]:
    """Let Django know the database of that address, under an alias of its own, for a while."""
    known: Any = connections.settings
    known[alias] = {**known["default"], **django_settings(url)}
    try:
        yield
    finally:
        connections[alias].close()
        del connections[alias]
        del known[alias]


def django_settings(url: str) -> dict[str, Any]:
    """What Django is told of the database of that address."""
    if url.startswith("sqlite"):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path_of(url),
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or unquote(query.get("user", "")),
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or unquote(query.get("host", "")),
        "PORT": str(parts.port or query.get("port", "")),
        "OPTIONS": {},
    }


class DjangoAlias(Wired):
    """The alias."""

    sees_commits = True

    def __init__(self, url: str) -> None:
        self._known = django_database(url)
        self._known.__enter__()
        self.raw = self.open()

    def open(self) -> Any:
        """What is given as conn."""
        return ALIAS

    def begin(self) -> None:
        self._block = transaction.Atomic(ALIAS, savepoint=True, durable=False)
        self._block.__enter__()

    def write(self) -> None:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(INSERT)

    def commit(self) -> None:
        self._block.__exit__(None, None, None)

    def rollback(self) -> None:
        transaction.set_rollback(True, using=ALIAS)
        self._block.__exit__(None, None, None)

    def in_savepoint(self, body: Callable[[], None], *, keep: bool) -> None:
        savepoint = transaction.Atomic(ALIAS, savepoint=True, durable=False)
        savepoint.__enter__()
        body()
        if not keep:
            transaction.set_rollback(True, using=ALIAS)
        savepoint.__exit__(None, None, None)

    def close(self) -> None:
        self._known.__exit__(None, None, None)


class DjangoConnection(DjangoAlias):
    """The connection."""

    def open(self) -> Any:
        return connections[ALIAS]


DJANGO: tuple[type[Wired], ...] = (DjangoAlias, DjangoConnection)
