"""What a command works on: the application that the user named, or only its database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from packhorse.errors import ConfigurationError, DatabaseUnreachable

if TYPE_CHECKING:
    from packhorse.app import Packhorse

SQLITE = "sqlite"


@dataclass(slots=True)
class Target:
    """The application or database of one command; closed when the command ends.

    Attributes:
        app_path: where the application is, `module:attribute`; None looks into the settings file.
        database_url: the database alone, without the application's code.
        schema: the PostgreSQL schema, with `database_url`.
    """

    app_path: str | None = None
    database_url: str | None = None
    schema: str | None = None
    _app: Packhorse | None = field(default=None, init=False)

    @property
    def app(self) -> Packhorse:
        """The application, loaded at the first use; one without tasks when only a database was named.

        Raises:
            ConfigurationError: nothing was named, or what was named can't be loaded.
        """
        if self._app is None:
            path = self.path
            self._app = self._bare() if path is None else self._load(path)
        return self._app

    @property
    def path(self) -> str | None:
        """Where the application's code is, or None when the command works without it."""
        if self.database_url is not None:
            return None
        return self.app_path or _configured_path()

    @property
    def configured_url(self) -> str | None:
        """The address of the database that was named in any way, or None."""
        from packhorse.config import Settings

        if self.path is not None:
            return self.app.settings.database_url
        return Settings.load(database_url=self.database_url).database_url

    @property
    def needed_path(self) -> str:
        """Where the application's code is.

        Raises:
            ConfigurationError: it was not named; the message lists the places that were looked at.
        """
        path = self.path
        if path is None:
            raise ConfigurationError(
                "no application is named. Give -A module:app, as in -A shop.jobs:app. Looked at: -A, PACKHORSE_APP, "
                f"`app` in packhorse.toml or under [tool.packhorse] in pyproject.toml, from {Path.cwd()} upwards"
            )
        return path

    @property
    def found(self) -> Packhorse:
        """The application, when its database is there already: a command that only looks creates none.

        Raises:
            DatabaseUnreachable: the SQLite file does not exist.
        """
        engine = self.app.engine
        if engine.dialect == SQLITE and not Path(engine.address).exists():
            raise DatabaseUnreachable(
                f"{engine.address} does not exist. Correct the address, or create it with `packhorse migrate up`; "
                "the first enqueue and the first worker create it, too"
            )
        return self.app

    @property
    def existing(self) -> Packhorse:
        """The same, when its schema fits this version, too.

        Raises:
            SchemaError: it is missing, older or newer.
        """
        self.found.engine.check_schema()
        return self.app

    @property
    def ready(self) -> Packhorse:
        """The application with a database that takes jobs; on SQLite it is created where it is missing.

        Raises:
            SchemaError: the schema is missing (on PostgreSQL), older or newer.
        """
        engine = self.app.engine
        if engine.dialect == SQLITE:
            engine.installation_id()
        engine.check_schema()
        return self.app

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._app is not None:
            self._app.close()

    @staticmethod
    def _load(path: str) -> Packhorse:
        from packhorse.cli.application import load

        return load(path)

    def _bare(self) -> Packhorse:
        from packhorse.app import Packhorse

        app = Packhorse(self.database_url, schema=self.schema, worker="processes")
        if app.settings.database_url is None:
            raise ConfigurationError(
                "no database is named. Give --database-url sqlite:///file.db or postgresql://…, or -A module:app. "
                "Looked at: both options, PACKHORSE_APP, PACKHORSE_DATABASE_URL, DATABASE_URL, and `app` and "
                "`database_url` in packhorse.toml or under [tool.packhorse] in pyproject.toml, "
                f"from {Path.cwd()} upwards"
            )
        return app


def _configured_path() -> str | None:
    from packhorse.config import Settings

    return Settings.load().app
