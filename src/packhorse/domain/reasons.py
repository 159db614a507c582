"""From what is known of a job to the reasons why it does not run, in order of importance, each in a plain sentence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from packhorse.domain.durations import duration
from packhorse.domain.explanation import MOST_COUNTED, Explanation, Facts, JobFacts, KeyFacts, NeededJob, Reason
from packhorse.domain.obstacles import in_its_queue, in_its_way, of_workers
from packhorse.domain.queue import RateLimit
from packhorse.domain.state import FINAL, JobState

FEWEST_ENDED = 5
"""From fewer jobs that ended lately no pace is told."""


def explain(facts: Facts) -> Explanation:
    """Why the job does not run."""
    job = facts.job
    ahead, pace = _ahead(facts), _pace(facts)
    counted = None if ahead is None else min(ahead, MOST_COUNTED)
    wait = None if counted is None or pace is None else timedelta(seconds=counted / pace)
    return Explanation(
        id=job.id,
        task=job.task,
        queue=job.queue,
        state=job.state,
        claimable=facts.claimable and (ahead or 0) < facts.free_permits,
        reasons=_reasons(facts, ahead, pace, wait),
        ahead=counted,
        ahead_is_exact=ahead is None or ahead <= MOST_COUNTED,
        per_second=pace,
        wait=wait,
    )


def _reasons(facts: Facts, ahead: int | None, pace: float | None, wait: timedelta | None) -> list[Reason]:
    if facts.job.state in FINAL:
        return [_ended(facts)]
    if facts.job.state is JobState.EXECUTING:
        return _running(facts)
    later = [*in_its_queue(facts), *of_workers(facts)]
    if facts.job.state is not JobState.AVAILABLE:
        own = _waiting(facts)
        return [*later, own] if own.code in ("settling", "due") else [own, *later]
    found = [*later, *in_its_way(facts, ahead or 0), *_behind(facts, ahead or 0, pace, wait)]
    return found or [Reason(code="next", text=_next_text(facts))]


def _ahead(facts: Facts) -> int | None:
    """How many are claimed before it: those before it in the order, and for an ordinary one all suspects."""
    if facts.ahead is None:
        return None
    return facts.ahead if facts.job.crashes else facts.ahead + facts.suspects


def _pace(facts: Facts) -> float | None:
    """How many jobs of the queue end in a second."""
    ended = [(one.number, one.since) for one in facts.queue.ended if one.since is not None]
    if sum(number for number, _ in ended) < FEWEST_ENDED:
        return None
    return sum(number / max(0.001, (facts.now - since).total_seconds()) for number, since in ended)


# What has become of it


def _ended(facts: Facts) -> Reason:
    job = facts.job
    where = f" on {job.worker}" if job.worker else ""
    when = _ago(facts, job.finished_at)
    if job.state is JobState.SUCCEEDED:
        return Reason(code="succeeded", text=f"it succeeded {when}{where}")
    if job.state is JobState.CANCELLED:
        why = f": {job.reason}" if job.reason else ""
        ids = " ".join(str(id) for id in (*(one.id for one in facts.needed if one.state in FINAL), job.id))
        return Reason(code="cancelled", text=f"it was cancelled {when}{why}", advice=f"`packhorse jobs retry {ids}`")
    text = f"it failed {when}{where}, in attempt {job.attempt}: {_error(job)}"
    if job.dismissed_at is None:
        return Reason(code="failed", text=text, advice=f"`packhorse inbox show {job.id}`")
    by = f" by {job.dismissed_by}" if job.dismissed_by else ""
    text = f"{text}; that was dismissed{by} {_ago(facts, job.dismissed_at)}"
    return Reason(code="dismissed", text=text, advice=f"`packhorse jobs retry {job.id}`")


def _running(facts: Facts) -> list[Reason]:
    job = facts.job
    holder = next((one for one in facts.workers if one.record.id == job.worker_id), None)
    if holder is None or not holder.is_alive(facts.now):
        return [_lost(facts)]
    counts = duration(holder.record.expires_at - facts.now)
    text = f"it was claimed by {holder.record.name} {_ago(facts, job.started_at)}, as attempt {job.attempt}"
    text += f", and runs there; the worker counts as alive for {counts}, and for longer with each heartbeat"
    found = [Reason(code="running", text=text, advice=f"`packhorse jobs log {job.id} --follow`")]
    if job.cancel_at is not None:
        by = job.cancelled_by or "somebody"
        asked = f"its cancellation was asked for {_ago(facts, job.cancel_at)} by {by}; its handler has not ended yet"
        found.insert(0, Reason(code="cancelling", text=asked))
    return found


def _lost(facts: Facts) -> Reason:
    job = facts.job
    name = f"worker {job.worker} is lost" if job.worker else "worker is not registered any more"
    text = f"its {name}, and took it {_ago(facts, job.started_at)}"
    if any(one.is_alive(facts.now) for one in facts.workers):
        return Reason(code="lost", text=f"{text}; a live worker gives it back within some 15 s")
    return Reason(code="lost", text=f"{text}, and no live worker is there to give it back", advice="`packhorse worker`")


# What it waits for


def _waiting(facts: Facts) -> Reason:
    """What a blocked or scheduled job waits for."""
    job = facts.job
    if job.state is JobState.SCHEDULED:
        return _scheduled(facts)
    if job.waits_for == "hold":
        return Reason(code="held", text=f"it is on hold: {job.reason}", advice=f"`packhorse jobs release {job.id}`")
    if job.waits_for == "task":
        text = f"it was set aside because no live worker knew the task {job.task}"
        return Reason(code="settling", text=f"{text}; it comes back as soon as one does")
    if job.waits_for == "jobs" and facts.needed:
        return _after(facts)
    if job.waits_for == "serial" and facts.key.holder is not None:
        return _serial(facts, facts.key, facts.key.holder)
    if job.waits_for == "group" and not job.is_fresh:
        return _group(facts)
    what = {"jobs": "what it waited for has ended", "serial": f"nobody has its serial key {job.serial_key}"}
    text = what.get(job.waits_for or "", f"it has come to its group {job.group_key}")
    return Reason(code="settling", text=f"{text}: a worker settles within a second or so who is next")


def _scheduled(facts: Facts) -> Reason:
    job = facts.job
    before = _so_far(job)
    if job.scheduled_at is None or job.scheduled_at <= facts.now:
        text = f"it has been due {_ago(facts, job.scheduled_at)}: the next look of a worker makes it available"
        return Reason(code="due", text=text + before)
    text = f"it is not due before {_moment(job.scheduled_at)}, {_ago(facts, job.scheduled_at)}"
    return Reason(code="not_due", text=text + before)


def _after(facts: Facts) -> Reason:
    first, *others = facts.needed
    more = f", and for {_counted(len(others), 'other job', 'other jobs')}" if others else ""
    advice: str | None = f"`packhorse jobs explain {first.id}`"
    if first.state not in FINAL:
        end = "success" if first.needs == "success" else "end"
        text = f"it waits for the {end} of job {first.id}, which {_stands(first)}{more}"
    elif first.state is JobState.FAILED:
        text = f"it waits for the success of job {first.id}, which failed{more}"
        advice = f"`packhorse inbox show {first.id}`"
    else:
        text = f"it waits for the success of job {first.id}, which was cancelled{more}: a worker cancels it soon"
    return Reason(code="after", text=text, advice=advice)


def _stands(job: NeededJob) -> str:
    return {"executing": "runs", "scheduled": "is not due yet", "available": "waits for a worker"}.get(
        job.state, "waits itself"
    )


def _serial(facts: Facts, key: KeyFacts, holder: int) -> Reason:
    text = f"it waits for its serial key {facts.job.serial_key}, held by job {holder}, which {_held_by(facts, key)}"
    if key.ahead:
        text += f"; {_counted(key.ahead, 'job is', 'jobs are')} before it"
    return Reason(code="serial_key", text=text, advice=f"`packhorse jobs explain {holder}`")


def _held_by(facts: Facts, key: KeyFacts) -> str:
    if key.state is JobState.EXECUTING:
        where = f" on {key.worker}" if key.worker else ""
        return f"has been running for {_since(facts, key.started_at)}{where}"
    if key.state is JobState.SCHEDULED:
        return f"is due again {_ago(facts, key.scheduled_at)}"
    if key.state is JobState.AVAILABLE:
        return "is the next to run"
    return {"hold": "is on hold", "task": "waits for a worker that knows its task"}.get(
        key.waits_for or "", "waits for room in its group"
    )


def _group(facts: Facts) -> Reason:
    job, group = facts.job, facts.group
    text = f"it waits for its turn in the group {job.group_key}"
    inside, most = group.inside or 0, group.max_running
    advice: str | None = None
    if most is not None and inside >= most:
        text += (
            f": {_counted(inside, 'job', 'jobs')} of the group run or are next, of at most {most:,} (group_max_running)"
        )
        advice = f"`packhorse queues set {job.queue} group_max_running={most * 2}`"
    elif group.rate_count is not None:
        text += (
            f": the group starts no more than its rate of {RateLimit(group.rate_count, group.rate_period)} (group_rate)"
        )
        if group.next_at is not None and group.next_at > facts.now:
            text += f", and goes on {_ago(facts, group.next_at)}"
    elif group.is_fair:
        text += f": {_counted(inside, 'job', 'jobs')} of it go first, and the queue is shared among groups (fair)"
    if group.ahead:
        text += f"; {_counted(group.ahead, 'job of it waits', 'jobs of it wait')} before it"
    return Reason(code="group", text=text, advice=advice)


# What is before it


def _behind(facts: Facts, ahead: int, pace: float | None, wait: timedelta | None) -> Iterable[Reason]:
    if not ahead:
        return
    text = f"{_counted(ahead, 'job', 'jobs')} of the queue {facts.job.queue} {'is' if ahead == 1 else 'are'} before it"
    if pace is None or wait is None:
        text += "; how long they take is not known, because hardly any have ended in the last 5 min"
    else:
        least = "at least " if ahead > MOST_COUNTED else ""
        text += f": {least}about {duration(wait)} at the present {_figure(pace)}"
    yield Reason(code="behind", text=text)


def _next_text(facts: Facts) -> str:
    fitting = [
        one for one in facts.workers if one.is_alive(facts.now) and one.serves(facts.job.queue) and one.knows_task
    ]
    names = ", ".join(sorted(one.record.name for one in fitting)[:3])
    return f"nothing is in its way: it is the next of its queue, for the first free slot of {names}"


# Words


def _counted(number: int, one: str, many: str) -> str:
    if number > MOST_COUNTED:
        return f"more than {MOST_COUNTED:,} {many}"
    return f"{number:,} {one if number == 1 else many}"


def _figure(pace: float) -> str:
    if pace >= 1:
        return f"{pace:,.0f} jobs/s"
    return f"{pace * 60:,.0f} jobs/min" if pace * 60 >= 1 else f"{pace * 3600:,.1f} jobs/h"


def _error(job: JobFacts) -> str:
    if job.error_type is None:
        return job.reason or "without an error"
    return f"{job.error_type}: {job.error_message}" if job.error_message else job.error_type


def _so_far(job: JobFacts) -> str:
    """What has happened to a job that is to run again."""
    if not job.failures:
        return f"; {job.reason}" if job.reason else ""
    failed = _counted(job.failures, "attempt has", "attempts have")
    most = "" if job.max_attempts is None else f" of at most {job.max_attempts:,}"
    return f"; {failed} failed{most}, the last with {_error(job)}"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _since(facts: Facts, at: datetime | None) -> str:
    return "an unknown time" if at is None else duration(max(timedelta(0), facts.now - at))


def _ago(facts: Facts, at: datetime | None) -> str:
    if at is None:
        return "some time ago"
    passed = facts.now - at
    return f"{duration(passed)} ago" if passed >= timedelta(0) else f"in {duration(-passed)}"
