"""PostgreSQL's own pgbench, as the limit beside which figures are read."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg

from benchmarks.commands import PeerFailed
from benchmarks.environments import ROOT
from benchmarks.peers.statements import statement
from benchmarks.rounds import Sample
from benchmarks.stage import Stage

QUERIES = ROOT / "benchmarks" / "queries"
RATE = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")


def pgbench(stage: Stage, script: str, tables: str, transactions: int, clients: int) -> Sample:
    """Run a script of `queries/` in a new database.

    Args:
        stage: where.
        script: the transaction, `queries/SCRIPT.sql`.
        tables: what it works on, `queries/TABLES.sql`, with `%(clients)s` and `%(each)s` in it.
        transactions: how many in all.
        clients: how many connections share them.

    Returns:
        `jobs_per_s`: its transactions per second.

    Raises:
        PeerFailed: it did not succeed.
    """
    each = max(1, transactions // clients)
    with stage.server.database() as url:
        with psycopg.connect(url) as connection:
            for one in statement(tables).split(";"):
                connection.execute(_filled(one, {"clients": clients, "each": each}).encode())
        stage.settle(url)
        parts = urlsplit(url)
        words = [
            *(stage.server.program("pgbench"), "-n", "-f", str(QUERIES / f"{script}.sql"), "-M", "prepared"),
            *("-c", str(clients), "-j", "2", "-t", str(each), "-D", "n=0", "-D", f"each={each}"),
            *("-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username), parts.path.lstrip("/")),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = RATE.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise PeerFailed(f"pgbench failed: {done.stderr.strip()[-300:]}")
    return {"jobs_per_s": float(found[1])}


def _filled(text: str, values: Mapping[str, int]) -> str:
    return text % values
