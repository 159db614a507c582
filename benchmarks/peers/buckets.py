"""A histogram of times: sixteen buckets for each doubling, so that each is known to some six per cent. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BUCKETS = 1024
PER_DOUBLING = 16
SHIFT = 5
"""Up to 2 to the power of this, each microsecond has a bucket of its own."""


def bucket_of(microseconds: int) -> int:
    """The bucket that a time falls into."""
    if microseconds < 1 << SHIFT:
        return max(0, microseconds)
    power = microseconds.bit_length()
    fine = (microseconds >> (power - SHIFT)) - PER_DOUBLING
    return min(BUCKETS - 1, (power - SHIFT + 1) * PER_DOUBLING + fine)


def microseconds_of(bucket: int) -> int:
    """The least time that falls into a bucket."""
    if bucket < 1 << SHIFT:
        return bucket
    doublings, fine = divmod(bucket - PER_DOUBLING, PER_DOUBLING)
    return (PER_DOUBLING + fine) << doublings


def percentile_of(counts: Sequence[int], percent: float) -> float:
    """The time in microseconds that `percent` of all do not exceed, to the width of a bucket; 0 for none."""
    rank = sum(counts) * percent / 100
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if count and seen >= rank:
            return float(microseconds_of(bucket + 1))
    return 0.0
