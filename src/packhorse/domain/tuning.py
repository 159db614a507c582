"""How much a run of a queue processor does: batch size and parallelism, set from what the last runs came to.

Three known rules together. By Little's law (J. D. C. Little, 1961) the rows that wait, divided by the rate at which
they are done, are the time until the last of them is done: more is done at once when that is long. Whether more lanes
bring anything is tried, by hill climbing: what brought less than a tenth is taken back, and not tried again soon. When
rows fail, both dials are halved, as TCP halves its window (additive increase, multiplicative decrease; Chiu and Jain,
1989), so that a service that is down is not hammered. Between "too slow" and "too fast" there is a wide band in which
nothing changes, so that it does not swing; and as rows never take the same time twice, what a row takes is averaged,
and lanes are taken back only after a while of runs. The autoscaler of Kubernetes has a tolerance and a window of
stabilisation for the same reasons.
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
CLEAR_GAIN = 1.5
"""By how much they must, so that they stay at once; below that a while is waited for."""
TRIAL_SECONDS, TRIAL_ROWS = 2.0, 32
"""After so long, and so many rows, lanes that brought too little are taken back."""
WORTH = 1.5
"""By how much a batch must become larger, so that it is changed at all."""
FRESH = 0.3
"""How much of the average of what a row takes is the last look's."""
IDLE_SECONDS = 5.0
"""For how long lanes must have been idle before less is done at once."""
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
        open_seconds: how long a lane's work in one run should take; it is shortened where it takes twice as long. So
            long is the transaction of a list open.
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
        rate_above: rows a second with the lanes that were taken back.
        row_seconds: what a row takes, as an average in which the last ones count most; 0 when it is not known.
        idle_since: since when the lanes are idle; None while they are not.
        here_done: rows that were done since the dials were changed.
        here_seconds: how long that took.
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
    rate_above: float = 0.0
    row_seconds: float = 0.0
    idle_since: float | None = None
    here_done: int = 0
    here_seconds: float = 0.0
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
    counted = replace(
        now,
        reason="",
        done=now.done + seen.done,
        failed=now.failed + seen.failed,
        here_done=now.here_done + seen.done,
        here_seconds=now.here_seconds + seen.seconds,
        row_seconds=_averaged(now.row_seconds, seen),
    )
    tuned = _tuned(_within(counted, bounds), seen, bounds)
    if tuned.done + tuned.failed >= ROWS_JUDGED:
        tuned = replace(tuned, done=0, failed=0)
    return replace(tuned, backlog_before=seen.backlog)


def _averaged(before: float, seen: Observation) -> float:
    """What a row takes, in seconds."""
    rows = seen.done + seen.failed
    if not rows:
        return before
    last = seen.busy_seconds / rows
    return FRESH * last + (1 - FRESH) * before if before else last


