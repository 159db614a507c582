"""What an application does with deferred calls, in the same words for every kind of model and session."""

from datetime import timedelta

import pytest

from packhorse import JobState, PayloadError, Reference, SignatureError, acting_as
from tests.integration.deferred.models import CALLED
from tests.integration.deferred.on_sqlalchemy import FlushedSqlAlchemyOrders
from tests.integration.deferred.orders import Orders


@pytest.mark.accepts("T1", "T2")
def test_a_call_commits_with_the_transaction_that_it_is_made_in(orders: Orders) -> None:
    """Before the commit nobody sees it; after it a worker calls the method on the record, with the arguments."""
    [order] = orders.get(3)
    job = orders.call("add", order, 42)
    assert sum(orders.app.count_jobs().values()) == 0

    orders.commit()
    assert orders.app.run_pending() == 1
    assert orders.totals() == {3: 42}
    assert (job.result(1), job.record().task, job.record().queue) == (42, "shop.Order.add", "orders")


@pytest.mark.accepts("T2")
def test_nothing_is_left_of_a_call_after_a_rollback(orders: Orders) -> None:
    """And the session goes on."""
    orders.call("add", orders.get(3)[0], 42)
    orders.rollback()
    orders.call("add", orders.get(4)[0], 1)
    orders.commit()

    assert orders.app.run_pending() == 1
    assert orders.totals() == {4: 1}


@pytest.mark.accepts("T2")
def test_a_call_that_was_taken_back_before_it_ran_is_nothing_to_do(orders: Orders) -> None:
    """Whoever was told of it finds the others."""
    job = orders.call("add", orders.get(3)[0], 42)
    orders.call("add", orders.get(4)[0], 1)
    orders.commit()
    orders.app.cancel(job.id)

    assert orders.app.run_pending() == 1
    assert orders.totals() == {4: 1}


@pytest.mark.accepts("T2")
@pytest.mark.parametrize("keep", [True, False], ids=["released", "rolled-back"])
def test_a_savepoint_decides_on_the_calls_in_it(orders: Orders, keep: bool) -> None:
    """Those outside are untouched by it."""
    one, two = orders.get(1, 2)
    orders.call("add", one, 1)
    orders.in_savepoint(lambda: orders.call("add", two, 2), keep=keep)
    orders.commit()

    orders.app.run_pending()
    assert orders.totals() == ({1: 1, 2: 2} if keep else {1: 1})


@pytest.mark.accepts("T1")
def test_a_record_that_is_new_in_the_transaction_can_be_called_later(orders: Orders) -> None:
    """It has its key by then."""
    orders.call("add", orders.create(50), 5)
    orders.commit()

    orders.app.run_pending()
    assert orders.totals() == {50: 5}


@pytest.mark.accepts("T1", "T6")
def test_a_list_of_records_is_a_list_of_jobs_in_order(orders: Orders) -> None:
    """One for all of them, or for so many at a time; a class method gets them as a list."""
    five = orders.get(5, 1, 4, 2, 3)
    whole = orders.call("add", five, 1)
    cut = orders.call("add_all", five, 10, batch_size=2)
    configured = orders.call("add_all", five, 100, batch_size=True)
    none = orders.call("add_all", [], 1000)
    orders.commit()
    orders.app.run_pending()

    assert [len(jobs) for jobs in (whole, cut, configured, none)] == [1, 3, 1, 0]
    assert [key for name, key, _ in CALLED if name == "add"] == [5, 1, 4, 2, 3]
    assert [keys for name, keys, _ in CALLED if name == "add_all"] == [[5, 1], [4, 2], [3], [5, 1, 4, 2, 3]]
    assert orders.totals() == dict.fromkeys(range(1, 6), 111)
    assert [job.result(1) for job in cut] == [2, 2, 1]


@pytest.mark.accepts("T2", "T10", "T16")
def test_a_method_that_raises_has_written_nothing_and_ends(orders: Orders) -> None:
    """An error that nobody has provided for is final, with its traceback; a person may have it run again."""
    job = orders.call("refuse", orders.get(1)[0], 7)
    orders.commit()
    assert orders.app.run_pending() == 1

    record = job.record()
    assert (orders.totals(), record.state, record.failures) == ({}, JobState.FAILED, 1)
    assert (record.error_type, record.error_message) == ("ValueError", "no 7")
    assert 'raise ValueError(f"no {amount}")' in record.error_traceback
    assert orders.app.run_pending() == 0
    assert [item.id for item in orders.app.inbox.list()] == [job.id]


@pytest.mark.accepts("T11")
def test_records_that_are_gone_are_left_out(orders: Orders) -> None:
    """The others are called; where none is left the method is not, and the job has ended well."""
    some = orders.call("add", orders.get(1, 2, 3), 1)[0]
    none = orders.call("add_all", orders.get(4, 5), 1)[0]
    one = orders.call("add", orders.get(6)[0], 1)
    orders.commit()
    orders.delete(2, 4, 5, 6)
    orders.app.run_pending()

    assert orders.totals() == {1: 1, 3: 1}
    assert [job.record().state for job in (some, none, one)] == [JobState.SUCCEEDED] * 3
    assert [line.message for line in orders.app.list_log(none.id)] == [
        "2 of 2 records are not there any more (order:4, order:5): the method is not called"
    ]
    assert [name for name, *_ in CALLED] == ["add", "add"]


