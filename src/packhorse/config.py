"""Settings: from keywords, then `PACKHORSE_*` in the environment, then packhorse.toml or pyproject.toml."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args
from urllib.parse import quote

from packhorse.domain.naming import check_schema_name
from packhorse.errors import ConfigurationError

WorkerMode = Literal["processes", "inline", "immediate"]
"""Who runs the jobs: processes started with `packhorse worker`; the producer itself, after its commit; or, in tests
under Django that never commit, the producer at the enqueue."""

TABLE = "[tool.packhorse]"
RELATIVE_FILE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?P<file>[^/~:].*)", re.DOTALL)
"""The address of a SQLite file in no folder of its own: neither absolute, nor under a home, nor `:memory:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an application uses Packhorse.

    Attributes:
        database_url: where the jobs are: `sqlite:///file.db`, `postgresql://…`, or `django://alias`; without it,
            and without PACKHORSE_DATABASE_URL, the environment's DATABASE_URL is taken. A relative file in the settings
            file lies beside that, wherever the program was started; any other in the current folder.
        schema: the PostgreSQL schema that holds the tables; `packhorse`.
        worker: `processes` (the default) leaves the jobs to `packhorse worker`; `inline` runs them in the producer's
            thread, after its commit; `immediate`, with `django://` only, runs them at the enqueue, inside the open
            transaction, for tests.
        files: the folder on the local disk that `ctx.files` writes to; none by default. A relative one in the settings
            file lies beside that; any other in the current folder.
        app: where the commands find the application, `package.module:attribute`, when they get no `-A`.
    """

    database_url: str | None = None
    schema: str = "packhorse"
    worker: WorkerMode = "processes"
    files: str | None = None
    app: str | None = None

    def __post_init__(self) -> None:
        for name in ("database_url", "schema", "worker", "files", "app"):
            is_optional = name in ("database_url", "files", "app")
            if not isinstance(getattr(self, name), str | None if is_optional else str):
                raise ConfigurationError(f"the setting {name} must be a text, not {getattr(self, name)!r}")
        check_schema_name(self.schema)
        if self.worker not in get_args(WorkerMode):
            known = " or ".join(get_args(WorkerMode))
            raise ConfigurationError(
                f"worker must be {known}, not {self.worker!r}{_did_you_mean(self.worker, *get_args(WorkerMode))}"
            )

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, folder: Path | None = None, **given: Any) -> Self:
        """The settings in force.

        Args:
            environ: the environment; the process's own by default.
            folder: where to look for packhorse.toml or pyproject.toml, then in the folders above it; the current one.
            given: settings by keyword; None leaves one to the environment and the file.

        Raises:
            ConfigurationError: a setting is unknown or wrong; the message says where it stands.
        """
        environ = os.environ if environ is None else environ
        values = _from_file(Path.cwd() if folder is None else folder)
        if "DATABASE_URL" in environ and "database_url" not in values:
            values["database_url"] = environ["DATABASE_URL"]
        values |= {name: environ[_variable(name)] for name in _names() if environ.get(_variable(name))}
        _require_known(given, "Packhorse()")
        return cls(**values | {name: value for name, value in given.items() if value is not None})


def _from_file(folder: Path) -> dict[str, Any]:
    for place in (folder, *folder.parents):
        if (own := place / "packhorse.toml").is_file():
            return _placed(_known(_read(own), str(own)), place)
        if (project := place / "pyproject.toml").is_file():
            return _placed(_known(_table(_read(project), project), f"{TABLE} in {project}"), place)
    return {}


def _table(document: dict[str, Any], path: Path) -> Any:
    tools = document.get("tool", {})
    if not isinstance(tools, dict):
        raise ConfigurationError(f"[tool] in {path} must be a table")
    return tools.get("packhorse", {})


def _placed(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings of a file in this folder, with what they name by relative paths in the same folder."""
    url, files = values.get("database_url"), values.get("files")
    match = RELATIVE_FILE.fullmatch(url) if isinstance(url, str) else None
    placed: dict[str, str] = {}
    if match is not None:
        placed["database_url"] = f"{match['scheme']}{quote(str(folder.absolute()))}/{match['file']}"
    if isinstance(files, str) and not files.startswith("~"):
        placed["files"] = str(folder.absolute() / files)
    return values | placed


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error


def _known(values: Any, place: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigurationError(f"{place} must be a table of settings")
    _require_known(values, place)
    return dict(values)


def _require_known(values: Mapping[str, Any], place: str) -> None:
    for name in values:
        if name not in _names():
            raise ConfigurationError(f"{place}: there is no setting {name!r}{_did_you_mean(name, *_names())}")


def _names() -> tuple[str, ...]:
    return tuple(one.name for one in fields(Settings))


def _variable(name: str) -> str:
    return f"PACKHORSE_{name.upper()}"


def _did_you_mean(name: str, *known: str) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
