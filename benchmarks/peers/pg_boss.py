"""pg-boss on Node.js: workers poll, rows retained until its maintenance comes.

Four loops of `work` with batches of 1,000 and its shortest polling interval, half a second: its throughput is bound by
polling, and so is its latency. `insert` in bulk, 10,000 a call.
"""

from __future__ import annotations

from benchmarks.peers.peer import NodePeer


class PgBoss(NodePeer):
    """pg-boss on node-postgres."""

    name = "pg_boss"
    requirements = ("pg-boss@10.4.2",)
    settings = "4 work loops, batchSize 1000, pollingIntervalSeconds 0.5, one call per batch, jobs retained"
    unfinished = "select exists (select from pgboss.job where name = 'nothing' and state < 'completed')"


PEERS = (PgBoss(),)
