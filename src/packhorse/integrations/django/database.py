"""`django://alias`: the database of Django's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import django
from django.apps import apps
from django.db import connections

from packhorse.errors import ConfigurationError


def database_url(address: str) -> str:
    """The address of the database behind `django://alias`, as our engines take it.

    Raises:
        ConfigurationError: the alias is unknown, or its database is neither SQLite nor PostgreSQL.
    """
    alias = alias_in(address)
    if not apps.ready:
        django.setup()
    if alias not in connections:
        raise ConfigurationError(f"{address}: Django's DATABASES has no {alias!r}; there are {', '.join(connections)}")
    connection = connections[alias]
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(Path(connection.settings_dict['NAME']).absolute()))}"
    if connection.vendor == "postgresql":
        return _postgresql(connection.settings_dict)
    raise ConfigurationError(f"{address}: {connection.vendor} is neither sqlite nor postgresql")


def alias_in(address: str) -> str:
    """The alias in `django://alias`; `default` when there is none."""
    return address.removeprefix("django://").strip("/") or "default"


def _postgresql(settings: dict[str, Any]) -> str:
    passed = {key: value for key, value in settings.get("OPTIONS", {}).items() if isinstance(value, str | int)}
    named = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    passed |= {key: settings[name] for key, name in named.items() if settings.get(name)}
    return f"postgresql:///{quote(str(settings['NAME']))}?{urlencode(passed, quote_via=quote)}"
