"""Whose turn it is, by the rules alone: jobs in memory, without a database, a lock or a worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

ROOM = 2
"""How many of a group may go on."""
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(slots=True)
class Tied:
    """A job and what ties it to others."""

    id: int
    serial: str | None
    group: str | None
    after: frozenset[int]
    """Those it still waits for."""
    needs_success: bool
    due: int
    """The hour at which it is due."""
    gate: str | None = None
    state: str = "blocked"
    """That in the database; `held` is apart from `blocked`."""
    is_placed: bool = False
    has_key: bool = False
    has_room: bool = False
    is_dismissed: bool = False

    @property
    def shown(self) -> tuple[str, str | None]:
        """Its state, and what it waits for."""
        if self.state == "held":
            return "blocked", "hold"
        return self.state, self.gate if self.state == "blocked" else None


@dataclass(slots=True)
class TurnModel:
    """All jobs, and the lines in which some wait."""

    hour: int = 0
    jobs: dict[int, Tied] = field(default_factory=dict)
    lines: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def insert(self, job: Tied) -> None:
        """A job has come."""
        self.jobs[job.id] = job
        self._come(job, first_gate(job))

    def stage(self) -> None:
        """What is due comes to its gate."""
        for job in self.jobs.values():
            if job.state == "scheduled" and job.due <= self.hour:
                self._come(job, job.gate)

    def claim(self) -> set[int]:
        """All that can run begin to; who."""
        ready = [job for job in self.jobs.values() if job.state == "available"]
        for job in ready:
            job.state = "executing"
        return {job.id for job in ready}

    def end(self, id: int, state: str) -> None:
        """A run has ended for good."""
        job = self.jobs[id]
        self._leave(job, state)
        self._promote_all(job)

    def try_again(self, id: int, hours: int) -> None:
        """A run has ended, and there is to be another one: the key is kept, the room is not."""
        job = self.jobs[id]
        job.due, job.state, job.has_room = self.hour + hours, "scheduled", False
        job.gate = "group" if job.group else None
        self._promote_group(job.group)

    def give_back(self, id: int) -> None:
        """It did not run."""
        self.jobs[id].state = "available"

    def cancel(self, id: int) -> None:
        """Whoever does not run is gone."""
        if self.jobs[id].state not in (*ENDED, "executing"):
            self._leave(self.jobs[id], "cancelled")

    def hold(self, id: int) -> None:
        """Whoever does not run waits for a person; room is given back, the key is kept."""
        job = self.jobs[id]
        if job.state in ("blocked", "scheduled", "available"):
            self._step_out(job)
            job.state, job.has_room = "held", False
            job.gate = "group" if job.gate is None and job.group else job.gate

    def release(self, id: int) -> None:
        """It comes to its gate as if it were new."""
        if self.jobs[id].state == "held":
            self._come(self.jobs[id], self.jobs[id].gate)

    def retry(self, id: int) -> None:
        """A person brings it back: it waits again for the jobs after which it had not gone on, and for its keys."""
        job = self.jobs[id]
        if job.state in ("failed", "cancelled"):
            job.due, job.is_dismissed = self.hour, False
            self._come(job, first_gate(job))

    def dismiss(self, id: int) -> None:
        """A person gives a failure up."""
        self.jobs[id].is_dismissed = self.jobs[id].state == "failed"

    def settle(self) -> None:
        """Everybody moves who may, until nobody moves."""
        while self._pass():
            pass

    def _pass(self) -> bool:
        before = [(job.state, job.gate, job.is_placed) for job in self.jobs.values()]
        self._judge_followers()
        for job in self._waiting("serial", "group"):
            if not job.is_placed:
                job.is_placed = True
                self.lines.setdefault(line_of(job), []).append(job.id)
        for key in sorted({job.serial for job in self.jobs.values() if job.serial}):
            self._promote_serial(key)
        for key in sorted({job.group for job in self.jobs.values() if job.group}):
            self._promote_group(key)
        return before != [(job.state, job.gate, job.is_placed) for job in self.jobs.values()]

    def _judge_followers(self) -> None:
        fates = {job.id: {self._fate(job, self.jobs[id]) for id in job.after} for job in self._waiting("jobs")}
        for id, fate in fates.items():
            if fate <= {"fine"}:
                self._pass_gate(self.jobs[id])
            elif "hopeless" in fate:
                self._leave(self.jobs[id], "cancelled")

    def _fate(self, job: Tied, target: Tied) -> str:
        if target.state not in ENDED:
            return "open"
        if target.state == "succeeded" or not job.needs_success:
            return "fine"
        return "hopeless" if target.state == "cancelled" or target.is_dismissed else "open"

    def _promote_all(self, job: Tied) -> None:
        if job.serial:
            self._promote_serial(job.serial)
        self._promote_group(job.group)

    def _promote_serial(self, key: str) -> None:
        if not any(job.has_key for job in self.jobs.values() if job.serial == key):
            for id in self.lines.get(("serial", key), [])[:1]:
                self.jobs[id].has_key = True
                self._pass_gate(self.jobs[id])

    def _promote_group(self, key: str | None) -> None:
        inside = sum(job.has_room for job in self.jobs.values() if job.group == key)
        for id in self.lines.get(("group", key or ""), [])[: max(0, ROOM - inside)]:
            self.jobs[id].has_room = True
            self._pass_gate(self.jobs[id])

    def _pass_gate(self, job: Tied) -> None:
        self._step_out(job)
        if job.gate == "jobs":
            job.after = frozenset()
        later = {"jobs": ("serial", "group"), "serial": ("group",), "group": ()}[job.gate or "group"]
        named = {"serial": job.serial, "group": job.group}
        self._come(job, next((gate for gate in later if named[gate]), None))

    def _come(self, job: Tied, gate: str | None) -> None:
        job.gate, job.is_placed = gate, False
        job.state = "scheduled" if job.due > self.hour else "available" if gate is None else "blocked"

    def _leave(self, job: Tied, state: str) -> None:
        self._step_out(job)
        job.state, job.gate, job.has_key, job.has_room = state, None, False, False

    def _step_out(self, job: Tied) -> None:
        job.is_placed = False
        for members in self.lines.values():
            if job.id in members:
                members.remove(job.id)

    def _waiting(self, *gates: str) -> Iterable[Tied]:
        return [job for _, job in sorted(self.jobs.items()) if job.state == "blocked" and job.gate in gates]


def first_gate(job: Tied) -> str | None:
    """Where it waits first."""
    if job.after:
        return "jobs"
    return "serial" if job.serial else "group" if job.group else None


def line_of(job: Tied) -> tuple[str, str]:
    """The line at its gate."""
    return ("serial", job.serial or "") if job.gate == "serial" else ("group", job.group or "")
