"""`python -m benchmarks`: what `make bench` and `make bench-quick` run."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from benchmarks.continued import continued
from benchmarks.environments import ROOT
from benchmarks.page import page, summary
from benchmarks.results import Results
from benchmarks.run import run
from benchmarks.stage import FULL, QUICK, SMOKE
from benchmarks.table import table
from benchmarks.workload import Workload
from benchmarks.workloads.roster import WORKLOADS

SCALES = {scale.name: scale for scale in (FULL, QUICK, SMOKE)}
RESULTS = ROOT / "benchmarks" / "results"
SMOKE_RESULTS = ROOT / "build" / "bench" / "smoke"
QUICK_FILE = ROOT / "build" / "bench-quick.json"


def main() -> None:
    """Measure, print the table, write the files."""
    options = _parsed()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers and workers are ended then, too
    folder = (options.out or (RESULTS if options.scale == "full" else SMOKE_RESULTS)).resolve()
    if options.scale == "quick":
        results = run(_chosen(options), QUICK, options.peer)
        print(table(results))
        _write(QUICK_FILE, as_text(results.quick()))
        print(f"\nwritten: {QUICK_FILE.relative_to(ROOT)}")
    else:
        results = run(_chosen(options), SCALES[options.scale], options.peer, lambda some: _keep(some, folder))
        print(table(results))
        print(f"\nwritten: {folder}")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scale", choices=list(SCALES))
    parser.add_argument("--workload", action="append", default=[], help="only this one, B1 for example; repeatable")
    parser.add_argument("--out", type=Path, help="where the files of a full or smoke run go")
    parser.add_argument("--peer", action="append", default=[], help="only this one; repeatable")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Workload]:
    known = [workload.id for workload in WORKLOADS]
    for name in options.workload:
        if name not in known:
            raise SystemExit(f"there is no workload {name!r}; there are {', '.join(known)}")
    wanted = options.workload or [one.id for one in WORKLOADS if one.quick_peers or options.scale != "quick"]
    return [workload for workload in WORKLOADS if workload.id in wanted]


def as_text(value: object) -> str:
    """JSON for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _keep(results: Results, folder: Path) -> None:
    """Write all files of a result, named after the day; what the day has brought before stays beside it."""
    day = str(results.machine["date"]).partition("T")[0]
    earlier = folder / f"{day}.json"
    if earlier.exists():
        results = continued(json.loads(earlier.read_text(encoding="utf-8")), results, WORKLOADS)
    _write(folder / f"{day}.json", as_text(results.as_json()))
    _write(folder / f"{day}.html", page(results))
    _write(folder / f"{day}.svg", summary(results))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
