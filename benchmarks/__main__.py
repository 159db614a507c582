"""`python -m benchmarks`: what `make bench` and `make bench-quick` run."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from benchmarks.environments import ROOT
from benchmarks.run import run
from benchmarks.stage import FULL, QUICK, SMOKE
from benchmarks.table import table
from benchmarks.workload import Workload
from benchmarks.workloads.roster import WORKLOADS

SCALES = {scale.name: scale for scale in (FULL, QUICK, SMOKE)}
QUICK_FILE = ROOT / "build" / "bench-quick.json"


def main() -> None:
    """Measure, print the table, write the files."""
    options = _parsed()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that servers and workers are ended then, too
    results = run(_chosen(options), SCALES[options.scale], options.peer)
    print(table(results))
    if options.scale == "quick":
        _write(QUICK_FILE, results.quick())


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scale", choices=list(SCALES))
    parser.add_argument("--workload", action="append", default=[], help="only this one, B1 for example; repeatable")
    parser.add_argument("--peer", action="append", default=[], help="only this one; repeatable")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Workload]:
    known = [workload.id for workload in WORKLOADS]
    for name in options.workload:
        if name not in known:
            raise SystemExit(f"there is no workload {name!r}; there are {', '.join(known)}")
    wanted = options.workload or [one.id for one in WORKLOADS if one.quick_peers or options.scale != "quick"]
    return [workload for workload in WORKLOADS if workload.id in wanted]


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nwritten: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
