"""What a process does at this moment: which jobs run, and the stacks of all threads and coroutines."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packhorse.runtime.lanes import Slot

MOST_NAMED = 5
"""How many threads with the same stack are named."""


def stacks_of(runs: Sequence[Slot] = (), loop: asyncio.AbstractEventLoop | None = None) -> str:
    """The text. No arguments and no variables are in it, only places in the code.

    Args:
        runs: the jobs that run.
        loop: the event loop that some of them run on.
    """
    lines = [f"packhorse: process {os.getpid()}, jobs running: {len(runs)}\n"]
    lines += [_line_of(run) for run in sorted(runs, key=lambda run: run.started)]
    lines += _threads({run.thread: run for run in runs})
    lines += _coroutines(loop)
    return "".join(lines)


def write_stacks(text: str) -> None:
    """Write it to standard error, in as few pieces as the system allows, past every lock that a thread may hold."""
    rest = text.encode("utf-8", "backslashreplace")
    with suppress(OSError):
        while rest:
            rest = rest[os.write(2, rest) :]


def _line_of(run: Slot) -> str:
    late = ", over its time limit" if run.late else ""
    seconds = time.monotonic() - run.started
    return f"  job {run.job.id} ({run.job.task}), attempt {run.job.attempt}: running for {seconds:.1f} s{late}\n"


def _threads(runs: dict[int, Slot]) -> Iterator[str]:
    """The stack of each thread that runs a job, and once each that others have: most threads wait at the same place."""
    frames = sys._current_frames()  # noqa: SLF001 - documented, the only way
    alike: dict[tuple[str, str], list[str]] = {}
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is None or thread is threading.current_thread():
            continue
        run = runs.get(thread.ident or 0)
        job = f", job {run.job.id}" if run and not thread.name.startswith("packhorse-loop") else ""
        alike.setdefault((job, "".join(traceback.format_stack(frame))), []).append(thread.name)
    for (job, stack), names in alike.items():
        yield f"{_named(names)}{job}\n{stack}"


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"thread {names[0]}"
    rest = len(names) - MOST_NAMED
    return f"{len(names)} threads, {', '.join(names[:MOST_NAMED])}{f' and {rest} more' if rest > 0 else ''}"


def _coroutines(loop: asyncio.AbstractEventLoop | None) -> Iterator[str]:
    tasks: Iterable[asyncio.Task[Any]] = ()
    if loop is not None:
        with suppress(RuntimeError):  # too many came and went while they were listed
            tasks = asyncio.all_tasks(loop)
    for task in sorted(tasks, key=asyncio.Task.get_name):
        yield f"coroutine {task.get_name()}\n"
        yield from traceback.StackSummary.extract(_awaited(task.get_coro())).format()


def _awaited(coroutine: Any) -> Iterator[tuple[Any, int]]:
    """The frames of a coroutine and of what it awaits, the innermost last; `Task.get_stack` gives the first alone."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield frame, frame.f_lineno
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
