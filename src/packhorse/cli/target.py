"""What a command works on: the application that the user named, or only its database."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from packhorse.cli.exits import Complaint, code_of, warn
from packhorse.cli.suggestions import completed, without_password
from packhorse.errors import ConfigurationError, DatabaseUnreachable, PackhorseError

if TYPE_CHECKING:
    from packhorse.app import Packhorse

SQLITE = "sqlite"
ANY_APP = "module:app"
"""Stands for the address of an application that nobody has named."""


@dataclass(slots=True)
class Target:
    """The application or database of one command; closed when the command ends.

    An error of ours that ends the command is told with suggestions that reach the same application or database.

    Attributes:
        app_path: where the application is, `module:attribute`; None looks into the settings file.
        database_url: the database alone, without the application's code.
        schema: the PostgreSQL schema, with `database_url`.
        is_named: whether `app_path` is from the command line, so that the next command will not find it by itself.
    """

    app_path: str | None = None
    database_url: str | None = None
    schema: str | None = None
    is_named: bool = False
    _app: Packhorse | None = field(default=None, init=False)
    _is_without_code: bool = field(default=False, init=False)

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
        if self.database_url is not None or self._is_without_code:
            return None
        return self.app_path or _configured_path()

    @property
    def words(self) -> Sequence[str]:
        """The options that make another command reach the same; a password is left out."""
        if self.database_url is None:
            return ["-A", shlex.quote(self.app_path)] if self.is_named and self.app_path else []
        schema = [] if self.schema is None else ["--schema", shlex.quote(self.schema)]
        return ["--database-url", shlex.quote(without_password(self.database_url)), *schema]

    def completed(self, text: str) -> str:
        """The text with these options in each command that it suggests; a worker is told which application."""
        return completed(text, self.words, lambda: shlex.quote(self.path or ANY_APP))

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

        Code that the command line does not name, and that can't be imported, is done without where the address of the
        database stands elsewhere, too; that is said. A file in a folder that is missing can't be created by looking;
        the engine says so when it is asked.

        Raises:
            DatabaseUnreachable: the SQLite file does not exist, though its folder does.
        """
        engine = self._with_or_without_code().engine
        path = Path(engine.address)
        if engine.dialect == SQLITE and path.parent.is_dir() and not path.exists():
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
        if isinstance(error, PackhorseError):
            raise Complaint(self.completed(str(error)), code_of(error)) from error

    def _with_or_without_code(self) -> Packhorse:
        try:
            return self.app
        except ConfigurationError as error:
            if self.path is None or self.is_named or self.schema is not None or _configured_url() is None:
                raise
            self._is_without_code = True
            warn(f"{error}; without the application's code this is about {self.app.engine.address}")
            return self.app

    def _load(self, path: str) -> Packhorse:
        from packhorse.cli.application import load

        if self.schema is not None:
            raise ConfigurationError(
                f"--schema goes with --database-url; {path} names its schema itself, with Packhorse(schema=…) or "
                "PACKHORSE_SCHEMA"
            )
        return load(path)

    def _bare(self) -> Packhorse:
        from packhorse.app import Packhorse
        from packhorse.backends import DJANGO
        from packhorse.cli.application import look_here_first

        app = Packhorse(self.database_url, schema=self.schema, worker="processes")
        if app.settings.database_url is None:
            raise ConfigurationError(
                "no database is named. Give --database-url sqlite:///file.db or postgresql://…, or -A module:app. "
                "Looked at: both options, PACKHORSE_APP, PACKHORSE_DATABASE_URL, DATABASE_URL, and `app` and "
                "`database_url` in packhorse.toml or under [tool.packhorse] in pyproject.toml, "
                f"from {Path.cwd()} upwards"
            )
        if app.settings.database_url.startswith(DJANGO):
            look_here_first()
        return app


def _configured_url() -> str | None:
    from packhorse.config import Settings

    return Settings.load().database_url


def _configured_path() -> str | None:
    from packhorse.config import Settings

    return Settings.load().app
