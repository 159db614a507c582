"""How much a run of a queue processor does: batch size and parallelism, set from what the last runs came to.

Three known rules together. By Little's law (J. D. C. Little, 1961) the rows that wait, divided by the rate at which
they are done, are the time until the last of them is done: more is done at once when that is long. Whether more lanes
bring anything is tried, by hill climbing: what brought less than a tenth is taken back, and not tried again soon. When
rows fail, both dials are halved, as TCP halves its window (additive increase, multiplicative decrease; Chiu and Jain,
1989), so that a service that is down is not hammered. Between "too slow" and "too fast" there is a wide band in which
nothing changes, so that it does not swing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LATE_SECONDS = 1.0
"""More is done at once when the last of the rows that wait would be done later than this."""
EARLY_SECONDS = 0.1
"""Less is done at once when it would be done sooner than this, and the lanes are idle."""
BUSY, IDLE = 0.6, 0.3
"""The share of a run's time that its lanes work: above the first more of them may help, below the second fewer do."""
GAIN = 1.1
"""By how much more lanes must raise the rate, so that they stay."""
FAILING = 0.5
"""The share of rows that fail above which less is done at once."""
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 30.0, 600.0
"""After how long more lanes are tried again that brought nothing: twice as long each time, up to the second."""
ROWS_JUDGED = 8
"""Of fewer rows than this nothing is concluded from how many failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Within which both dials stay.

    Attributes:
        batch_size: the smallest and the largest.
        parallelism: the smallest and the largest.
        open_seconds: how long a lane's work in one run should take at most: so long is the transaction of a list open.
    """

    batch_size: tuple[int, int] = (1, 256)
    parallelism: tuple[int, int] = (1, 8)
    open_seconds: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the runs since the last observation came to.

    Attributes:
        at: when, in seconds by any clock that only goes on.
        backlog: how many rows wait now, at least.
        done: how many were done.
        failed: how many failed.
        seconds: how long the runs took.
        busy_seconds: how long all their lanes together worked on rows.
    """

    at: float
    backlog: int
    done: int
    failed: int
    seconds: float
    busy_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The dials, and what has to be remembered to set them.

    Attributes:
        batch_size: how many rows a lane reads in a run.
        parallelism: how many lanes there are.
        reason: why they were changed, for people; empty where they were not.
        lanes_before: how many there were before more were tried; None when nothing is being tried.
        rate_before: rows a second at that time.
        ceiling: so many lanes brought nothing more.
        ceiling_until: up to when that is believed.
        patience: for how many seconds it is believed the next time.
        backlog_before: how many rows waited when this was last looked at.
        done: rows that were done since it was last judged how many failed.
        failed: rows that failed since then.
    """

    batch_size: int
    parallelism: int
    reason: str = ""
    lanes_before: int | None = None
    rate_before: float = 0.0
    ceiling: int | None = None
    ceiling_until: float = 0.0
    patience: float = RETRY_SECONDS
    backlog_before: int = 0
    done: int = 0
    failed: int = 0


def tune(now: Tuning, seen: Observation, bounds: Bounds) -> Tuning:
    """The dials for the next runs; pure: the same figures always give the same dials.

    Args:
        now: the present ones.
        seen: what the runs with them came to.
        bounds: which are never left.
    """
    counted = replace(now, reason="", done=now.done + seen.done, failed=now.failed + seen.failed)
    tuned = _tuned(_within(counted, bounds), seen, bounds)
    if tuned.done + tuned.failed >= ROWS_JUDGED:
        tuned = replace(tuned, done=0, failed=0)
    return replace(tuned, backlog_before=seen.backlog)


