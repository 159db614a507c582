"""Where claims start."""

from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.claim import Place
from packhorse.domain.job import ClaimedJob
from packhorse.runtime.marks import (
    COSTLY_LOOK,
    HEAD,
    LONGEST_PAUSE_SECONDS,
    LOOK_BACK_SECONDS,
    URGENT_SECONDS,
    Marks,
    Start,
    Toll,
)
from tests.unit.claimed import claimed_job


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def jobs(*ids: int) -> list[ClaimedJob]:
    """Claimed jobs of these ids."""
    return [claimed_job(id=id) for id in ids]


def marked(clock: Hand) -> Marks:
    """Marks after a full claim at the head of `mail`."""
    marks = Marks(clock)
    marks.note("mail", HEAD, jobs(1, 2), 2, 0.001)
    return marks


def test_a_claim_that_was_full_is_followed_by_one_behind_it() -> None:
    """And so on, from claim to claim; other queues are not touched."""
    marks = marked(Hand())
    first = marks.start("mail")
    marks.note("mail", first, jobs(3, 4), 2, 0.001)

    assert first == Start(after=Place.of(claimed_job(id=2)))
    assert marks.start("mail") == Start(after=Place.of(claimed_job(id=4)))
    assert marks.start("billing") == HEAD


def test_a_claim_that_was_not_full_is_followed_by_one_at_the_head() -> None:
    """Whatever is left lies in front of the mark."""
    marks = marked(Hand())
    marks.note("mail", marks.start("mail"), jobs(3), 2, 0.001)

    assert marks.start("mail") == HEAD


def test_urgent_jobs_are_looked_for_every_now_and_then() -> None:
    """They lie in front of every mark in a less urgent priority. That none was there says nothing of the others."""
    clock = Hand()
    marks = marked(clock)
    clock.now += URGENT_SECONDS
    urgent = marks.start("mail")
    marks.note("mail", urgent, [], 2, 0.001)

    assert urgent == Start(above=5)
    assert marks.start("mail") == Start(after=Place.of(claimed_job(id=2)))


def test_the_head_is_looked_at_once_a_second() -> None:
    """A job that was committed late lies there."""
    clock = Hand()
    marks = marked(clock)
    clock.now += LOOK_BACK_SECONDS

    assert marks.start("mail") == HEAD


def test_a_look_at_the_head_that_took_long_is_repeated_later() -> None:
    """So that it takes a fiftieth of the time, however many dead rows lie there."""
    clock = Hand()
    marks = Marks(clock)
    marks.note("mail", HEAD, jobs(1, 2), 2, 0.3)
    marks.note("mail", HEAD, jobs(3, 4), 2, 0.2)
    clock.now += COSTLY_LOOK * 0.2 - 0.1
    before = marks.start("mail")
    clock.now += 0.1

    assert before != HEAD
    assert marks.start("mail") == HEAD


def test_a_single_look_at_the_head_that_took_long_changes_nothing() -> None:
    """It waited for a lock, or the network, and says nothing of the dead rows: late jobs are found within a second."""
    clock = Hand()
    marks = marked(clock)
    clock.now += LOOK_BACK_SECONDS
    marks.note("mail", HEAD, jobs(3, 4), 2, 3.0)
    clock.now += LOOK_BACK_SECONDS

    assert marks.start("mail") == HEAD


def test_nobody_looks_away_for_long() -> None:
    """However long each look takes: a job or a dead worker may be waiting."""
    toll = Toll()
    toll.pause(60.0)

    assert toll.pause(60.0) == LONGEST_PAUSE_SECONDS


def test_a_forgotten_mark_is_no_mark() -> None:
    """The next claim sees the whole queue."""
    marks = marked(Hand())
    marks.forget("mail")

    assert marks.start("mail") == HEAD


@given(
    backlog=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5)), max_size=30),
    late=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3), st.integers(0, 5)), max_size=10),
    wanted=st.integers(1, 7),
)
def test_claims_by_the_marks_leave_nothing_behind(
    backlog: list[tuple[int, int]], late: list[tuple[int, int, int]], wanted: int
) -> None:
    """Jobs come at any time and at any place; when a claim at the head finds nothing, all of them have been taken."""
    clock, taken, queue = Hand(), list[ClaimedJob](), list[ClaimedJob]()
    marks, ids = Marks(clock), iter(range(1, 1000))
    queue += [claimed_job(id=next(ids), priority=p, order_at_us=at) for p, at in backlog]
    coming = sorted(late)
    for turn in range(1000):
        while coming and coming[0][0] <= turn:
            _, priority, at = coming.pop(0)
            queue.append(claimed_job(id=next(ids), priority=priority, order_at_us=at))
        start = marks.start("mail")
        seen = sorted((job for job in queue if is_seen(job, start)), key=Place.of)[:wanted]
        queue = [job for job in queue if job not in seen]
        taken += seen
        marks.note("mail", start, seen, wanted, 0.001)
        clock.now += 0.01
        if start == HEAD and not seen and not coming:
            break

    assert queue == []
    assert len({job.id for job in taken}) == len(taken) == len(backlog) + len(late)


def is_seen(job: ClaimedJob, start: Start) -> bool:
    """What the engine's claim is told to look at."""
    if start.after is not None:
        return Place.of(job) > start.after
    return start.above is None or job.priority < start.above
