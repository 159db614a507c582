"""Django's models as record types of work packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model

from packhorse.errors import UsageError
from packhorse.records import Loading


def loading(model: type) -> Loading | None:
    """How records of a model are known, loaded and locked; None for a class that is none."""
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

    def lock(transaction: Any, keys: Sequence[str]) -> None:
        rows = mapped._base_manager.using(transaction.connection.alias).select_for_update()  # noqa: SLF001 - as above
        list(rows.filter(pk__in=keys).values_list("pk"))

    return Loading(key_of, load, lock)
