"""The modules that hold an application's tasks: imported when tasks are wanted, and set aside while they can't be.

A module that fails takes none of the others along. The tasks that it would have brought are unknown meanwhile, so their
jobs wait; when it can be imported they are known, and the jobs come back.
"""

from __future__ import annotations

import importlib
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from packhorse.errors import ConfigurationError
from packhorse.task import TaskRegistry

_NOT_THEIRS = "<frozen"
"""How the names of files of the import system begin."""


class TaskModules:
    """The modules that an application includes.

    Args:
        registry: where their tasks register themselves.
    """

    def __init__(self, registry: TaskRegistry) -> None:
        self._registry = registry
        self._wanted: dict[str, None] = {}
        self._loaded: set[str] = set()
        self._failures: dict[str, str] = {}
        self._loading = threading.Lock()

    @property
    def names(self) -> Sequence[str]:
        """All of them, in the order in which they were included."""
        return list(self._wanted)

    @property
    def failures(self) -> Mapping[str, str]:
        """Those that could not be imported, with the error in one line."""
        return dict(self._failures)

    def include(self, *names: str) -> None:
        """Name modules; they are imported later, so that they may import the module that includes them.

        Raises:
            ConfigurationError: that is no module's name.
        """
        for name in names:
            if not all(part.isidentifier() for part in name.split(".")):
                raise ConfigurationError(f"{name!r} is no module's name; write package.module, as in 'shop.jobs'")
            self._wanted[name] = None

    def load(self) -> Sequence[str]:
        """Import those that have not been imported yet; the ones for which it worked now."""
        with self._loading:
            importlib.invalidate_caches()
            return [name for name in list(self._wanted) if name not in self._loaded and self._load(name)]

    def _load(self, name: str) -> bool:
        before = set(sys.modules)
        try:
            self._registry.publish(
                lambda: importlib.import_module(name), stays=lambda task: _is_whole(task.function.__module__, before)
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
            self._failures[name] = told(error)
            return False
        self._failures.pop(name, None)
        self._loaded.add(name)
        return True


def _is_whole(module: str, before: set[str]) -> bool:
    """Whether it is one of those that a module which failed had imported with success."""
    return module not in before and module in sys.modules


def told(error: BaseException) -> str:
    """An error in one line, with the file and line that it came from."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = message.strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    place = _place(error)
    return f"{text} ({place})" if place else text


def _place(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}"
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(_NOT_THEIRS)]
    theirs = [one for one in frames if one.filename not in (__file__, importlib.__file__)]
    return "".join(f"{_shown(one.filename)}:{one.lineno}" for one in theirs[-1:])


def _shown(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
