"""graphile-worker on Node.js: jobs deleted when done.

Its documentation gives three settings for throughput, all used here: a local queue (`localQueue: { size: 500 }`), 24
concurrent jobs, and completions in batches (`completeJobBatchDelay: 0`). `addJobs` in bulk, 10,000 a call.
"""

from __future__ import annotations

from benchmarks.peers.peer import NodePeer


class GraphileWorker(NodePeer):
    """graphile-worker on node-postgres."""

    name = "graphile_worker"
    requirements = ("graphile-worker@0.17.3", "pg@8")
    settings = "localQueue size 500, concurrentJobs 24, completeJobBatchDelay 0, jobs deleted"
    unfinished = "select exists (select from graphile_worker._private_jobs)"


PEERS = (GraphileWorker(),)
