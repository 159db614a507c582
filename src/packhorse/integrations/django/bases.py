"""The classes of Django that ours are derived from, as type checkers see them: Django itself ships no types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class Untyped:
        """A class of which nothing is known but that it is one."""

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    class AppConfig(Untyped):
        """`django.apps.AppConfig`."""

    class BaseCommand(Untyped):
        """`django.core.management.base.BaseCommand`."""

    class CommandError(Untyped, Exception):
        """`django.core.management.CommandError`."""

    class Field(Untyped):
        """`django.db.models.Field`."""

    class Manager(Untyped):
        """`django.db.models.Manager`."""

        def get_queryset(self) -> Any:
            """The rows."""

    class Migration(Untyped):
        """`django.db.migrations.Migration`."""

        atomic: bool
        dependencies: Sequence[tuple[str, str]]
        operations: Sequence[Any]

    class Model(Untyped):
        """`django.db.models.Model`."""

        objects: Any

    class Operation(Untyped):
        """`django.db.migrations.operations.base.Operation`."""

        atomic: bool
        reduces_to_sql: bool
        reversible: bool

else:
    from django.apps import AppConfig
    from django.core.management.base import BaseCommand, CommandError
    from django.db.migrations import Migration
    from django.db.migrations.operations.base import Operation
    from django.db.models import Field, Manager, Model

__all__ = [
    "AppConfig",
    "BaseCommand",
    "CommandError",
    "Field",
    "Manager",
    "Migration",
    "Model",
    "Operation",
]
