"""One busy worker process, and the PostgreSQL server that is killed under it."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from packhorse import JobState, Packhorse
from tests.crash.account import Account, Lease, open_ledger
from tests.crash.conftest import connected, install
from tests.crash.fleet import Fleet, fleet
from tests.crash.gates import gate_of, open_gate
from tests.servers import LocalPostgres
from tests.waiting import wait_until

LAZY = {"wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}
"""A server that sends to the disk what somebody waits for, and before long nothing else."""

MOST_CRASHES = 40
"""At full speed every second one forgets a claim."""


class Siege:
    """Brings jobs and crashes.

    Args:
        server: what is killed.
        url: a database there, with the schema and a ledger.
        worker: works on it.
        client: of the same database; it only enqueues and looks.
    """

    def __init__(self, server: LocalPostgres, url: str, worker: Fleet, client: Packhorse) -> None:
        self.url = url
        self.jobs: list[int] = []
        self.crashes: int = 0
        self._server = server
        self._worker = worker
        self._client = client
        self._chance = random.Random(7)
        self._held: set[Lease] = set()

    def enqueue(self, tasks: Sequence[str]) -> None:
        """Enqueue one job of each."""
        calls = {task: self._client.named(task).call() for task in set(tasks)}
        self.jobs += [job.id for job in self._client.enqueue_many([calls[task] for task in tasks])]

    def crash(self) -> None:
        """Kill the server, and start it again.

        Raises:
            AssertionError: that was done so often that whoever waits for a forgotten claim waits in vain.
        """
        assert self.crashes < MOST_CRASHES, "no crash has forgotten a claim: are they still committed asynchronously?"
        self._server.kill()
        self._server.start()
        self.crashes += 1

    def crash_at_work(self) -> None:
        """The same at a random moment of the worker's work."""
        wanted = self._told() + self._chance.randrange(1000, 200_000)
        wait_until(lambda: self._told() >= wanted, 30, "work before the next crash")
        self.crash()

    def crash_while_holding(self, tasks: Sequence[str]) -> set[Lease]:
        """Kill it when jobs have come to their gates, so that it forgets their claims; the forgotten leases.

        Something else may have been committed by chance, which takes the claims to the disk: then with others again.
        """
        while True:
            self.enqueue(tasks)
            held = self.hold(len(tasks))
            self.crash()
            if held.isdisjoint(self._executing()):
                return held
            self.let_go(held)
            self.outlast()

    def hold(self, count: int) -> set[Lease]:
        """Wait until so many more runs have come to their gates; their leases."""
        wait_until(lambda: len(self.account().holding - self._held) >= count, 15, f"{count} runs at their gates")
        arrived = self.account().holding - self._held
        self._held |= arrived
        return arrived

    def let_go(self, leases: set[Lease], failing: bool = False) -> None:
        """Let the runs under these leases end."""
        for lease in leases:
            open_gate(gate_of(self._worker.traces_path, *lease), failing)

    def outlast(self) -> None:
        """Wait for the success of all jobs."""
        total = len(self.jobs)
        wait_until(lambda: self._client.count_jobs()[JobState.SUCCEEDED] >= total, 60, "the success of all jobs")

    def account(self) -> Account:
        """What the worker has told so far."""
        return Account(self._worker.traces())

    def refused(self) -> int:
        """Of how many runs the worker has said that their ends came under a lease that was lost."""
        return self._worker.log().count("lease was lost")

    def _told(self) -> int:
        """How many bytes the worker has told: no count of its runs, but a measure of its work, and cheap to take."""
        traces = self._worker.traces_path
        return traces.stat().st_size if traces.exists() else 0

    def _executing(self) -> set[Lease]:
        with connected(self.url) as db:
            rows = db.execute("select id, lease_number from packhorse.job where state = 'executing'").fetchall()
        return {Lease(job, number) for job, number in rows}


@contextmanager
def siege(server: LocalPostgres, folder: Path) -> Iterator[Siege]:
    """A worker with its default settings, which at the end is still the same process, and stops when it is told to."""
    server.settings.update(LAZY)
    server.restart()
    url = install(server.create_database())
    open_ledger(url)
    with closing(Packhorse(url)) as client, fleet(url, folder, app="tests.crash.busy_app:app") as worker:
        worker.start()
        processes = wait_until(worker.workers, 15, "the worker")
        yield Siege(server, url, worker, client)
        assert worker.workers() == processes
        assert worker.stop() == [0]
