"""The product's own tables, as Django's models name and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from packhorse.config import Settings
from packhorse.errors import ConfigurationError
from packhorse.integrations.django.bases import Field, Manager
from packhorse.integrations.django.configuration import Configuration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def table(name: str) -> str:
    """The table of that name: on PostgreSQL it is in a schema, on SQLite it begins with `packhorse_`."""
    configuration = configured()
    try:
        vendor = connections[configuration.database].vendor
    except ConnectionDoesNotExist:
        vendor = ""
    return f'"{configuration.schema or _schema()}"."{name}"' if vendor == "postgresql" else f"packhorse_{name}"


def configured() -> Configuration:
    """The settings in force; while they are wrong, which the system checks say, those of a project without any."""
    try:
        return Configuration.read()
    except ConfigurationError:
        return Configuration()


def _schema() -> str:
    try:
        return Settings.load().schema
    except ConfigurationError:
        return Settings().schema


class Rows(Manager):
    """Rows behind the alias of the settings, whatever the project's database routers say."""

    def get_queryset(self) -> Any:
        """All of them."""
        return super().get_queryset().using(configured().database)


class Moment(Field):
    """A time: PostgreSQL's own, on SQLite whole microseconds since 1970."""

    def from_db_value(self, value: Any, expression: object, connection: Any) -> datetime | None:
        """As an aware time."""
        if value is None or isinstance(value, datetime):
            return value
        return EPOCH + int(value) * MICROSECOND

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """As the table has it."""
        if isinstance(value, datetime) and connection.vendor == "sqlite":
            return (value - EPOCH) // MICROSECOND
        return value
