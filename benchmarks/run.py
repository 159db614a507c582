"""A whole run: environments, server, every case of every workload in turn, and the results."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.commands import Command, PeerFailed
from benchmarks.environments import prepare
from benchmarks.machine import facts
from benchmarks.peers.roster import peers
from benchmarks.postgres import Postgres
from benchmarks.progress import Progress
from benchmarks.results import Outcome, PeerFacts, Results
from benchmarks.rounds import Sample, interleaved, series_of, summaries_of
from benchmarks.stage import Scale, Stage
from benchmarks.workload import Case, Workload

ROOM_IN_MEMORY = 1 << 28


def run(
    workloads: Sequence[Workload], scale: Scale, only: Sequence[str] = (), keep: Callable[[Results], None] | None = None
) -> Results:
    """Measure the workloads.

    Args:
        workloads: which.
        scale: how much.
        only: the peers to measure, by name; all that can be installed if empty.
        keep: given what there is after each workload, so that a long run that is broken off was not in vain.
    """
    with _stage(workloads, scale, only) as (stage, missing):
        about = facts(stage.folder) | {"scale": _spoken(scale), "postgresql": stage.server.settings()}
        told = {name: _facts_of(stage, name) for name in stage.environments}
        plan = {workload.id: workload.cases_on(stage) for workload in workloads}
        progress = Progress([_label(id_, case) for id_, cases in plan.items() for case in _repeated(cases, scale)])
        for name, reason in missing.items():
            progress.tell(f"{name} is left out: {reason}")
        outcomes: list[Outcome] = []
        for workload in workloads:
            outcomes.append(_measured(workload, plan[workload.id], stage, progress))
            if keep is not None:
                keep(Results(about, told, missing, tuple(outcomes)))
    return Results(about, told, missing, outcomes)


def _measured(workload: Workload, cases: Sequence[Case], stage: Stage, progress: Progress) -> Outcome:
    by_name = {case.name: case for case in cases}
    samples: dict[str, list[Sample]] = {name: [] for name in by_name}
    failures: dict[str, str] = {}
    for number, name in interleaved(list(by_name), stage.scale.rounds):
        case = by_name[name]
        if number > _rounds(case, stage.scale):
            continue
        progress.begin(_label(workload.id, case))
        try:
            samples[name].append(case.measure())
            said = _said(samples[name][-1], workload.metric)
        except PeerFailed as error:
            said = failures[name] = str(error)
        progress.end(_label(workload.id, case), said)
    summaries = {name: summaries_of(taken) for name, taken in samples.items() if taken}
    series = {name: series_of(taken) for name, taken in samples.items() if taken}
    return Outcome(workload, summaries, series, failures)


@contextlib.contextmanager
def _stage(workloads: Sequence[Workload], scale: Scale, only: Sequence[str]) -> Iterator[tuple[Stage, dict[str, str]]]:
    known = {name: peer for name, peer in peers().items() if not only or name in only}
    if scale.name == "quick":
        known = {name: peer for name, peer in known.items() if name in _quick_peers(workloads)}
    environments, missing = prepare(list(known.values()))
    memory = Path("/dev/shm")  # noqa: S108 - only the root of unique folders made by mkdtemp
    if not memory.is_dir() or shutil.disk_usage(memory).free < ROOM_IN_MEMORY:
        memory = Path(tempfile.gettempdir())
    folder = Path(tempfile.gettempdir())
    with Postgres(folder) as server:
        yield Stage(server, known, environments, scale, folder, memory), missing


def _quick_peers(workloads: Sequence[Workload]) -> set[str]:
    """The peers of the quick cases; the cases are declared without a stage being there."""
    return {name for workload in workloads for name in workload.quick_peers}


def _spoken(scale: Scale) -> str:
    return f"{scale.name}: {scale.share:.0%} of the jobs, {scale.rounds} rounds"


def _facts_of(stage: Stage, name: str) -> PeerFacts:
    command: Command = stage.command(name)
    return PeerFacts(command.run("describe")["versions"], stage.peers[name].settings)


def _repeated(cases: Sequence[Case], scale: Scale) -> Iterator[Case]:
    for case in cases:
        for _ in range(_rounds(case, scale)):
            yield case


def _rounds(case: Case, scale: Scale) -> int:
    return min(case.rounds or scale.rounds, scale.rounds)


def _label(workload: str, case: Case) -> str:
    return f"{workload} {case.name}"


def _said(sample: Sample, metric: str) -> str:
    value = sample.get(metric)
    return f"{metric} {value:,.6g}" if isinstance(value, float) else "no figure"
