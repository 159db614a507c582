"""A call is made once more, as a new job."""

import json

import pytest

from packhorse import JobNotFound, JobState, Reference, acting_as
from tests.integration.deferred.orders import Orders


@pytest.mark.accepts("T20")
def test_a_copy_of_a_call_is_the_same_call_with_times_of_its_own(orders: Orders) -> None:
    """By its method, arguments, queue, priority, records and user; it runs by itself, and the original is as before."""
    with acting_as(user=7, tenant="acme"):
        job = orders.call("add", orders.get(1, 2), 5, priority=2)[0]
    orders.commit()
    orders.app.run_pending()
    before = job.record()
    copy = orders.app.copy_job(job.id, by="kim")
    record = copy.record()

    assert record.id != job.id
    assert (record.state, record.attempt, record.started_at, record.finished_at) == (JobState.AVAILABLE, 0, None, None)
    assert record.enqueued_at > before.enqueued_at
    for name in ("task", "args", "kwargs", "queue", "priority", "max_attempts"):
        assert getattr(record, name) == getattr(before, name)
    meta = json.loads(record.meta or "")
    assert meta.pop("packhorse.copied") == {"from": job.id, "by": "kim"}
    assert meta == json.loads(before.meta or "{}")
    assert [one.id for one in orders.app.list_jobs(record=Reference("order", "2"))] == [copy.id, job.id]
    assert orders.app.run_pending() == 1
    assert orders.totals() == {1: 10, 2: 10}
    assert job.record() == before


@pytest.mark.accepts("T20")
def test_a_unique_key_is_not_copied(orders: Orders) -> None:
    """Else no live job could be copied; and what is not there can't be."""
    job = orders.call("add", orders.get(1)[0], 5, unique_key="once")
    orders.commit()

    assert job.record().unique_key == "once"
    assert orders.app.copy_job(job.id).record().unique_key is None
    with pytest.raises(JobNotFound):
        orders.app.copy_job(10**9)
