"""`django://alias`: the database of Django's settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import django
from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE, settings
from django.db import connections

from packhorse.errors import ConfigurationError


def database_url(address: str) -> str:
    """The address of the database behind `django://alias`, as our engines take it.

    Raises:
        ConfigurationError: Django's settings can't be loaded, the alias is unknown, or its database is neither SQLite
            nor PostgreSQL.
    """
    alias = alias_in(address)
    if not apps.ready:
        set_up(address)
    if alias not in connections:
        raise ConfigurationError(f"{address}: Django's DATABASES has no {alias!r}; there are {', '.join(connections)}")
    connection = connections[alias]
    if connection.vendor == "sqlite":
        if connection.is_in_memory_db():
            raise ConfigurationError(
                f"{address}: a database in memory can't be shared with Packhorse: name a file, "
                'for tests as in DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}'
            )
        return f"sqlite:///{quote(str(Path(connection.settings_dict['NAME']).absolute()))}"
    if connection.vendor == "postgresql":
        return _postgresql(connection.settings_dict)
    raise ConfigurationError(f"{address}: {connection.vendor} is neither sqlite nor postgresql")


def alias_in(address: str) -> str:
    """The alias in `django://alias`; `default` when there is none."""
    return address.removeprefix("django://").strip("/") or "default"


def set_up(address: str) -> None:
    """Load Django's settings and applications, where the program has not done so."""
    if not settings.configured and not os.environ.get(ENVIRONMENT_VARIABLE):
        raise ConfigurationError(
            f"{address} is a database of Django's settings, and nothing says which settings: "
            f"set {ENVIRONMENT_VARIABLE}, as in {ENVIRONMENT_VARIABLE}=shop.settings"
        )
    try:
        django.setup()
    except Exception as error:
        named = os.environ.get(ENVIRONMENT_VARIABLE)
        raise ConfigurationError(
            f"{address}: Django can't be set up with {ENVIRONMENT_VARIABLE}={named}: {type(error).__name__}: {error}; "
            f"is that the right module, and is it on the Python path?"
        ) from error


def _postgresql(given: dict[str, Any]) -> str:
    passed = {key: value for key, value in given.get("OPTIONS", {}).items() if isinstance(value, str | int)}
    named = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    passed |= {key: given[name] for key, name in named.items() if given.get(name)}
    return f"postgresql:///{quote(str(given['NAME']))}?{urlencode(passed, quote_via=quote)}"
