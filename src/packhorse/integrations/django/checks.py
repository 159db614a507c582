"""Django's system checks of Packhorse: settings only, no database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connections

from packhorse.errors import PackhorseError
from packhorse.integrations.django.application import application
from packhorse.integrations.django.configuration import KEYS, SETTING, Configuration, mistakes

TAG = "packhorse"
IMMEDIATE = ("IMMEDIATE", "EXCLUSIVE")


def check_settings(app_configs: object = None, **_: object) -> list[Any]:
    """Whether PACKHORSE and the database that it names can be used."""
    wrong = mistakes(getattr(settings, SETTING, {}))
    if wrong:
        return [_error(1, text, f"the keys of {SETTING} are {', '.join(KEYS)}") for text in wrong]
    alias = Configuration.read().database
    if alias not in connections:
        text = (
            f"{SETTING}['DATABASE'] is {alias!r}, and DATABASES has no such alias; there are {', '.join(connections)}"
        )
        return [_error(2, text, "name the alias that the jobs are to live behind")]
    return [*_of_database(alias), *_of_application()]


def check_modules(app_configs: object = None, **_: object) -> list[Any]:
    """Whether the modules of tasks can be imported; only with `--deploy`, as it imports them all."""
    if any(one.is_serious() for one in check_settings()):
        return []
    modules = application().modules
    modules.load()
    return [
        checks.Warning(
            f"the tasks in {module} are unknown: {error}",
            hint="their jobs wait until a worker can import it; `manage.py packhorse workers list` names the machines",
            id="packhorse.W003",
        )
        for module, error in modules.failures.items()
    ]


def _of_database(alias: str) -> Iterator[Any]:
    connection = connections[alias]
    if connection.vendor not in ("sqlite", "postgresql"):
        text = f"the jobs can't live behind {alias!r}: {connection.vendor} is neither sqlite nor postgresql"
        yield _error(3, text, f"name another alias: {SETTING} = {{'DATABASE': …}}")
    elif connection.vendor == "sqlite":
        yield from _of_sqlite(connection)


def _of_sqlite(connection: Any) -> Iterator[Any]:
    place = f"DATABASES[{connection.alias!r}]"
    if connection.is_in_memory_db():
        yield _error(4, f"{place} is in memory, where nobody but this process finds the jobs", "name a file")
    elif _is_memory(connection.settings_dict["TEST"].get("NAME")):
        yield checks.Warning(
            f"tests can't have the jobs of {place} in memory",
            hint=f'name a file: {place}["TEST"] = {{"NAME": BASE_DIR / "test.sqlite3"}}',
            id="packhorse.W002",
        )
    if str(connection.settings_dict["OPTIONS"].get("transaction_mode", "")).upper() not in IMMEDIATE:
        yield checks.Warning(
            f"{place} begins transactions that read first and can fail with 'database is locked' when they write",
            hint=f'{place}["OPTIONS"] = {{"transaction_mode": "IMMEDIATE"}}',
            id="packhorse.W001",
        )


def _is_memory(name: object) -> bool:
    return name is None or ":memory:" in str(name) or "mode=memory" in str(name)


def _of_application() -> Iterator[Any]:
    try:
        application()
    except PackhorseError as error:
        yield _error(5, str(error), f"{SETTING}['APP'] is package.module:attribute, as in shop.jobs:app")


def _error(number: int, text: str, hint: str) -> Any:
    return checks.Error(text, hint=hint, id=f"packhorse.E{number:03}")
