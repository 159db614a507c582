"""What a process tells of its threads."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from packhorse.runtime.stacks import stacks_of
from tests.waiting import wait_until


@contextmanager
def waiting(count: int, wait: Callable[[threading.Barrier], object]) -> Iterator[None]:
    """So many threads that wait in a function until the end of the block."""
    barrier = threading.Barrier(count + 1)
    threads = [
        threading.Thread(target=wait, args=(barrier,), name=f"idle-{number}", daemon=True) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: barrier.n_waiting == count, what="the threads to wait")
        yield
    finally:
        barrier.wait(10)
        for thread in threads:
            thread.join(10)


def wait_for_all(barrier: threading.Barrier) -> None:
    """Wait until all have come."""
    barrier.wait(20)


@pytest.mark.parametrize(
    ("count", "heading"),
    [
        (1, r"thread idle-0"),
        (3, r"3 threads, idle-0, idle-1, idle-2"),
        (40, r"40 threads, idle-0, idle-1, idle-2, idle-3, idle-4 and 35 more"),
    ],
)
def test_threads_that_wait_at_the_same_place_are_told_once(count: int, heading: str) -> None:
    """With their number and the names of some; the stack stands below."""
    with waiting(count, wait_for_all):
        text = stacks_of()

    assert len(re.findall(rf"^{heading}$", text, re.MULTILINE)) == 1
    assert text.count("in wait_for_all") == 1
