"""What a workload is: cases that are measured in turn, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Ratio, Summary, ratio_of
from benchmarks.rounds import Sample
from benchmarks.stage import Stage


@dataclass(frozen=True, slots=True)
class Case:
    """One way of doing the workload.

    Attributes:
        name: as results and plots call it.
        peer: who does it; empty for what needs no environment, such as pgbench.
        measure: measures it once.
        is_quick: whether it belongs to `make bench-quick`, if its peer does.
        rounds: how often, where that differs from the rest.
    """

    name: str
    peer: str
    measure: Callable[[], Sample]
    is_quick: bool = True
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What one figure, or the ratio of two, ought to be.

    Attributes:
        ours: the case that it is about.
        metric: which of its figures.
        theirs: the case that it is divided by; none where the figure itself counts.
        at_least: the bound, where more is better.
        at_most: the bound, where less is better.
    """

    ours: str
    metric: str
    theirs: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def verdict(self, cases: dict[str, dict[str, Summary]]) -> Verdict | None:
        """What it comes to; None if one of the figures was not measured."""
        ours = cases.get(self.ours, {}).get(self.metric)
        if ours is None:
            return None
        if self.theirs is None:
            return Verdict(self, Ratio(ours.median, ours.low, ours.high))
        theirs = cases.get(self.theirs, {}).get(self.metric)
        ratio = None if theirs is None else ratio_of(ours, theirs)
        return None if ratio is None else Verdict(self, ratio)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured."""

    target: Target
    value: Ratio

    @property
    def is_reached(self) -> bool | None:
        """Whether the median keeps the bound; None for a ratio that has none and is only told."""
        if self.target.at_least is not None:
            return self.value.value >= self.target.at_least
        if self.target.at_most is not None:
            return self.value.value <= self.target.at_most
        return None


@dataclass(frozen=True, slots=True)
class Workload:
    """One of the workloads B1 to B14.

    Attributes:
        id: `B1`.
        title: what is measured, in a line.
        metric: the figure that plots show.
        cases: the ways of doing it on a stage.
        targets: what is said of them.
        quick_peers: who takes part in `make bench-quick`; nobody where the workload does not belong to it.
        missing: why it, or a part of it, is not measured yet.
    """

    id: str
    title: str
    metric: str
    cases: Callable[[Stage], Sequence[Case]]
    targets: Sequence[Target] = ()
    quick_peers: tuple[str, ...] = ()
    missing: str = ""

    def cases_on(self, stage: Stage) -> list[Case]:
        """The cases that can and shall be measured there."""
        return [
            case
            for case in self.cases(stage)
            if (not case.peer or stage.has(case.peer)) and self._is_wanted(case, stage)
        ]

    def _is_wanted(self, case: Case, stage: Stage) -> bool:
        return stage.scale.name != "quick" or (case.is_quick and case.peer in self.quick_peers)
