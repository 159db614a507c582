"""A coroutine that enqueues on its own connection needs nothing but that."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.connections.conftest import cases
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import Aiosqlite, Asyncpg, PsycopgAsync, Wired, WiredAsync

CASES = cases([("sqlite", Aiosqlite), ("postgresql", PsycopgAsync), ("postgresql", Asyncpg)])


@pytest.mark.accepts("C1")
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_enqueueing_does_not_wait_for_the_loops_threads(shop: Shop, wired: Wired) -> None:
    """All of them may be busy with the application's own work; only the first enqueue ever looks at the database."""
    assert isinstance(wired, WiredAsync)
    wired.begin()
    wired.enqueue(shop.send, 1)
    busy = threading.Event()

    async def enqueue_beside_busy_threads() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=1))
        work = loop.run_in_executor(None, busy.wait, 20)
        try:
            async with asyncio.timeout(5):
                await shop.send.using(conn=wired.raw).aenqueue(2)
        finally:
            busy.set()
            await work

    wired.run(enqueue_beside_busy_threads())
    wired.commit()

    assert shop.count_jobs() == 2
