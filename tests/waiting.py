"""Waiting for a condition with a deadline: the tests' only way to wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.005
"""Seconds between two looks at a condition."""


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """Look at `predicate` until it says something true, and return that.

    Args:
        predicate: what is waited for; an exception in it ends the wait at once.
        timeout: seconds to wait at most; the last look is taken after the deadline.
        what: the condition in words, for the message of a failure.

    Raises:
        AssertionError: it did not come true in time; the message names the last value seen.
    """
    deadline = time.monotonic() + timeout
    while True:
        is_last_look = time.monotonic() >= deadline
        if seen := predicate():
            return seen
        if is_last_look:
            raise AssertionError(f"waited {timeout} s in vain for {what or predicate!r}; last seen: {seen!r}")
        time.sleep(PAUSE)