def _tuned(now: Tuning, seen: Observation, bounds: Bounds) -> Tuning:
    judged = now.done + now.failed
    if judged >= ROWS_JUDGED and now.failed > FAILING * judged:
        reason = f"{now.failed:,} of {judged:,} rows failed"
        return _to(now, now.batch_size // 2, now.parallelism // 2, reason, bounds)
    rows = seen.done + seen.failed
    fits = _fitting(seen, bounds)
    if now.batch_size > fits * 2:
        reason = f"a row takes {seen.busy_seconds / rows:.2g} s"
        return _to(now, fits, now.parallelism, reason, bounds)
    rate = seen.done / seen.seconds if seen.seconds > 0 else 0.0
    if now.lanes_before is not None and rows:
        now, is_taken_back = _judged(now, seen, bounds, rate)
        if is_taken_back:
            return now
    wait = seen.backlog / rate if rate else (LATE_SECONDS * 2 if seen.backlog else 0.0)
    share = seen.busy_seconds / (seen.seconds * now.parallelism) if seen.seconds > 0 else 0.0
    if wait > LATE_SECONDS or seen.backlog > now.backlog_before > now.batch_size * now.parallelism:
        brings = now.done > now.failed if judged else seen.seconds == 0
        return _raised(now, seen, bounds, rate, share) if brings else now
    if wait < EARLY_SECONDS and share < IDLE:
        reason = f"{seen.backlog:,} rows wait, and the lanes worked {share:.0%} of the time"
        return _to(now, now.batch_size // 2, now.parallelism // 2, reason, bounds)
    return now


def _fitting(seen: Observation, bounds: Bounds) -> int:
    """How many rows a lane can work on without keeping its transaction open for too long."""
    rows = seen.done + seen.failed
    if not rows or not seen.busy_seconds:
        return bounds.batch_size[1]
    return max(1, int(min(bounds.open_seconds * rows / seen.busy_seconds, bounds.batch_size[1])))


def _judged(now: Tuning, seen: Observation, bounds: Bounds, rate: float) -> tuple[Tuning, bool]:
    """Whether the lanes that were tried stay; the dials then."""
    before = now.lanes_before or now.parallelism
    tried = replace(now, lanes_before=None)
    if rate >= now.rate_before * GAIN or seen.backlog == 0:
        return replace(tried, patience=RETRY_SECONDS), False
    reason = f"{now.parallelism} lanes did {rate:,.0f} rows a second, {before} did {now.rate_before:,.0f}"
    patience = min(now.patience * 2, LONGEST_RETRY_SECONDS)
    capped = replace(tried, ceiling=before, ceiling_until=seen.at + now.patience, patience=patience)
    return _to(capped, now.batch_size, before, reason, bounds), True


def _raised(now: Tuning, seen: Observation, bounds: Bounds, rate: float, share: float) -> Tuning:
    rows = seen.done + seen.failed
    fits = _fitting(seen, bounds)
    batch = max(min(now.batch_size * 2, fits), min(now.batch_size, fits))
    lanes = now.parallelism
    is_capped = now.ceiling is not None and seen.at < now.ceiling_until
    if share > BUSY or not rows:
        lanes = min(lanes * 2, now.ceiling or lanes) if is_capped else lanes * 2
    waits = f"{seen.backlog:,} rows wait, and {rate:,.0f} are done a second"
    raised = _to(now, batch, lanes, waits, bounds)
    if raised.parallelism > now.parallelism and rows:
        raised = replace(raised, lanes_before=now.parallelism, rate_before=rate, ceiling=None)
    return raised


def _to(now: Tuning, batch_size: int, parallelism: int, why: str, bounds: Bounds) -> Tuning:
    """Other dials, within the bounds, and why, where they are others."""
    to = _within(replace(now, batch_size=batch_size, parallelism=parallelism), bounds)
    changes = [
        f"{name} {old} to {new}"
        for name, old, new in (
            ("batch size", now.batch_size, to.batch_size),
            ("parallelism", now.parallelism, to.parallelism),
        )
        if old != new
    ]
    return replace(to, reason=f"{why}: {', '.join(changes)}" if changes else "")


def _within(now: Tuning, bounds: Bounds) -> Tuning:
    (least, most), (fewest, highest) = bounds.batch_size, bounds.parallelism
    return replace(
        now,
        batch_size=min(max(now.batch_size, least), most),
        parallelism=min(max(now.parallelism, fewest), highest),
    )
