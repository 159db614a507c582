"""Its tasks."""

import os
import signal
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from packhorse import Backoff, Skip
from packhorse.integrations.django import packhorse_options
from tests.integration.djangotasks.api import task
from tests.integration.djangotasks.models import Note

AT_ONCE = Backoff(timedelta(0))


class OutOfPaperError(Exception):
    """What goes wrong here."""


@task()
def add(one: int, two: int) -> int:
    """Return something."""
    return one + two


@task()
async def aadd(one: int, two: int) -> int:
    """Do so in a coroutine, which asks the database as well."""
    await sync_to_async(write)("from a coroutine")
    return one + two


@task(takes_context=True)
@packhorse_options(max_attempts=2, backoff=AT_ONCE)
def second_time(context: Any, what: str) -> list[object]:
    """Fail once."""
    if context.attempt == 1:
        raise OutOfPaperError(what)
    return [context.attempt, len(context.task_result.errors), context.task_result.args]


@task()
@packhorse_options(max_attempts=1)
def fail(what: str) -> None:
    """Fail for good."""
    write(what)
    raise OutOfPaperError(what)


@task()
def skip() -> None:
    """Use an outcome of Packhorse."""
    raise Skip("not yet")


@task(takes_context=True)
def die_once(context: Any) -> int:
    """Take the first worker along."""
    if context.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(context.attempt)


@task(takes_context=True)
@packhorse_options(isolation="process", timeout=timedelta(minutes=1))
def isolated(context: Any) -> list[object]:
    """Run in a child process."""
    return [context.attempt, str(context.task_result.status)]


@task(queue_name="mail", priority=7)
def note(text: str) -> None:
    """Write something."""
    write(text)


@task()
def is_atomic() -> bool:
    """Whether there is a transaction around the task."""
    return bool(connection.in_atomic_block)


@task(backend="atomic")
@packhorse_options(max_attempts=1)
def write_and_fail() -> None:
    """Leave nothing."""
    assert connection.in_atomic_block
    write("undone")
    raise OutOfPaperError


@task(backend="atomic")
async def aatomic() -> bool:
    """A coroutine in the transaction of its thread."""
    await sync_to_async(write)("kept")
    return bool(await sync_to_async(lambda: connection.in_atomic_block)())


@task()
def unstorable() -> object:
    """Return what JSON can't carry."""
    return object()


def write(text: str) -> None:
    """Write a note."""
    Note.objects.create(text=text)
