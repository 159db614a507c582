"""Lanes, without a worker around them."""

import asyncio
import contextvars
import threading

import pytest

from packhorse.runtime import lanes
from packhorse.runtime.lanes import LoopLane, Slot, ThreadLane
from tests.unit.claimed import claimed_job
from tests.waiting import wait_until


def test_a_coroutine_that_is_cancelled_at_its_start_takes_its_first_step() -> None:
    """Otherwise nobody would acknowledge its job: it neither waits any more nor has it run."""
    begun: list[int] = []
    blocked, free = threading.Event(), threading.Event()
    freed: list[int] = []

    async def run(slot: Slot) -> None:
        begun.append(slot.job.id)
        if slot.job.id == 1:
            blocked.set()
            free.wait(10)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            assert slot.is_stopped()

    lane = LoopLane(2, run, lambda job: freed.append(job.id), lambda: None)
    lane.put([claimed_job(id=1)])
    assert blocked.wait(10)
    lane.put([claimed_job(id=2)])
    lane.cancel()
    free.set()
    wait_until(lambda: len(freed) == 2, what="both slots to be free")
    lane.close()

    assert begun == [1, 2]


def test_a_coroutine_finds_no_context_that_another_one_has_set() -> None:
    """It is started where the one before it ended, and is a job of its own all the same."""
    tenant: contextvars.ContextVar[int] = contextvars.ContextVar("tenant")
    found: list[int | None] = []
    freed: list[int] = []

    async def run(slot: Slot) -> None:
        found.append(tenant.get(None))
        tenant.set(slot.job.id)
        await asyncio.sleep(0)

    lane = LoopLane(1, run, lambda job: freed.append(job.id), lambda: None)
    lane.put([claimed_job(id=1), claimed_job(id=2)])
    wait_until(lambda: freed == [1, 2], what="both runs")
    lane.close()

    assert found == [None, None]


def test_a_task_that_a_handler_left_behind_does_not_end_the_event_loop() -> None:
    """`sys.exit()` in it is its own affair; the next job runs."""
    freed: list[int] = []

    async def leave() -> None:
        raise SystemExit

    async def run(slot: Slot) -> None:
        if slot.job.id == 1:
            run.left = asyncio.create_task(leave())  # type: ignore[attr-defined]

    lane = LoopLane(1, run, lambda job: freed.append(job.id), lambda: None)
    lane.put([claimed_job(id=1), claimed_job(id=2)])
    wait_until(lambda: freed == [1, 2], what="both runs")
    lane.put([claimed_job(id=3)])
    wait_until(lambda: freed == [1, 2, 3], what="the third run")
    lane.close()


def test_a_thread_that_the_system_refuses_costs_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs wait for the threads that there are, and when there may be more again, there are."""
    gates = {1: threading.Event(), 2: threading.Event(), 3: threading.Event()}
    begun: list[int] = []

    def run(slot: Slot) -> None:
        begun.append(slot.job.id)
        assert gates[slot.job.id].wait(10)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def is_third_begun() -> bool:
        lane.expire(lambda job: None)
        return begun == [1, 2, 3]

    lane = ThreadLane("test", 2, run, lambda job: None, lambda: None)
    lane.put([claimed_job(id=1)])
    wait_until(lambda: begun == [1], what="the first run")
    with monkeypatch.context() as refusing:
        refusing.setattr(threading.Thread, "start", refuse)
        lane.put([claimed_job(id=2)])
        gates[1].set()
        wait_until(lambda: begun == [1, 2], what="the second run")
        assert lane.running() == 1
        lane.put([claimed_job(id=3)])
    wait_until(is_third_begun, what="the third run, beside the second")
    lane.stop()
    for gate in gates.values():
        gate.set()


@pytest.mark.accepts("M12")
def test_idle_threads_end_but_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nobody has called them for a while; what comes later finds threads again."""
    monkeypatch.setattr(lanes, "KEEP_ALIVE_SECONDS", 0.05)
    together = threading.Barrier(4)
    freed: list[int] = []
    lane = ThreadLane(
        "kept", 4, lambda slot: (together.wait(10), None)[1], lambda job: freed.append(job.id), lambda: None
    )

    def threads() -> int:
        return sum(thread.name.startswith("packhorse-kept-") for thread in threading.enumerate())

    for start in (1, 5, 9):
        lane.put([claimed_job(id=id) for id in range(start, start + 4)])
        wait_until(lambda: len(freed) == start + 3, what="all runs")  # noqa: B023 - waited for here
        wait_until(lambda: threads() == 1, what="the idle threads to end")
        assert lane.running() == 0
    lane.stop()
    wait_until(lambda: threads() == 0, what="the last one to end")
    assert sorted(freed) == list(range(1, 13))
