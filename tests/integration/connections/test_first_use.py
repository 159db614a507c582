"""The very first enqueue into a fresh SQLite file may come inside the caller's open write transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from packhorse import Packhorse
from tests.integration.connections.conftest import KINDS, cases
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import Wired, path_of

pytestmark = [
    pytest.mark.accepts("C1", "C2"),
    pytest.mark.parametrize("case", cases([kind for kind in KINDS if kind[0] == "sqlite"]), indirect=True),
]


@pytest.fixture
def shop(url: str) -> Iterator[Shop]:
    """An application whose database has its own table, and nothing of ours yet."""
    with closing(sqlite3.connect(path_of(url))) as connection:
        connection.execute("CREATE TABLE sale (id bigint)")
    app = Packhorse(url)
    yield Shop(app, url)
    app.close()


def test_the_schema_comes_with_the_callers_commit(shop: Shop, wired: Wired) -> None:
    """Row, job and schema appear together; afterwards everything is as ever."""
    wired.begin()
    wired.write()
    first = wired.enqueue(shop.send, 1)
    second = wired.enqueue(shop.send, 2)
    wired.commit()

    assert shop.claims() == [first.id, second.id]
    assert shop.count_sales() == 1
    shop.send.enqueue(3)
    assert shop.count_jobs() == 3


def test_a_rollback_takes_the_schema_with_it(shop: Shop, wired: Wired) -> None:
    """The next enqueue brings it again."""
    wired.begin()
    wired.write()
    wired.enqueue(shop.send, 1)
    wired.rollback()
    assert shop.count_sales() == 0

    wired.begin()
    wired.write()
    handle = wired.enqueue(shop.send, 2)
    wired.commit()

    assert shop.claims() == [handle.id]
