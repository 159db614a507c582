"""The task API that this Django has: its own, or the backport's."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import django

OWN = 6
"""The first Django that has one."""
NAME = "django.tasks" if django.VERSION[0] >= OWN else "django_tasks"
tasks: Any = import_module(NAME)
exceptions: Any = import_module(f"{NAME}.exceptions")
signals: Any = import_module(f"{NAME}.signals")
InvalidTask: Any = exceptions.InvalidTask if hasattr(exceptions, "InvalidTask") else exceptions.InvalidTaskError


def task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Its `task`, with a type."""
    made: Callable[[Callable[..., Any]], Any] = tasks.task(**options)
    return made
