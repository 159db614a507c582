"""The operation that Django's migrations of Packhorse are made of: each runs one of the product's own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from django.db import router
from django.db.migrations.operations import CreateModel
from django.db.migrations.state import ModelState

from packhorse.backends import open_engine
from packhorse.integrations.django.application import application
from packhorse.integrations.django.bases import CommandError, Operation
from packhorse.integrations.django.configuration import Configuration
from packhorse.integrations.django.models import MIRRORS

LABEL = "packhorse"


class NoWayBack(CommandError):
    """A migration is to be undone."""


class BringUp(Operation):
    """Bring the schema up to one of the product's migrations, unless it is there already.

    It does what `packhorse migrate up --to NUMBER` does, by the same code: on a connection of its own, in a transaction
    of its own, so that the two may be mixed. On other aliases than that of the settings it does nothing.

    Args:
        number: which one.
    """

    reduces_to_sql = True
    reversible = True
    atomic = False

    def __init__(self, number: int) -> None:
        self._number = number

    def state_forwards(self, app_label: str, state: Any) -> None:
        """No model of Django's changes."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run it, or say which SQL that is."""
        if not is_ours(schema_editor.connection.alias):
            return
        with closing(open_engine(application().settings)) as engine:
            if schema_editor.collect_sql:
                schema_editor.collected_sql.append(engine.migration_sql(self._number - 1, self._number))
            else:
                engine.migrate(self._number)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Refuse: there is no way back but with the jobs."""
        if is_ours(schema_editor.connection.alias):
            raise NoWayBack(
                "the tables of Packhorse hold the jobs, and are not taken back step by step: restore a backup made "
                "before the upgrade; or, to do without Packhorse, drop its tables and migrate to zero with --fake"
            )

    def describe(self) -> str:
        """For `migrate --plan`."""
        return f"Run Packhorse's own migration {self._number:03}"


def is_ours(alias: str) -> bool:
    """Whether the jobs live behind that alias, and the project's routers don't mind."""
    return alias == Configuration.read().database and bool(router.allow_migrate(alias, LABEL))


def mirrored() -> Sequence[Any]:
    """What tells Django's migrations of the models: always what the code says, as no table of theirs is changed."""
    states = [ModelState.from_model(model) for model in MIRRORS]
    return [CreateModel(one.name, list(one.fields.items()), one.options, one.bases, one.managers) for one in states]
