"""When what a request has enqueued is stored: what the middleware for ASGI and for WSGI have in common."""

from collections.abc import Callable
from typing import Final

Keeps = Callable[[int], bool]
"""Whether the jobs of a request are stored that is answered with this status."""

FIRST_ERROR: Final = 400


def is_no_error(status: int) -> bool:
    """Below 400. A refusal that was raised in a handler can't be told from one that it returned."""
    return status < FIRST_ERROR
