"""What is done on a caller's connection, step by step: written once, followed on either kind of connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from packhorse.connection import AsyncConnection, Connection
from packhorse.statement import Row, Statement

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class AskPlace:
    """Asks which database the connection reaches; the answer is the connection's `place()`."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Work of ours that is not done on the connection and may wait for a database; answered with what it returns.

    On an event loop it is done in a thread.
    """

    work: Callable[[], Any]


Step = Statement | AskPlace | Aside
Steps = Generator[Step, Any, R]
"""Each step is answered, a statement by its rows, or its error is raised where it was asked for."""


def run_steps(writing: Generator[Statement, list[Row], R], run: Callable[[Statement], list[Row]]) -> R:
    """Run statements one after the other, each with the rows of the one before at hand; what they come to."""
    try:
        rows = run(next(writing))
        while True:
            rows = run(writing.send(rows))
    except StopIteration as end:
        result: R = end.value
        return result


def follow(steps: Steps[R], connection: Connection) -> R:
    """Take the steps on a synchronous connection; what they come to."""
    try:
        step = next(steps)
        while True:
            try:
                answer = _answer(step, connection)
            except Exception as error:  # noqa: BLE001 - it is for the steps to judge
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result


async def afollow(steps: Steps[R], connection: AsyncConnection) -> R:
    """Take the steps on a connection for coroutines; what they come to."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await _aanswer(step, connection)
            except Exception as error:  # noqa: BLE001 - it is for the steps to judge
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result


def _answer(step: Step, connection: Connection) -> object:
    if isinstance(step, Statement):
        return connection.run(step)
    return step.work() if isinstance(step, Aside) else connection.place()


async def _aanswer(step: Step, connection: AsyncConnection) -> object:
    if isinstance(step, Statement):
        return await connection.run(step)
    return await (asyncio.to_thread(step.work) if isinstance(step, Aside) else connection.place())