def _tuned(now: Tuning, seen: Observation, bounds: Bounds) -> Tuning:
    judged = now.done + now.failed
    if judged >= ROWS_JUDGED and now.failed > FAILING * judged:
        reason = f"{now.failed:,} of {judged:,} rows failed"
        return _to(replace(now, lanes_before=None), now.batch_size // 2, now.parallelism // 2, reason, bounds)
    rows = seen.done + seen.failed
    fits = _fitting(now, bounds)
    if rows and now.batch_size > fits * 2:
        return _to(now, fits, now.parallelism, f"a row takes {now.row_seconds:.2g} s", bounds)
    if now.lanes_before is not None and rows:
        judgement = _judged(now, seen, bounds)
        if judgement.lanes_before is not None or judgement.reason:
            return judgement
        now = judgement
    rate = seen.done / seen.seconds if seen.seconds > 0 else 0.0
    wait = seen.backlog / rate if rate else (LATE_SECONDS * 2 if seen.backlog else 0.0)
    share = seen.busy_seconds / (seen.seconds * now.parallelism) if seen.seconds > 0 else 0.0
    if wait > LATE_SECONDS or seen.backlog > now.backlog_before > now.batch_size * now.parallelism:
        brings = now.done > now.failed if judged else seen.seconds == 0
        now = replace(now, idle_since=None)
        return _raised(now, seen, bounds, share) if brings else now
    if wait >= EARLY_SECONDS or share >= IDLE:
        return replace(now, idle_since=None)
    return _lowered(now, seen, bounds, share)


def _fitting(now: Tuning, bounds: Bounds) -> int:
    """How many rows a lane can work on without keeping its transaction open for too long."""
    if not now.row_seconds:
        return bounds.batch_size[1]
    return max(1, int(min(bounds.open_seconds / now.row_seconds, bounds.batch_size[1])))


def _judged(now: Tuning, seen: Observation, bounds: Bounds) -> Tuning:
    """Whether the lanes that are being tried stay; they are tried on where that can't be said yet."""
    before, rate = now.lanes_before or now.parallelism, _rate(now)
    tried = replace(now, lanes_before=None)
    is_long = _is_long(now)
    if seen.backlog == 0 or rate >= now.rate_before * (GAIN if is_long else CLEAR_GAIN):
        return replace(tried, patience=RETRY_SECONDS)
    if not is_long:
        return now
    reason = f"{now.parallelism} lanes did {rate:,.0f} rows a second, {before} did {now.rate_before:,.0f}"
    patience = min(now.patience * 2, LONGEST_RETRY_SECONDS)
    capped = replace(tried, rate_above=rate, ceiling=before, ceiling_until=seen.at + now.patience, patience=patience)
    return _to(capped, now.batch_size, before, reason, bounds)


def _rate(now: Tuning) -> float:
    """Rows a second since the dials were changed."""
    return now.here_done / now.here_seconds if now.here_seconds > 0 else 0.0


def _is_long(now: Tuning) -> bool:
    """Whether the rate since the dials were changed may be believed."""
    return now.here_seconds >= TRIAL_SECONDS and now.here_done >= TRIAL_ROWS


def _is_capped(now: Tuning, at: float) -> bool:
    """Whether more lanes brought nothing; not where those that are left do still less, as then it was chance."""
    was_chance = _is_long(now) and _rate(now) * GAIN < now.rate_above
    return now.ceiling is not None and at < now.ceiling_until and not was_chance


def _raised(now: Tuning, seen: Observation, bounds: Bounds, share: float) -> Tuning:
    rows = seen.done + seen.failed
    batch = min(now.batch_size * 2, _fitting(now, bounds))
    if batch < now.batch_size * WORTH:
        batch = now.batch_size
    lanes = now.parallelism
    if share > BUSY or not rows:
        lanes = min(lanes * 2, now.ceiling or lanes) if _is_capped(now, seen.at) else lanes * 2
    waits = f"{seen.backlog:,} rows wait, and {_rate(now):,.0f} are done a second"
    raised = _to(now, batch, lanes, waits, bounds)
    if raised.parallelism > now.parallelism and rows:
        raised = replace(raised, lanes_before=now.parallelism, rate_before=_rate(now), ceiling=None)
    return raised


def _lowered(now: Tuning, seen: Observation, bounds: Bounds, share: float) -> Tuning:
    since = seen.at if now.idle_since is None else now.idle_since
    idle = replace(now, idle_since=since)
    if seen.at - since < IDLE_SECONDS:
        return idle
    reason = f"{seen.backlog:,} rows wait, and the lanes worked {share:.0%} of the time"
    return _to(idle, now.batch_size // 2, now.parallelism // 2, reason, bounds)


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
    if not changes:
        return to
    return replace(to, reason=f"{why}: {', '.join(changes)}", here_done=0, here_seconds=0.0)


def _within(now: Tuning, bounds: Bounds) -> Tuning:
    (least, most), (fewest, highest) = bounds.batch_size, bounds.parallelism
    return replace(
        now,
        batch_size=min(max(now.batch_size, least), most),
        parallelism=min(max(now.parallelism, fewest), highest),
    )
