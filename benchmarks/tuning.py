"""Does the controller of queue tables set its dials well? `python -m benchmarks.tuning`: a model of loads, no database.

Rows come at a rate that changes; runs take up to batch size times parallelism of them, in lists; a transaction costs
something by itself, a row takes its time, more lanes than the database has room for share what there is, and a row that
fails undoes its whole transaction, after which its rows are tried one by one. No row takes as long as another where a
load is uneven. Each load is driven by every fixed
setting of a grid, by the default one (16 times 2), and by the controller; what counts is when the last row was done.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.drawing import BARE, OTHER, OURS, Bar, Picture, bars, lines, svg
from packhorse.domain.tuning import Bounds, Observation, Tuning, tune

GRID = [(batch, lanes) for batch in (1, 4, 16, 64, 256) for lanes in (1, 2, 4, 8)]
DEFAULT = (16, 2)
LOOK_SECONDS = 0.08
OBSERVED_SECONDS = 0.25
BACKOFF_SECONDS, RUN_SECONDS, LONGEST_SECONDS = 2.0, 0.001, 3_600.0
RANDOM_LOADS = 40
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What comes, and what it costs.

    Attributes:
        arrivals: how many rows have come by a time in seconds; it ends at some number.
        total: that number.
        service: seconds that a row takes.
        overhead: seconds that a transaction takes beside its rows.
        room: how many lanes the database serves at full speed.
        fails: whether the n-th attempt at a row fails, by its number and the time.
        uneven: how far rows are from taking the same time: the deviation of the logarithm, around the same mean.
    """

    arrivals: Callable[[float], float]
    total: int
    service: float
    overhead: float = 0.004
    room: int = 8
    fails: Callable[[int, float], bool] = lambda row, at: False
    uneven: float = 0.0


@dataclass(slots=True)
class Course:
    """How a load went: when the last row was done, and the dials and rows that waited by time."""

    ended: float = 0.0
    points: list[tuple[float, int, int, int]] = field(default_factory=list)


def steady(total: int = 12_000) -> Load:
    """400 rows a second for half a minute, 4 ms each."""
    return Load(arrivals=lambda at: min(total, 400 * at), total=total, service=0.004)


def burst(total: int = 20_000) -> Load:
    """All at once, 2 ms each."""
    return Load(arrivals=lambda at: total, total=total, service=0.002)


def ramp(total: int = 18_000) -> Load:
    """More and more: 40 rows a second more with each second."""
    return Load(arrivals=lambda at: min(total, 20 * at * at), total=total, service=0.004)


def slow(total: int = 1_500) -> Load:
    """At once, 80 ms each: a call of another system."""
    return Load(arrivals=lambda at: total, total=total, service=0.08)


def failing(total: int = 8_000) -> Load:
    """At once, 3 ms each; a service is down for five seconds, and one row in fifty is bad for twelve."""

    def fails(row: int, at: float) -> bool:
        return 2 < at < 7 or (row % 50 == 7 and at < 12)

    return Load(arrivals=lambda at: total, total=total, service=0.003, fails=fails)


def saturated(total: int = 12_000) -> Load:
    """At once, 3 ms each, on a database that serves two lanes."""
    return Load(arrivals=lambda at: total, total=total, service=0.003, room=2)


LOADS: Mapping[str, Callable[[], Load]] = {
    "steady": steady,
    "burst": burst,
    "ramp": ramp,
    "slow handler": slow,
    "failing handler": failing,
    "saturated database": saturated,
}


UNEVEN = 0.8
"""One row in twenty takes more than three times as long as the median, one in twenty less than a third."""


def uneven(load: Load) -> Load:
    """The same load, of rows that take now more, now less."""
    return replace(load, uneven=UNEVEN)


def random_load(seed: int) -> Load:
    """Any mixture, to see whether what holds for the named ones holds for others."""
    chance = random.Random(seed)  # noqa: S311 - makes loads, guards no secret
    total = chance.randrange(1_000, 20_000)
    rate = chance.choice([0.0, chance.uniform(50, 2_000)])
    return Load(
        arrivals=(lambda at: min(total, rate * at)) if rate else (lambda at: total),
        total=total,
        service=10 ** chance.uniform(-3.3, -1.5),
        overhead=10 ** chance.uniform(-3, -2),
        room=chance.choice([1, 2, 3, 4, 8, 16]),
    )


def drive(load: Load, dials: tuple[int, int] | None) -> Course:
    """Run a load with fixed dials, or, with None, with the controller."""
    return _Model(load, dials).run()


