"""How deferred calls are to be enqueued: pure rules."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse import ConfigurationError, deferring
from packhorse.deferred.choices import checked, chosen, joined, slices

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAID: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "queue": st.sampled_from(["a", "b"]),
        "priority": st.integers(-100, 100),
        "delay": st.just(timedelta(seconds=1)),
        "scheduled_at": st.just(NOW),
        "expected_in": st.just(timedelta(seconds=2)),
        "expected_at": st.just(NOW),
    },
).filter(lambda said: not {"delay", "scheduled_at"} <= set(said) and not {"expected_in", "expected_at"} <= set(said))


@pytest.mark.accepts("T6")
@given(st.lists(st.integers()), st.none() | st.integers(1, 50))
def test_slices_are_the_records_in_order_and_full_but_for_the_last(records: list[int], size: int | None) -> None:
    """None of them is empty; without a size there is one."""
    cut = slices(records, size)
    assert [record for one in cut for record in one] == records
    assert all(len(one) == size for one in cut[:-1]) if size else len(cut) == bool(records)
    assert all(0 < len(one) <= (size or len(records)) for one in cut)


@pytest.mark.accepts("T6")
def test_five_records_two_at_a_time_are_slices_of_two_two_and_one() -> None:
    """In order."""
    assert slices("abcde", 2) == ["ab", "cd", "e"]


@pytest.mark.accepts("T3")
@given(SAID, SAID)
def test_what_is_said_later_wins_and_is_never_contradicted(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """A moment takes the place of a duration that says the same, and the other way round."""
    both = joined(before, after)
    assert {**both, **after} == both
    assert {**before, **both}.keys() == before.keys() | after.keys()
    assert checked(both) == both


@pytest.mark.accepts("T3")
def test_durations_are_taken_for_moments() -> None:
    """From now on."""
    assert checked({"scheduled_at": timedelta(minutes=5), "expected_at": timedelta(hours=1)}) == {
        "delay": timedelta(minutes=5),
        "expected_in": timedelta(hours=1),
    }


@pytest.mark.accepts("T3")
def test_blocks_add_up_and_end() -> None:
    """What is said with the call wins over the inner block, and that over the outer one."""
    with deferring(queue="mail", batch_size=True), deferring(priority=3, queue="post"):
        assert chosen(20, {}) == (None, 20, {"queue": "post", "priority": 3})
        assert chosen(20, {"queue": "own", "batch_size": 4}) == (None, 4, {"queue": "own", "priority": 3})
        assert chosen(20, {"batch_size": None}) == (None, None, {"queue": "post", "priority": 3})
    assert chosen(20, {}) == (None, None, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"que": "x"},
        {"queue": "no good"},
        {"batch_size": 0},
        {"batch_size": "20"},
        {"scheduled_at": timedelta(1), "delay": timedelta(1)},
        {"delay": timedelta(1), "scheduled_at": NOW},
        {"delay": timedelta(seconds=-1)},
        {"expected_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is wrong with it
    ],
)
def test_a_wrong_option_is_refused_where_it_is_said(wrong: dict[str, Any]) -> None:
    """By its name."""
    with pytest.raises(ConfigurationError), deferring(**wrong):
        pass
