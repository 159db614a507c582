"""A job on the caller's connection exists if and only if the caller's transaction commits."""

import pytest

from packhorse.notifiers.local import LocalNotifier
from tests.integration.connections.conftest import SEEING
from tests.integration.connections.shop import Shop
from tests.integration.connections.wired import Wired


@pytest.mark.accepts("C1", "C2")
def test_the_job_commits_with_the_callers_row(shop: Shop, wired: Wired) -> None:
    """Before the commit nobody else sees the row or the job; after it both are there, and the job can be claimed."""
    wired.begin()
    wired.write()
    handle = wired.enqueue(shop.send, 42)
    assert (shop.count_sales(), shop.count_jobs(), shop.can_claim()) == (0, 0, False)

    wired.commit()

    assert (shop.count_sales(), shop.count_jobs()) == (1, 1)
    assert shop.claims() == [handle.id]


@pytest.mark.accepts("C1", "C2")
def test_the_job_is_gone_with_the_callers_rollback(shop: Shop, wired: Wired) -> None:
    """After a rollback there is neither the row nor the job, and the connection can be used again."""
    wired.begin()
    wired.write()
    wired.enqueue(shop.send, 42)
    wired.rollback()
    assert (shop.count_sales(), shop.count_jobs()) == (0, 0)

    wired.begin()
    wired.enqueue(shop.send, 43)
    wired.commit()

    assert len(shop.claims()) == 1


@pytest.mark.accepts("C1", "C2")
@pytest.mark.parametrize("keep", [True, False], ids=["released", "rolled-back"])
def test_a_savepoint_decides_on_the_jobs_in_it(shop: Shop, wired: Wired, keep: bool) -> None:
    """A job enqueued inside a savepoint shares its fate; one outside does not."""
    wired.begin()
    wired.write()
    outside = wired.enqueue(shop.send, 1)
    inside = []
    wired.in_savepoint(lambda: inside.append(wired.enqueue(shop.send, 2)), keep=keep)
    assert shop.count_jobs() == 0

    wired.commit()

    assert shop.claims() == ([outside.id, inside[0].id] if keep else [outside.id])
    assert shop.count_sales() == 1


@pytest.mark.accepts("C1")
def test_nothing_is_committed_for_the_caller(shop: Shop, wired: Wired) -> None:
    """A thousand jobs in three statements leave the transaction open and the earlier write undone by its rollback."""
    wired.begin()
    wired.write()
    calls = [shop.send.call(number) for number in range(1001)]
    if wired.is_async:
        handles = wired.run(shop.app.aenqueue_many(calls, conn=wired.raw))  # type: ignore[attr-defined]
    else:
        handles = shop.app.enqueue_many(calls, conn=wired.raw)

    assert [handle.id for handle in handles] == sorted({handle.id for handle in handles})
    assert shop.count_sales() == 0
    wired.rollback()
    assert (shop.count_sales(), shop.count_jobs()) == (0, 0)


@pytest.mark.accepts("C1")
def test_text_arrives_unchanged_through_every_driver(shop: Shop, wired: Wired) -> None:
    """Percent signs, colons, quotes, dollars, backslashes and other alphabets are data, whatever the driver's style."""
    awkward = "100 % %s %(a)s :name ::text $1 ? \\ ' \" ; -- 日本語 🐴 \u2028"

    @shop.app.task(name="note")
    def note(text: str) -> None: ...

    wired.begin()
    if wired.is_async:
        handle = wired.run(note.using(conn=wired.raw).aenqueue(awkward))  # type: ignore[attr-defined]
    else:
        handle = note.using(conn=wired.raw).enqueue(awkward)
    wired.commit()

    assert note.signature.decode(handle.record().args, None) == ((awkward,), {})


@pytest.mark.accepts("C4")
@pytest.mark.parametrize("case", SEEING, indirect=True)
def test_a_commit_that_can_be_seen_wakes_the_workers_of_this_process(shop: Shop, wired: Wired) -> None:
    """At once, not when they look next; a rollback wakes nobody."""
    woken: list[int] = []
    notifier = LocalNotifier(shop.app.engine.address)
    notifier.listen(lambda: woken.append(shop.count_jobs()))
    wired.begin()
    wired.enqueue(shop.send, 1)
    wired.rollback()
    assert woken == []

    wired.begin()
    wired.enqueue(shop.send, 2)
    wired.enqueue(shop.send, 3)
    assert woken == []
    wired.commit()

    assert woken == [2]
    notifier.close()
