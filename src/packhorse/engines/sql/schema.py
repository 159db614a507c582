"""The schema's part of `Installation`: what is installed, whether it fits, and the way up."""

from __future__ import annotations

from abc import abstractmethod

from packhorse.engine import SchemaStatus
from packhorse.engines.sql.base import Params, SqlBase
from packhorse.engines.sql.migrations import Migration
from packhorse.errors import SchemaMissing, SchemaOutdated, SchemaTooNew


class SqlSchema(SqlBase):
    """`schema_status`, `check_schema`, `migrate` and `migration_sql` over the files of `migrations/`."""

    _migrations: tuple[Migration, ...]

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the database is, without a password."""

    def schema_status(self) -> SchemaStatus:
        current, oldest_supported = self._read_migrations()
        return SchemaStatus(
            current=current,
            latest=len(self._migrations),
            oldest_supported=oldest_supported,
            pending=[migration.name for migration in self._migrations if migration.number > (current or 0)],
        )

    def check_schema(self) -> None:
        status = self.schema_status()
        if status.current is None:
            raise SchemaMissing(f"{self.address} has no Packhorse schema: run `packhorse migrate up`")
        if status.current < status.latest:
            raise SchemaOutdated(
                f"the schema of {self.address} is at migration {status.current} and this version needs "
                f"{status.latest}: run `packhorse migrate up`"
            )
        self._refuse_too_new(status)

    def migrate(self, to: int | None = None) -> list[str]:
        self._refuse_too_new(self.schema_status())
        last = len(self._migrations) if to is None else to
        return [migration.name for migration in self._migrations[:last] if self._apply(migration)]

    def migration_sql(self, since: int = 0, to: int | None = None) -> str:
        return "\n".join(f"{step.sql}\n{self._recorded(step)}" for step in self._migrations[since:to])

    def _refuse_too_new(self, status: SchemaStatus) -> None:
        if status.oldest_supported > status.latest:
            raise SchemaTooNew(
                f"the schema of {self.address} is at migration {status.current}, which works with software that knows "
                f"migration {status.oldest_supported} or later, and this version ends at {status.latest}: "
                "install a newer version of packhorse"
            )

    @abstractmethod
    def _read_migrations(self) -> tuple[int | None, int]:
        """The number of the last migration that ran, None when none has, and its `oldest_supported`."""

    @abstractmethod
    def _apply(self, migration: Migration) -> bool:
        """Run a migration and record it in one transaction, unless it has run already; whether it was run now."""

    def _record_migration(self) -> str:
        [text] = self._statements.get("record_migration")
        return text

    def _recorded(self, migration: Migration) -> str:
        text = self._record_migration()
        for name, value in record_params(migration).items():
            text = text.replace(f":{name}", f"'{value}'" if isinstance(value, str) else str(value))
        return f"{text};\n"


def record_params(migration: Migration) -> Params:
    """The parameters of `record_migration.sql`."""
    return {
        "number": migration.number,
        "name": migration.name,
        "oldest_supported": migration.oldest_supported,
    }
