"""The options of a task are written where they are checked, and where the reader's editor shows them: `app.task`."""

import inspect
from typing import get_overloads

from packhorse import Packhorse
from packhorse.options import task_options


def test_app_task_shows_exactly_the_options_that_there_are() -> None:
    """The same names, types and defaults in the same order."""
    shown = inspect.signature(get_overloads(Packhorse.task)[-1]).parameters
    taken = inspect.signature(task_options).parameters

    assert list(shown.values())[1:] == list(taken.values())[1:]
