"""The dictionary PACKHORSE of Django's settings."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, get_args

from django.conf import settings

from packhorse.config import WorkerMode
from packhorse.domain.naming import check_schema_name
from packhorse.errors import ConfigurationError

SETTING = "PACKHORSE"
MODULES = ("tasks", "jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How a Django project uses Packhorse.

    Attributes:
        database: DATABASE, the alias in DATABASES that the jobs live behind; `default`.
        app: APP, where the project's own `Packhorse` is, `shop.jobs:app`; without it one is made of these settings.
        worker: WORKER, who runs the jobs; without it PACKHORSE_WORKER in the environment, else `processes`.
        schema: SCHEMA, the PostgreSQL schema that holds the tables; without it PACKHORSE_SCHEMA, else `packhorse`.
        files: FILES, the folder that `ctx.files` writes to; without it PACKHORSE_FILES, else there are no files.
        modules: MODULES, what is imported to find tasks: a name with a dot is a module, one without is looked for in
            every installed app; `tasks` and `jobs`.
    """

    database: str = "default"
    app: str | None = None
    worker: WorkerMode | None = None
    schema: str | None = None
    files: str | os.PathLike[str] | None = None
    modules: Sequence[str] = MODULES

    @classmethod
    def read(cls) -> Self:
        """The settings in force.

        Raises:
            ConfigurationError: the first that is wrong.
        """
        given = getattr(settings, SETTING, {})
        for wrong in mistakes(given):
            raise ConfigurationError(wrong)
        return cls(**{key.lower(): value for key, value in given.items()})


KEYS = tuple(name.upper() for name in Configuration.__dataclass_fields__)


def mistakes(given: Any) -> list[str]:
    """What is wrong with such a dictionary, a sentence each."""
    if not isinstance(given, Mapping):
        return [f"{SETTING} must be a dictionary, not {given!r}"]
    unknown = [f"{SETTING} has no key {key!r}{_did_you_mean(str(key))}" for key in given if key not in KEYS]
    return unknown + [wrong for key in KEYS if key in given for wrong in _wrong(key, given[key])]


def _wrong(key: str, value: Any) -> list[str]:
    place = f"{SETTING}[{key!r}]"
    if key == "MODULES":
        return [] if _are_names(value) else [f"{place} must be a list of modules' names, not {value!r}"]
    if key == "FILES" and isinstance(value, os.PathLike):
        return []
    if not isinstance(value, str):
        return [f"{place} must be a text, not {value!r}"]
    if key == "WORKER" and value not in get_args(WorkerMode):
        return [f"{place} must be {' or '.join(get_args(WorkerMode))}, not {value!r}"]
    if key == "SCHEMA":
        return _wrong_schema(place, value)
    return []


def _wrong_schema(place: str, value: str) -> list[str]:
    try:
        check_schema_name(value)
    except ConfigurationError as error:
        return [f"{place}: {error}"]
    return []


def _are_names(value: Any) -> bool:
    if not isinstance(value, list | tuple):
        return False
    return all(isinstance(one, str) and all(part.isidentifier() for part in one.split(".")) for one in value)


def _did_you_mean(key: str) -> str:
    close = difflib.get_close_matches(key.upper(), KEYS, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(KEYS)}"