class _Model:
    """A queue table, its lanes, and the time."""

    def __init__(self, load: Load, dials: tuple[int, int] | None) -> None:
        self.load = load
        self.dials = dials
        self.tuning = Tuning(batch_size=DEFAULT[0], parallelism=DEFAULT[1])
        self.course = Course()
        self.at = self.seen_at = self.seconds = self.busy = 0.0
        self.done = self.failed = self.came = self.ended = 0
        self.waiting: list[int] = []
        self.later: list[tuple[float, int]] = []
        self.chance = random.Random(1)  # noqa: S311 - makes loads, guards no secret

    def run(self) -> Course:
        """Until the last row is done."""
        while self.ended < self.load.total and self.at < LONGEST_SECONDS:
            self._come()
            batch, lanes = self.dials or (self.tuning.batch_size, self.tuning.parallelism)
            due = [row for when, row in self.later if when <= self.at]
            self.later = [(when, row) for when, row in self.later if when > self.at]
            work = _shared(self.waiting, due, batch, lanes)
            if any(work):
                self._work(work)
                self.course.points.append((self.at, batch, lanes, len(self.waiting) + len(self.later)))
            else:
                self.at += LOOK_SECONDS
            if self.at - self.seen_at >= OBSERVED_SECONDS:
                self._observe()
        self.course.ended = self.at
        return self.course

    def _come(self) -> None:
        came = max(self.came, int(self.load.arrivals(self.at)))
        self.waiting += range(self.came, came)
        self.came = came

    def _work(self, work: list[list[int]]) -> None:
        slower, longest = max(1.0, sum(map(bool, work)) / self.load.room), 0.0
        for rows in filter(None, work):
            spent, done, failed = _transaction(self.load, rows, self.at, self.chance)
            self.ended += done
            self.done += done
            self.failed += len(failed)
            self.later += [(self.at + BACKOFF_SECONDS, row) for row in failed]
            self.busy += spent * slower
            longest = max(longest, spent * slower)
        self.at += longest + RUN_SECONDS
        self.seconds += longest + RUN_SECONDS

    def _observe(self) -> None:
        seen = Observation(
            at=self.at,
            backlog=len(self.waiting),
            done=self.done,
            failed=self.failed,
            seconds=self.seconds,
            busy_seconds=self.busy,
        )
        self.tuning, self.seen_at = tune(self.tuning, seen, Bounds()), self.at
        self.done = self.failed = 0
        self.seconds = self.busy = 0.0


def _shared(waiting: list[int], due: list[int], batch: int, lanes: int) -> list[list[int]]:
    """What each lane takes: lists of what nobody has tried, or one row that failed before."""
    work = list[list[int]]()
    for _ in range(lanes):
        if due:
            work.append([-1 - due.pop()])
        else:
            work.append(waiting[:batch])
            del waiting[:batch]
    waiting += due
    return work


def _transaction(load: Load, rows: list[int], at: float, chance: random.Random) -> tuple[float, int, list[int]]:
    """How long a transaction takes, how many rows it does, and which are to be tried again."""
    service = load.service * len(rows)
    if load.uneven:
        mean = -load.uneven * load.uneven / 2
        service = load.service * sum(chance.lognormvariate(mean, load.uneven) for _ in rows)
    spent = load.overhead + service
    numbers = [-1 - row if row < 0 else row for row in rows]
    bad = [row for row in numbers if load.fails(row, at)]
    if not bad:
        return spent, len(rows), []
    if len(rows) == 1:
        return spent, 0, numbers
    return spent + load.overhead * len(rows) + service, len(rows) - len(bad), bad


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The ends of a load, in seconds, and how the controller got there."""

    best: str
    best_seconds: float
    default_seconds: float
    tuned_seconds: float
    points: list[tuple[float, int, int, int]]

    @property
    def of_best(self) -> float:
        """How many times as long as the best fixed setting."""
        return self.tuned_seconds / self.best_seconds

    @property
    def of_default(self) -> float:
        """How many times as long as the default one."""
        return self.tuned_seconds / self.default_seconds


def compared(load: Load) -> Compared:
    """A load with every setting of the grid, and with the controller."""
    fixed = {f"{batch} x {lanes}": drive(load, (batch, lanes)).ended for batch, lanes in GRID}
    best = min(fixed, key=lambda name: fixed[name])
    tuned = drive(load, None)
    return Compared(
        best=best,
        best_seconds=fixed[best],
        default_seconds=fixed["16 x 2"],
        tuned_seconds=tuned.ended,
        points=tuned.points,
    )


def pictures(name: str, one: Compared) -> list[Picture]:
    """The ends side by side, and the lanes and the rows that wait over time."""
    ends = {f"best fixed, {one.best}": one.best_seconds, "default, 16 x 2": one.default_seconds}
    colors = [BARE, OTHER, OURS]
    rows = [
        Bar(label, value, value, value, color)
        for (label, value), color in zip([*ends.items(), ("load-balanced", one.tuned_seconds)], colors, strict=True)
    ]
    at = [point[0] for point in one.points]
    return [
        bars(f"{name}: until the last row is done", "s", rows, {row.label: f"{row.value:.1f} s" for row in rows}),
        lines(f"{name}: lanes", at, [float(point[2]) for point in one.points], "s"),
        lines(f"{name}: rows that wait", at, [float(point[3]) for point in one.points], "s"),
    ]


def main() -> None:
    """Print the table, and write the figures and the plot."""
    results = {name: compared(load()) for name, load in LOADS.items()}
    results |= {f"{name}, uneven": compared(uneven(load())) for name, load in LOADS.items()}
    results |= {f"random {seed}": compared(random_load(seed)) for seed in range(RANDOM_LOADS)}
    print(
        f"{'load':26} {'best fixed':>12} {'seconds':>8} {'default':>8} {'tuned':>8} {'of best':>8} {'of default':>10}"
    )
    for name, one in results.items():
        ends = f"{one.best_seconds:8.2f} {one.default_seconds:8.2f} {one.tuned_seconds:8.2f}"
        print(f"{name:26} {one.best:>12} {ends} {one.of_best:8.2f} {one.of_default:10.2f}")
    figures = {
        name: {key: value for key, value in asdict(one).items() if key != "points"} for name, one in results.items()
    }
    (RESULTS / "tuning.json").write_text(json.dumps(figures, indent=2) + "\n")
    (RESULTS / "tuning.svg").write_text(svg([part for name in LOADS for part in pictures(name, results[name])]))


if __name__ == "__main__":
    main()
