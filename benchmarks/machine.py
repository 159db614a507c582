"""What a result must say of the machine and the code that it comes from."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.environments import ROOT

KIB_PER_GIB = 1024 * 1024


def facts(folder: Path) -> dict[str, object]:
    """The machine, the interpreter, and the commit; `folder` is where the databases lie."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "has_local_changes": bool(_git("status", "--porcelain", "--", "src")),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": _memory_gib(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(folder),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _cpu() -> str:
    return _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()


def _memory_gib() -> float:
    kib = _line("/proc/meminfo", "MemTotal").split()
    return round(int(kib[0]) / KIB_PER_GIB, 1) if kib else 0.0


def _line(path: str, key: str) -> str:
    """What stands behind the key in a file of `key: value` lines."""
    lines: Sequence[str] = Path(path).read_text().splitlines() if Path(path).exists() else ()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _file_system(folder: Path) -> str:
    """The kind of the file system that holds the folder: of all mount points above it, the deepest."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holders = [(len(place), kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(holders)[1] if holders else "unknown"
