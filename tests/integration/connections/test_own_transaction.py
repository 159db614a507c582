"""A transaction of the application's own is one block."""

import asyncio
from collections.abc import Iterator

import pytest

from packhorse import Packhorse, UsageError


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application with a schema."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


@pytest.mark.accepts("C2")
def test_a_block_inside_the_block_is_refused_and_leaves_nothing(app: Packhorse) -> None:
    """Its end would commit what the outer block may yet roll back: neither's job is there afterwards."""

    def nest() -> None:
        with app.transaction() as tx:
            app.named("receipt").using(conn=tx).enqueue(1)
            with app.transaction(tx) as inner:
                app.named("receipt").using(conn=inner).enqueue(2)

    with pytest.raises(UsageError, match="open already"):
        nest()

    assert sum(app.count_jobs().values()) == 0


@pytest.mark.accepts("C2")
def test_the_same_for_coroutines(app: Packhorse) -> None:
    """Neither block's job is there afterwards."""

    async def nest() -> None:
        async with app.transaction() as tx:
            await app.named("receipt").using(conn=tx).aenqueue(1)
            async with app.transaction(tx) as inner:
                await app.named("receipt").using(conn=inner).aenqueue(2)

    with pytest.raises(UsageError, match="open already"):
        asyncio.run(nest())

    assert sum(app.count_jobs().values()) == 0
