"""The project's application, as its settings describe it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from packhorse.app import Packhorse
from packhorse.backends import DJANGO
from packhorse.errors import ConfigurationError
from packhorse.integrations.django.configuration import SETTING, Configuration
from packhorse.integrations.django.database import set_up

PLACE = f"{__name__}:application"
"""What `packhorse worker -A` takes."""
OURS = __name__.rpartition(".")[0]

_made: dict[str, Packhorse] = {}
_making = threading.RLock()


def application() -> Packhorse:
    """The `Packhorse` of this project: that of APP in the settings' PACKHORSE, else one made of them; always the same.

    It may be called at the top of a module. Its tasks' modules are imported when tasks are wanted, by a worker or a
    command; nothing is opened before the first use.

    Raises:
        ConfigurationError: a setting is wrong, or Django can't be set up.
    """
    if not (apps.ready or apps.loading):
        set_up(f"{DJANGO}default")
    with _making:
        if SETTING not in _made:
            _make(Configuration.read())
    return _made[SETTING]


def include_modules() -> None:
    """Name the modules of tasks to an application that was made before all of Django's had been loaded."""
    if SETTING in _made:
        _made[SETTING].include(*task_modules(Configuration.read()))


def task_modules(configuration: Configuration) -> Iterator[str]:
    """The modules that are imported to find tasks, whether they can be or not."""
    for name in configuration.modules:
        if "." in name:
            yield name
        else:
            inside = (f"{config.name}.{name}" for config in apps.get_app_configs() if config.name != OURS)
            yield from (module for module in inside if find_spec(module) is not None)


def _make(configuration: Configuration) -> None:
    found = _named(configuration.app, configuration) if configuration.app else _of_settings(configuration)
    app = _made.setdefault(SETTING, found)
    if apps.ready:
        app.include(*task_modules(configuration))


def _of_settings(configuration: Configuration) -> Packhorse:
    return Packhorse(
        f"{DJANGO}{configuration.database}",
        schema=configuration.schema,
        worker=configuration.worker,
        files=configuration.files,
    )


def _named(place: str, configuration: Configuration) -> Packhorse:
    """The project's own object, whose jobs are where the settings say."""
    try:
        found = _imported(place)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{SETTING}['APP']: {place} can't be imported: {error}") from error
    if not isinstance(found, Packhorse):
        raise ConfigurationError(f"{SETTING}['APP']: {place} is a {type(found).__name__}, not a Packhorse")
    wanted = _of_settings(configuration).settings
    if (found.settings.database_url, found.settings.schema) != (wanted.database_url, wanted.schema):
        raise ConfigurationError(
            f"{SETTING}['APP']: the jobs of {place} must be where the settings say, in schema {wanted.schema} of "
            f"{wanted.database_url}: make it so, or change {SETTING}['DATABASE'] and {SETTING}['SCHEMA']"
        )
    return found


def _imported(place: str) -> object:
    module, colon, attribute = place.partition(":")
    return getattr(import_module(module), attribute or "app") if colon else import_string(place)


def _forget(*, setting: str, **_: Any) -> None:
    """With other settings there is another application; for tests."""
    if setting == SETTING and (app := _made.pop(SETTING, None)) is not None:
        app.close()


setting_changed.connect(_forget)