@pytest.mark.accepts("T11")
def test_records_that_are_not_used_any_more_are_called(orders: Orders) -> None:
    """Also those that the model's own manager hides: only what is gone is left out."""
    orders.call("add", orders.get(1, 2), 1)
    orders.commit()
    orders.write_note(1, "closed")
    orders.app.run_pending()

    assert orders.totals() == {1: 1, 2: 1}


@pytest.mark.accepts("T12")
def test_a_method_can_tell_that_nobody_is_there_to_answer(orders: Orders) -> None:
    """It goes on where it would have asked."""
    orders.call("ask", orders.get(1)[0])
    orders.commit()
    orders.app.run_pending()

    assert orders.note(1) == "went on"


@pytest.mark.accepts("T12")
def test_a_method_runs_as_the_user_and_in_the_context_that_called_it(orders: Orders) -> None:
    """Whoever runs the worker."""
    with acting_as(tenant="acme", user=7):
        orders.call("sign", orders.get(1)[0])
    orders.commit()
    with acting_as(tenant="other", user=8):
        orders.app.run_pending()

    assert orders.note(1) == "7 of acme"


@pytest.mark.accepts("T2")
def test_what_can_not_be_stored_is_refused_at_the_call(orders: Orders) -> None:
    """An argument that JSON does not carry, one that is not as annotated, and one too many."""
    [order] = orders.get(1)
    with pytest.raises(PayloadError):
        orders.call("add", order, 1, object())
    with pytest.raises(SignatureError, match="amount is not as annotated"):
        orders.call("add", order, "42")
    with pytest.raises(SignatureError, match="add"):
        orders.call("add", order)
    orders.commit()
    assert sum(orders.app.count_jobs().values()) == 0


@pytest.mark.accepts("T20")
def test_calls_are_found_by_model_method_and_record(orders: Orders) -> None:
    """As anything that touches a record is."""
    first = orders.call("add", orders.get(1, 2), 1)[0]
    second = orders.call("add_all", orders.get(2, 3), 1)[0]
    orders.commit()

    def found(**filters: object) -> list[int]:
        return [job.id for job in orders.app.list_jobs(**filters)]  # type: ignore[arg-type]

    assert found(record=Reference("order", "2")) == [second.id, first.id]
    assert found(record=Reference("order", "1")) == [first.id]
    assert found(task="shop.Order.add") == [first.id]
    assert found(task="shop.Order.*") == [second.id, first.id]
    assert found(task="*.Order.add_a??") == [second.id]
    assert found(task="shop.order.*") == []
    orders.app.run_pending()
    package = orders.app.get_package(first.id)
    assert package.counts == {"done": 2}


@pytest.mark.accepts("T18")
def test_without_a_worker_calls_run_after_the_commit_in_order(inline: Orders) -> None:
    """In the same thread; those that they make themselves follow, and those that are not due yet do not."""
    one, two = inline.get(1, 2)
    inline.call("hand_on", one, 1)
    inline.call("add", two, 5)
    later = inline.call("add", two, 100, delay=timedelta(hours=1))
    jobs = inline.call("add_all", [one, two], 10, batch_size=1)
    assert CALLED == []

    inline.commit()
    inline.app.run_pending()  # where the commit can't be seen
    assert CALLED == [("hand_on", 1, 1), ("add", 2, 5), ("add_all", [1], 10), ("add_all", [2], 10), ("hand_on", 1, 0)]
    assert inline.totals() == {1: 12, 2: 15}
    assert (later.record().state, len(jobs)) == (JobState.SCHEDULED, 2)


@pytest.mark.accepts("T18")
def test_without_a_worker_nothing_runs_after_a_rollback_and_what_fails_is_marked(inline: Orders) -> None:
    """The caller does not see the method's error; the inbox has it."""
    inline.call("add", inline.get(1)[0], 1)
    inline.rollback()
    job = inline.call("refuse", inline.get(2)[0], 1)
    inline.call("add", inline.get(3)[0], 3)
    inline.commit()
    inline.app.run_pending()

    assert inline.totals() == {3: 3}
    assert job.record().state == JobState.FAILED


@pytest.mark.accepts("T18")
def test_without_a_worker_a_transaction_that_is_tried_again_runs_its_calls_once(inline: Orders) -> None:
    """Those of the first try went with it."""
    for amount in (1, 10):
        inline.call("add", inline.get(1)[0], amount)
        if amount == 1:
            inline.rollback()
    inline.commit()
    inline.app.run_pending()

    assert inline.totals() == {1: 10}


def test_a_call_under_an_async_session_has_no_id_before_the_flush(orders: Orders) -> None:
    """Its handle says how to have one at once."""
    job = orders.call("add", orders.get(1)[0], 1)
    if isinstance(orders, FlushedSqlAlchemyOrders):
        with pytest.raises(Exception, match="adeferred"):
            _ = job.id
    orders.commit()
    assert orders.app.get_job(job.id).task == "shop.Order.add"
