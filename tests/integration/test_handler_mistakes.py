"""A handler that is written wrongly fails with what to write; it does not succeed without having done anything."""

import asyncio
import functools
import gc
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from packhorse import ConfigurationError, Context, Fail, JobRecord, JobState, Packhorse, Skip
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import INSERT


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """An application with a table of its own; a warning of Python's about a forgotten await fails the test."""
    with Shop.opened(Packhorse(database_url), database_url) as shop, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield shop
        gc.collect()


def outcome_of(app: Packhorse, handler: Callable[..., Any], **options: Any) -> JobRecord:
    """The record of a job that was run once."""
    handle = app.task(name="handler", **options)(handler).enqueue()
    app.run_pending()
    return handle.record()


async def nothing() -> None:
    """A coroutine function of the application's."""


def plain(value: Any) -> Callable[[], Any]:
    """A function that returns it."""
    return lambda: value() if value is nothing else value


def coroutine(value: Any) -> Callable[[], Any]:
    """A coroutine function that returns it."""

    async def handler() -> Any:
        return value() if value is nothing else value

    return handler


@pytest.mark.parametrize("kind", [plain, coroutine], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("verdict", [Fail, Skip], ids=lambda verdict: verdict.__name__)
@pytest.mark.parametrize("keep_result", [True, False], ids=["kept", "dropped"])
def test_the_class_of_an_outcome_is_none(shop: Shop, kind: Any, verdict: type, keep_result: bool) -> None:
    """Returned without a call; it fails at once, since trying again is useless."""
    record = outcome_of(shop.app, kind(verdict), keep_result=keep_result)

    assert (record.state, record.attempt) == (JobState.FAILED, 1)
    assert f"write `return {verdict.__name__}(" in str(record.error_message)


@pytest.mark.parametrize("kind", [plain, coroutine], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("keep_result", [True, False], ids=["kept", "dropped"])
def test_a_coroutine_is_no_result(shop: Shop, kind: Any, keep_result: bool) -> None:
    """Nobody has run it, so nothing has been done."""
    record = outcome_of(shop.app, kind(nothing), keep_result=keep_result)

    assert record.state is JobState.FAILED
    assert "nothing(…), which nobody has awaited" in str(record.error_message)
    assert "return await" in str(record.error_message)


def test_nor_is_a_future(shop: Shop) -> None:
    """What goes on after the handler has ended is nobody's."""

    async def handler() -> Any:
        return asyncio.create_task(asyncio.sleep(0))

    assert outcome_of(shop.app, handler).state is JobState.FAILED


def test_a_function_around_a_coroutine_function_is_told_to_await(shop: Shop) -> None:
    """As a decorator makes it that knows only plain functions."""

    @functools.wraps(nothing)
    def handler() -> Any:
        return nothing()

    assert "make the handler `async def`" in str(outcome_of(shop.app, handler).error_message)


@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
def test_a_raised_class_is_an_outcome(shop: Shop, is_async: bool) -> None:
    """Python itself makes an instance of it."""

    def handler() -> None:
        raise Skip

    async def ahandler() -> None:
        raise Skip

    record = outcome_of(shop.app, ahandler if is_async else handler)
    assert (record.state, record.skips, record.failures) == (JobState.SCHEDULED, 1, 0)


def test_a_generator_is_no_handler() -> None:
    """A call of it would run nothing; said where it is defined."""
    app = Packhorse("sqlite:///never.db")

    def generator() -> Iterator[int]:
        yield 1

    async def agenerator() -> AsyncIterator[int]:
        yield 1

    for function in (generator, agenerator):
        with pytest.raises(ConfigurationError, match="yield"):
            app.task(name="handler")(function)


@pytest.mark.accepts("C7")
def test_a_write_without_await_fails_the_job(shop: Shop) -> None:
    """And undoes what was awaited: the handler's writes are one thing."""

    async def handler(ctx: Context) -> None:
        await ctx.tx.execute(INSERT)
        ctx.tx.execute("DELETE FROM sale")

    record = outcome_of(shop.app, handler, atomic=True)

    assert (record.state, shop.count_sales()) == (JobState.FAILED, 0)
    assert "`ctx.tx.execute('DELETE FROM sale')` was never awaited" in str(record.error_message)


@pytest.mark.accepts("C7")
def test_writes_that_are_awaited_elsewhere_are_none(shop: Shop) -> None:
    """Together, in a task of their own, and later: none is taken for forgotten, and none is kept for long."""
    kept: list[int] = []

    async def handler(ctx: Context) -> None:
        later = ctx.tx.execute(INSERT)
        await asyncio.create_task(ctx.tx.execute(INSERT))
        await asyncio.gather(ctx.tx.execute(INSERT), ctx.tx.execute(INSERT))
        await later
        for _ in range(10):
            await ctx.tx.execute(INSERT)
            kept.append(len(ctx.tx._executed))

    record = outcome_of(shop.app, handler, atomic=True)

    assert (record.state, shop.count_sales()) == (JobState.SUCCEEDED, 14)
    assert kept[-1] == 1


def test_a_handler_that_raises_is_told_of_that_alone(shop: Shop) -> None:
    """Its own error is what a person must see."""

    async def handler(ctx: Context) -> None:
        await ctx.tx.execute(INSERT)
        raise ValueError("no")

    assert outcome_of(shop.app, handler, atomic=True, max_attempts=1).error_message == "no"
