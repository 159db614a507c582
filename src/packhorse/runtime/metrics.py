"""The figures of a command's worker processes in the text format of Prometheus, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

from packhorse.runtime.crew import Crew
from packhorse.runtime.health import obstacles
from packhorse.runtime.link import Figures, Report
from packhorse.runtime.place import Place

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, object], float]
"""Labels and a value."""


def metrics(crew: Crew) -> str:
    """All of them. `process` is the number of a place, and stays the same when another process takes it."""
    families = [
        _family("packhorse_ready", "gauge", "Whether jobs are taken here.", [({}, not obstacles(crew))]),
        _family("packhorse_worker_info", "gauge", "The process in each place.", map(_info, _occupied(crew))),
        *_counters(crew),
        *_gauges(crew),
    ]
    return "".join(families)


def _counters(crew: Crew) -> Iterable[str]:
    figures = [(place, place.figures()) for place in crew.places]
    ended = [
        ({"process": place.number, "outcome": outcome}, count)
        for place, figure in figures
        for outcome, count in sorted(figure.ended.items())
    ]
    yield _family("packhorse_jobs_total", "counter", "Runs that ended, by outcome.", ended)
    totals: tuple[tuple[str, str, Callable[[Figures], float]], ...] = (
        ("packhorse_claims_total", "Claims that the database answered.", lambda one: one.claims),
        ("packhorse_claimed_jobs_total", "Jobs that claims brought.", lambda one: one.claimed),
    )
    for name, text, value in totals:
        yield _family(name, "counter", text, [({"process": place.number}, value(figure)) for place, figure in figures])
    yield _family(
        "packhorse_process_starts_total",
        "counter",
        "Starts of worker processes.",
        [({"process": place.number}, place.starts) for place in crew.places],
    )
    yield _header("packhorse_ack_seconds", "summary", "How long the database took to store a batch of outcomes.")
    for place, figure in figures:
        labels = {"process": place.number}
        yield _line("packhorse_ack_seconds_sum", labels, figure.ack_seconds)
        yield _line("packhorse_ack_seconds_count", labels, figure.acks)


def _gauges(crew: Crew) -> Iterable[str]:
    reports = [(place, [one.report for one in place.processes() if one.report]) for place in crew.places]
    totals: tuple[tuple[str, str, Callable[[Report], float]], ...] = (
        ("packhorse_jobs_running", "Jobs that run now.", lambda one: one.running),
        ("packhorse_jobs_buffered", "Jobs that are claimed and have not started.", lambda one: one.waiting),
        ("packhorse_memory_bytes", "Main memory occupied, isolated children included.", lambda one: one.memory),
    )
    for name, text, value in totals:
        samples: list[Sample] = [({"process": place.number}, sum(map(value, ours))) for place, ours in reports]
        yield _family(name, "gauge", text, samples)
    yield _family("packhorse_slots", "gauge", "Jobs that can run at once.", [_slots(place) for place in crew.places])
    yield _family(
        "packhorse_database_silence_seconds",
        "gauge",
        "Time since the database last answered.",
        [_silence(place) for place in _occupied(crew)],
    )


def _occupied(crew: Crew) -> list[Place]:
    return [place for place in crew.places if place.current is not None and place.current.report is not None]


def _info(place: Place) -> Sample:
    pid = place.current.pid if place.current else 0
    return {"process": place.number, "pid": pid, "version": version("packhorse")}, 1


def _slots(place: Place) -> Sample:
    report = place.current.report if place.current else None
    return {"process": place.number}, report.slots if report else 0


def _silence(place: Place) -> Sample:
    current = place.current
    report = current.report if current else None
    seconds = report.silence + current.silence if current and report else 0.0
    return {"process": place.number}, round(seconds, 3)


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    return _header(name, kind, text) + "".join(_line(name, labels, value) for labels, value in samples)


def _header(name: str, kind: str, text: str) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: Mapping[str, object], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
    number = int(value) if value == int(value) else value
    return f"{name}{{{shown}}} {number}\n" if shown else f"{name} {number}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
