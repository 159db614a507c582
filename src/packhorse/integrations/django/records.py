"""Django's models as record types of work packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Model

from packhorse.errors import UsageError


def loading(model: type) -> tuple[Callable[[Any], str], Callable[[Any, Sequence[str]], Mapping[str, Any]]] | None:
    """How records of a model are known and loaded; None for a class that is none."""
    if not issubclass(model, Model):
        return None

    mapped: Any = model

    def key_of(record: Any) -> str:
        if record.pk is None:
            raise UsageError(f"{record!r} has no key yet: save it before it goes into a package")
        return str(record.pk)

    def load(transaction: Any, keys: Sequence[str]) -> Mapping[str, Any]:
        alias = transaction.connection.alias
        found = mapped._base_manager.using(alias).in_bulk(list(keys))  # noqa: SLF001 - the one that sees all rows
        return {str(pk): record for pk, record in found.items()}

    return key_of, load
