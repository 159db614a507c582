"""How many jobs that have come to a key are settled in one pass."""

from hypothesis import given
from hypothesis import strategies as st

from packhorse.runtime.turns import HIGHEST_LIMIT, LONG_SECONDS, LOWEST_LIMIT, SHORT_SECONDS, next_limit

LIMITS = st.integers(LOWEST_LIMIT, HIGHEST_LIMIT)
COSTS = st.floats(1e-7, 1e-3, exclude_min=True)
"""Seconds for a job."""


@given(LIMITS, st.floats(0, 100))
def test_a_pass_is_never_too_small_nor_too_large(limit: int, seconds: float) -> None:
    """However long the one before took."""
    assert LOWEST_LIMIT <= next_limit(limit, seconds) <= HIGHEST_LIMIT


@given(LIMITS, COSTS)
def test_passes_come_to_a_size_that_fits_how_long_they_take(limit: int, cost: float) -> None:
    """And stay there: neither short nor long, but where even the smallest is long, or the largest is short."""
    for _ in range(20):
        limit = next_limit(limit, limit * cost)

    assert next_limit(limit, limit * cost) == limit
    assert limit * cost >= SHORT_SECONDS or limit == HIGHEST_LIMIT
    assert limit * cost <= LONG_SECONDS or limit == LOWEST_LIMIT
