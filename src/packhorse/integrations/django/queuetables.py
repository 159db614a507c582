"""Django's models as queue tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, router
from django.db.models import JSONField, Model

from packhorse.backends import DJANGO
from packhorse.errors import ConfigurationError
from packhorse.integrations.django.database import alias_in
from packhorse.queuetables.table import MappedRows

Converter = Callable[[Any, Any, Any], Any]


def rows_of(thing: Any, url: str) -> MappedRows | None:
    """What a model says of a queue table at this address; None for anything else.

    Raises:
        ConfigurationError: it has no table of its own, or more than one.
    """
    if not isinstance(thing, type) or not issubclass(thing, Model):
        return None
    model: Any = thing
    meta = model._meta  # noqa: SLF001 - which Django documents
    if meta.abstract or meta.proxy or meta.parents:
        raise ConfigurationError(f"{meta.label} has not one table of its own, so it can't be a queue table")
    fields = list(meta.concrete_fields)

    def make(values: Sequence[Any]) -> Any:
        alias = alias_in(url) if url.startswith(DJANGO) else router.db_for_read(model)
        decoded = [_decoded(field, value, alias) for field, value in zip(fields, values, strict=True)]
        return model.from_db(alias, [field.attname for field in fields], decoded)

    return MappedRows(meta.db_table, model, tuple(field.column for field in fields), make)


def _decoded(field: Any, value: Any, alias: str) -> Any:
    """A value as Django's own queries give it."""
    if isinstance(field, JSONField) and not isinstance(value, str):
        return value  # the driver has read it
    connection: Any = connections[alias]
    column: Any = field.get_col(field.model._meta.db_table)  # noqa: SLF001 - as above
    converters: list[Converter] = [
        *connection.ops.get_db_converters(column),
        *column.get_db_converters(connection),
    ]
    try:
        for convert in converters:
            value = convert(value, column, connection)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"column {field.column}: {error}") from error
    return value
