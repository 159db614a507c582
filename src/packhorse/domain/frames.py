"""Where in a traceback the handler begins: what stands before it is ours, and tells its author nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_OURS: Final = f"{Path(__file__).parents[1]}/"
_callers: Final = set[CodeType]()


def calls_handlers(function: F) -> F:
    """Mark a function of ours that calls a handler: in a traceback, what comes behind it is the handler's."""
    _callers.add(function.__code__)
    return function


def handlers_part(error: BaseException) -> TracebackType | None:
    """The error's traceback from the handler's own frame on; all of it where no handler was called."""
    caller, frame = None, error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_OURS):
        caller, frame = frame, frame.tb_next
    is_handlers = frame is not None and caller is not None and caller.tb_frame.f_code in _callers
    return frame if is_handlers else error.__traceback__
