"""Jobs that wait for others: until those have succeeded, or have ended anyhow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packhorse.domain.job import Keys
from packhorse.domain.outcome import Cancel, Fail, Outcome, Retry, Success
from packhorse.domain.state import JobState
from packhorse.engine import Engine
from packhorse.testing.contract.engine_queues import put
from packhorse.testing.contract.engine_retention import prune
from packhorse.testing.contract.steps import (
    acknowledge,
    claim,
    claim_one,
    decided,
    enqueue,
    enqueue_one,
    ids_of,
    job_of,
    run_one,
    settle,
    store_on,
)
from packhorse.testing.contract.subject import Clock, EngineContract, ProducerConnection
from packhorse.testing.samples import new_job

HOUR = timedelta(hours=1)
ENDS: list[Outcome] = [Success(), Success("1"), Fail(), Cancel()]


def follow(engine: Engine, *targets: int, needs: str = "success", **keys: str) -> int:
    """Store a job that waits for these, and settle what there is to settle."""
    id = enqueue_one(engine, keys=Keys(after=targets, after_needs=needs, **keys))  # type: ignore[arg-type]
    settle(engine)
    return id


def finish(engine: Engine, id: int, outcome: Outcome | None = None) -> None:
    """Run this job, which must be available, and settle what follows."""
    jobs = {job.id: job for job in claim(engine)}
    acknowledge(engine, jobs.pop(id), outcome or Success())
    engine.ack_jobs([decided(job, Retry(after=timedelta(0))) for job in jobs.values()])
    engine.stage_jobs(100)
    settle(engine)


def states(engine: Engine, *ids: int) -> list[str]:
    """Where these jobs are."""
    return [job_of(engine, id).state.value for id in ids]


class FollowerContract(EngineContract):
    """Jobs with `after`."""

    def test_what_a_job_waits_for_is_listed_with_its_state(self, engine: Engine) -> None:
        """Also what has ended by now or is no longer recorded; nothing of a job that may go on."""
        first, second, gone = enqueue(engine, 3)
        follower = follow(engine, second, first, gone)
        late = enqueue_one(engine, keys=Keys(after=(first,), after_needs="end"))
        finish(engine, first, Fail())
        finish(engine, gone)
        assert engine.delete_jobs([gone]) == {gone}
        assert [(one.id, one.state, one.needs) for one in engine.list_needed(follower)] == [
            (first, "failed", "success"),
            (second, "available", "success"),
            (gone, None, "success"),
        ]
        assert engine.list_needed(first) == engine.list_needed(late) == []

    @pytest.mark.accepts("C15")
    @pytest.mark.parametrize("end", ENDS, ids=["plain", "result", "fail", "cancel"])
    @pytest.mark.parametrize("needs", ["success", "end"])
    def test_a_follower_goes_on_when_the_other_has_ended_as_it_must(
        self, engine: Engine, needs: str, end: Outcome
    ) -> None:
        """Any end is enough for `end`; a failure leaves the others waiting, a cancellation takes them along."""
        target = enqueue_one(engine)
        follower = follow(engine, target, needs=needs)
        assert job_of(engine, follower).waits_for == "jobs"
        finish(engine, target, end)
        after = {Success: "available", Fail: "blocked", Cancel: "cancelled"}[type(end)]
        assert states(engine, follower) == ["available" if needs == "end" else after]

    def test_a_cancelled_follower_says_why(self, engine: Engine) -> None:
        """It names the job that was given up."""
        target = enqueue_one(engine)
        follower = follow(engine, target)
        engine.cancel_jobs([target])
        settle(engine)
        reason = f"cancelled by packhorse: it waited for the success of job {target}, which was given up"
        assert job_of(engine, follower).reason == reason

    @pytest.mark.parametrize("needs", ["success", "end"])
    def test_another_attempt_is_no_end(self, engine: Engine, clock: Clock, needs: str) -> None:
        """The follower waits for the last one."""
        target = enqueue_one(engine)
        follower = follow(engine, target, needs=needs)
        run_one(engine, Retry(after=timedelta(minutes=1)))
        settle(engine)
        clock.advance(HOUR)
        engine.stage_jobs(10)
        assert states(engine, target, follower) == ["available", "blocked"]
        finish(engine, target)
        assert states(engine, follower) == ["available"]

    def test_it_waits_for_all_of_them(self, engine: Engine) -> None:
        """In whatever order they end, one by one or at once."""
        targets = enqueue(engine, 4)
        follower = follow(engine, *targets)
        jobs = {job.id: job for job in claim(engine)}
        acknowledge(engine, jobs[targets[2]], Success("1"))
        settle(engine)
        acknowledge(engine, jobs[targets[0]], Success())
        assert states(engine, follower) == ["blocked"]
        engine.ack_jobs([decided(jobs[id], Success()) for id in (targets[1], targets[3])])
        settle(engine)
        assert states(engine, follower) == ["available"]

    def test_one_lets_all_its_followers_go_on(self, engine: Engine) -> None:
        """However many."""
        target = enqueue_one(engine)
        followers = enqueue(engine, 50, keys=Keys(after=(target,)))
        settle(engine)
        finish(engine, target)
        assert set(states(engine, *followers)) == {"available"}

    def test_a_chain_runs_link_by_link(self, engine: Engine) -> None:
        """And a cancellation runs down it."""
        first = enqueue_one(engine)
        second = follow(engine, first)
        third = follow(engine, second)
        fourth = follow(engine, third)
        finish(engine, first)
        assert states(engine, second, third, fourth) == ["available", "blocked", "blocked"]
        engine.cancel_jobs([second])
        for _ in range(2):
            settle(engine)
        assert states(engine, third, fourth) == ["cancelled", "cancelled"]

    def test_a_failure_that_is_solved_lets_them_go_on(self, engine: Engine) -> None:
        """Somebody brings the failed job back, as often as it takes; what it does then counts."""
        target = enqueue_one(engine)
        follower = follow(engine, target)
        for _ in range(2):
            finish(engine, target, Fail())
            assert states(engine, follower) == ["blocked"]
            engine.retry_jobs([target])
            settle(engine)
        assert states(engine, target, follower) == ["available", "blocked"]
        finish(engine, target)
        assert states(engine, follower) == ["available"]

    def test_a_failure_that_is_dismissed_cancels_them(self, engine: Engine) -> None:
        """Before, it can't be deleted; those that need no more than its end went on with the failure."""
        target = enqueue_one(engine)
        follower = follow(engine, target)
        patient = follow(engine, target, needs="end")
        assert states(engine, patient) == ["blocked"]
        finish(engine, target, Fail())
        assert states(engine, follower, patient) == ["blocked", "available"]
        assert engine.delete_jobs([target]) == set()
        engine.dismiss_jobs([target], "kim", "no longer wanted")
        settle(engine)
        assert states(engine, follower) == ["cancelled"]

    def test_who_comes_late_sees_what_has_become_of_it(self, engine: Engine) -> None:
        """Succeeded, failed, dismissed or cancelled before; one that nobody knows any more counts as succeeded."""
        ids = enqueue(engine, 4)
        jobs = dict(zip(ids, claim(engine), strict=True))
        outcomes: list[Outcome] = [Success(), Fail(), Fail(), Cancel()]
        for id, outcome in zip(ids, outcomes, strict=True):
            acknowledge(engine, jobs[id], outcome)
        engine.dismiss_jobs(ids[2:3], "kim", "no longer wanted")
        followers = [follow(engine, id) for id in (*ids, 10**9)]
        assert states(engine, *followers) == ["available", "blocked", "cancelled", "cancelled", "available"]
        assert states(engine, *[follow(engine, id, needs="end") for id in ids]) == ["available"] * 4

    def test_a_success_that_is_not_kept_is_a_success(self, engine: Engine) -> None:
        """Where the queue keeps no succeeded jobs."""
        put(engine, "default", keep_succeeded=timedelta(0))
        target, late = enqueue_one(engine), enqueue_one(engine)
        follower = follow(engine, target)
        for job in claim(engine):
            acknowledge(engine, job, Success())
        assert engine.find_job(late) is None
        settle(engine)
        assert states(engine, follower, follow(engine, late)) == ["available", "available"]

    def test_what_is_pruned_before_its_followers_were_told_is_still_known(self, engine: Engine, clock: Clock) -> None:
        """Nobody worked for a month: the followers of a cancelled job are cancelled all the same."""
        target, done = enqueue(engine, 2)
        follower = follow(engine, target, done)
        engine.cancel_jobs([target])
        clock.advance(timedelta(days=30))
        assert prune(engine) == []
        settle(engine)
        assert states(engine, target, follower) == ["cancelled", "cancelled"]

    def test_both_may_come_with_one_transaction(self, engine: Engine, producer: ProducerConnection) -> None:
        """Before its commit nobody sees either; after a rollback there is neither."""
        target = follower = 0
        for end in (producer.rollback, producer.commit):
            [target] = store_on(producer, engine, [new_job()])
            [follower] = store_on(producer, engine, [new_job(keys=Keys(after=(target,)))])
            if engine.features.concurrent_writers:
                settle(engine)
            assert engine.find_job(follower) is None
            end()
        settle(engine)
        assert states(engine, target, follower) == ["available", "blocked"]
        finish(engine, target)
        assert states(engine, follower) == ["available"]

    def test_a_follower_that_is_not_complete_waits(self, engine: Engine, producer: ProducerConnection) -> None:
        """On a connection that commits each statement by itself it can be seen before what it waits for."""
        target = enqueue_one(engine)
        storing = engine.storing([new_job(keys=Keys(after=(target,)))])
        rows = producer.run(next(storing))
        producer.commit()
        engine.release_followers(10)
        [[follower]] = rows
        assert states(engine, follower) == ["blocked"]
        producer.run(storing.send(rows))
        producer.commit()
        settle(engine)
        assert job_of(engine, follower).waits_for == "jobs"
        finish(engine, target)
        assert states(engine, follower) == ["available"]

    def test_a_delayed_or_held_follower_misses_nothing(self, engine: Engine, clock: Clock) -> None:
        """What it waits for may end before it is due, or released."""
        target = enqueue_one(engine)
        delayed = enqueue_one(engine, delay=HOUR, keys=Keys(after=(target,)))
        held = follow(engine, target)
        engine.hold_jobs([held])
        finish(engine, target)
        assert states(engine, delayed, held) == ["scheduled", "blocked"]
        clock.advance(2 * HOUR)
        engine.stage_jobs(10)
        engine.release_jobs([held])
        settle(engine)
        assert states(engine, delayed, held) == ["available", "available"]

    @pytest.mark.parametrize("keys", [{}, {"serial_key": "k", "group_key": "g"}], ids=["plain", "keys"])
    def test_a_follower_that_comes_back_waits_again(self, engine: Engine, keys: dict[str, str]) -> None:
        """For what it waited for before, and for its keys after that; once it has gone on, for nothing."""
        target = enqueue_one(engine)
        follower = follow(engine, target, **keys)
        for _ in range(2):
            engine.cancel_jobs([follower])
            settle(engine)
            engine.retry_jobs([follower])
            settle(engine)
            assert (job_of(engine, follower).state, job_of(engine, follower).waits_for) == (JobState.BLOCKED, "jobs")
        finish(engine, target)
        finish(engine, follower, Fail())
        engine.retry_jobs([follower])
        settle(engine)
        assert states(engine, follower) == ["available"]

    def test_a_follower_comes_back_with_what_was_given_up(self, engine: Engine) -> None:
        """Alone it is cancelled again; together they wait as before, which its explanation advises."""
        target = enqueue_one(engine)
        follower = follow(engine, target)
        engine.cancel_jobs([target])
        settle(engine)
        before = job_of(engine, follower).reason
        engine.retry_jobs([follower])
        settle(engine)
        assert (states(engine, follower), job_of(engine, follower).reason) == (["cancelled"], before)
        explanation = engine.explain(follower)
        assert explanation is not None
        assert explanation.reasons[0].advice == f"`packhorse jobs retry {target} {follower}`"
        engine.retry_jobs([target, follower])
        settle(engine)
        assert states(engine, target, follower) == ["available", "blocked"]
        finish(engine, target)
        assert states(engine, follower) == ["available"]

    @pytest.mark.accepts("C15")
    def test_what_was_given_up_is_not_pruned_before_those_that_would_wait_for_it(
        self, engine: Engine, clock: Clock
    ) -> None:
        """A cancelled follower that is brought back would take it for succeeded; both are pruned in the end."""
        put(engine, "short", keep_cancelled=timedelta(0))
        targets = enqueue(engine, 3, queue="short")
        done, *given_up = targets
        follower = follow(engine, *targets)
        [job] = claim(engine, queue="short", limit=1)
        assert (job.id, acknowledge(engine, job, Success())) == (done, True)
        engine.cancel_jobs(given_up)
        settle(engine)
        assert prune(engine) == []
        engine.retry_jobs([follower])
        settle(engine)
        assert states(engine, follower) == ["cancelled"]
        clock.advance(8 * 24 * HOUR)
        assert {*prune(engine), *prune(engine)} == {*targets, follower}

    def test_what_a_deleted_follower_waited_for_is_forgotten(self, engine: Engine) -> None:
        """A cancelled follower keeps nobody from being deleted, and is itself deleted or pruned."""
        put(engine, "short", keep_cancelled=timedelta(0))
        target = enqueue_one(engine)
        follower = follow(engine, target)
        pruned = enqueue_one(engine, queue="short", keys=Keys(after=(target,)))
        engine.cancel_jobs([target, follower, pruned])
        for expired in engine.list_expired():
            engine.prune_jobs(expired, 100)
        assert engine.find_job(pruned) is None
        assert engine.delete_jobs([target, follower]) == {target, follower}

    @pytest.mark.accepts("C15", "C16")
    def test_keys_come_after_the_jobs(self, engine: Engine) -> None:
        """A follower comes to its serial key when those it waited for have ended, not before; then to its group."""
        put(engine, "default", group_max_running=1)
        target = enqueue_one(engine)
        follower = follow(engine, target, serial_key="k", group_key="g")
        later = enqueue_one(engine, keys=Keys(serial_key="k", group_key="g"))
        settle(engine)
        assert [job_of(engine, id).state for id in (follower, later)] == [JobState.BLOCKED, JobState.AVAILABLE]
        finish(engine, later)
        finish(engine, target)
        assert claim_one(engine).id == follower

    def test_jobs_may_wait_for_the_same_ones_in_one_call(self, engine: Engine) -> None:
        """Some for these, some for those, some for nobody; the ids come in the order of the jobs."""
        first, second = enqueue(engine, 2)
        afters: list[tuple[int, ...]] = [(), (first,), (second,), (first, second), (first,)]
        keys = [Keys(after=after, serial_key=f"k{n}") for n, after in enumerate(afters)]
        ids = engine.insert_jobs([new_job(keys=one) for one in keys])
        settle(engine)
        finish(engine, first)
        assert states(engine, *ids) == ["available", "available", "blocked", "blocked", "available"]
        assert ids == sorted(ids)
        assert ids_of(claim(engine, limit=0)) == []
