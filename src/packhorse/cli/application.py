"""Finding and importing the application that `-A`, the environment or the settings file names."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from packhorse.app import Packhorse
from packhorse.errors import ConfigurationError, DatabaseError
from packhorse.task import BoundTask

T = TypeVar("T")

DEFAULT_ATTRIBUTE = "app"
NOT_THEIRS = ("<frozen", str(Path(__file__).parents[1]))
"""How the names of files begin that never hold the user's mistake: the import system's, and ours."""


def load(path: str) -> Packhorse:
    """Import the application at `package.module:attribute`; without an attribute, `app` is taken.

    The current folder is importable. The attribute may lie deeper (`module:shop.app`), or be a plain function that
    takes no argument and makes the application; nothing else is called, and no task.

    Raises:
        ConfigurationError: there is no such module or attribute, it is something else, or its own code failed; the
            message says where, in one line.
        DatabaseError: the application's own code used the database, and that failed.
    """
    module_name, _, attribute = path.partition(":")
    if not module_name or not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigurationError(f"{path!r} names no application; write package.module:attribute, as in shop.jobs:app")
    module = _import(module_name, path)
    found = _attribute(module, attribute or DEFAULT_ATTRIBUTE, path)
    if isinstance(found, FunctionType):
        found, path = _made(found, path, module), f"what {path}() returned"
    if isinstance(found, BoundTask):
        raise ConfigurationError(f"{path} is a task, not an app{_instances(module)}")
    if not isinstance(found, Packhorse):
        raise ConfigurationError(f"{path} is {_kind(found)}, not an app{_instances(module)}")
    return found


def look_here_first() -> str:
    """Make the modules of the current folder importable, as `python -m` does; the folder."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    return folder


def _made(function: FunctionType, path: str, module: ModuleType) -> Any:
    """What a function returns that is to make the application."""
    if inspect.iscoroutinefunction(function):
        raise ConfigurationError(f"{path} is a coroutine function, not an app{_instances(module)}")
    needed = [one.name for one in inspect.signature(function).parameters.values() if _is_needed(one)]
    if needed:
        raise ConfigurationError(
            f"{path} is a function that takes {', '.join(needed)}; one that makes an app takes nothing"
            f"{_instances(module)}"
        )
    return _guarded(function, f"{path}() failed")


def _is_needed(parameter: inspect.Parameter) -> bool:
    is_variable = parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and not is_variable


def _import(name: str, path: str) -> ModuleType:
    folder = look_here_first()
    _set_up_django()
    try:
        return _guarded(lambda: importlib.import_module(name), f"importing {name} failed")
    except _MissingModule as error:
        if not error.is_part_of(name):
            raise
        raise ConfigurationError(_not_found(name, error.missing, path, folder)) from None


def _set_up_django() -> None:
    """Where the environment names Django's settings, its models have to be loaded before a module may use them."""
    named = os.environ.get("DJANGO_SETTINGS_MODULE")
    if named and importlib.util.find_spec("django") is not None:
        django = importlib.import_module("django")
        _guarded(django.setup, f"setting up Django with DJANGO_SETTINGS_MODULE={named} failed")


class _MissingModule(ConfigurationError):
    """An import found no module; whether it is the application's own is still to be seen."""

    def __init__(self, message: str, missing: str) -> None:
        super().__init__(message)
        self.missing = missing

    def is_part_of(self, name: str) -> bool:
        """Whether the missing module is `name` or one of the packages around it."""
        return name == self.missing or name.startswith(f"{self.missing}.")


def _guarded(step: Callable[[], T], what: str) -> T:
    """Do a step that runs the user's code; whatever it raises becomes one line that says where."""
    try:
        return step()
    except (KeyboardInterrupt, DatabaseError):
        raise
    except ModuleNotFoundError as error:
        raise _MissingModule(_told(what, error), error.name or "") from None
    except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
        raise ConfigurationError(_told(what, error)) from None


def _told(what: str, error: BaseException) -> str:
    place = _place(error)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = message.strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"{what}: {text}{f' ({place})' if place else ''}"


def _place(error: BaseException) -> str:
    """The file and line of the mistake: the innermost one in the current folder, else the innermost not of ours."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}"
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(NOT_THEIRS)]
    near = [frame for frame in theirs if _is_near(Path(frame.filename))]
    return "".join(f"{_shown(frame.filename)}:{frame.lineno}" for frame in (near or theirs)[-1:])


def _is_near(path: Path) -> bool:
    return path.is_relative_to(Path.cwd()) and "site-packages" not in path.parts


def _shown(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def _not_found(name: str, missing: str, path: str, folder: str) -> str:
    *around, last = missing.split(".")
    place = Path(folder, *around)
    names = {one.stem for one in place.glob("*.py")} | {one.parent.name for one in place.glob("*/__init__.py")}
    close = difflib.get_close_matches(last, names, n=1)
    hint = f"; did you mean {'.'.join([*around, close[0]])!r}?" if close else ""
    return f"{path}: there is no module {missing!r} in {folder} or on the Python path{hint}"


def _attribute(module: ModuleType, attribute: str, path: str) -> Any:
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = difflib.get_close_matches(part, dir(found), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else _instances(module)
            raise ConfigurationError(f"{path}: {_kind(found)} has no attribute {part!r}{hint}")
        found = getattr(found, part)
    return found


def _instances(module: ModuleType) -> str:
    names = [f"{module.__name__}:{name}" for name, value in vars(module).items() if isinstance(value, Packhorse)]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def _kind(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, type):
        return "a class"
    name = type(value).__qualname__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
