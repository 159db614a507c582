"""Real worker processes, started through the command line, and ways to hurt them."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.waiting import wait_until

APP = "tests.crash.oracle_app:app"
ROOT = Path(__file__).resolve().parents[2]


class Fleet:
    """Supervisors of one application on one database, each with some worker processes.

    Args:
        database_url: the database.
        folder: where logs and traces go.
        options: more options for `packhorse worker`.
        app: the application.
    """

    def __init__(self, database_url: str, folder: Path, options: Sequence[str] = (), app: str = APP) -> None:
        self.traces_path = folder / "traces"
        self._log = folder / "worker.log"
        self._options = ["-A", app, *options]
        self._environ = {
            **os.environ,
            "ORACLE_DATABASE_URL": database_url,
            "ORACLE_TRACES": str(self.traces_path),
            "PACKHORSE_DATABASE_URL": database_url,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self._supervisors: list[subprocess.Popen[bytes]] = []
        self._killed: list[int] = []

    def start(self, processes: int = 1, stdin: int = subprocess.DEVNULL) -> int:
        """Start a supervisor with so many workers; its pid. Without a terminal, unless `stdin` is one."""
        command = [sys.executable, "-m", "packhorse", "worker", "-p", str(processes), *self._options]
        with self._log.open("ab") as log:
            supervisor = subprocess.Popen(command, env=self._environ, cwd=ROOT, stdin=stdin, stderr=log, stdout=log)
        self._supervisors.append(supervisor)
        return supervisor.pid

    def workers(self) -> list[int]:
        """The pids of the worker processes of all supervisors that run now."""
        return [child for supervisor in self._supervisors for child in children_of(supervisor.pid)]

    def kill_worker(self, index: int = 0) -> int:
        """Kill a worker process with SIGKILL; its pid."""
        workers = wait_until(self.workers, what="a worker process to kill")
        pid = workers[index % len(workers)]
        send(pid, signal.SIGKILL)
        self._killed.append(pid)
        return pid

    def kill_oldest(self) -> None:
        """Kill the supervisor that was started first with SIGKILL; the kernel takes its workers along."""
        supervisor = self._supervisors.pop(0)
        workers = children_of(supervisor.pid)
        send(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
        wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in workers), 5, "the end of its workers")

    def kill_everything(self) -> None:
        """Kill supervisors and workers with SIGKILL, all at once."""
        for pid in [*self.workers(), *(supervisor.pid for supervisor in self._supervisors)]:
            send(pid, signal.SIGKILL)
        for supervisor in self._supervisors:
            supervisor.wait()
        self._supervisors.clear()

    def stop(self, number: int = signal.SIGTERM, timeout: float = 40.0) -> list[int]:
        """Stop all supervisors gracefully, once they are up and know who was killed; their exit statuses."""
        wait_until(self._are_up, 15, "the start of all supervisors")
        for supervisor in self._supervisors:
            send(supervisor.pid, signal.SIGCONT)
            send(supervisor.pid, number)
        return self.wait(timeout)

    def _are_up(self) -> bool:
        pids = [supervisor.pid for supervisor in self._supervisors]
        are_known = all(state_of(pid) == "" for pid in self._killed)
        return are_known and all(children_of(pid) or state_of(pid) == "T" for pid in pids)

    def wait(self, timeout: float) -> list[int]:
        """Wait until all supervisors have ended by themselves; their exit statuses."""
        statuses = [supervisor.wait(timeout) for supervisor in self._supervisors]
        self._supervisors.clear()
        return statuses

    def traces(self, kind: str = "") -> list[list[str]]:
        """The lines that handlers left so far, as words; those of one kind, if it is given.

        The last one may be seen before it is complete: it then counts the next time.
        """
        if not self.traces_path.exists():
            return []
        complete = self.traces_path.read_text().rpartition("\n")[0]
        lines = [line.split() for line in complete.splitlines()]
        return [words for words in lines if not kind or words[0] == kind]

    def log(self) -> str:
        """What all processes logged so far."""
        return self._log.read_text() if self._log.exists() else ""


@contextmanager
def fleet(database_url: str, folder: Path, *options: str, app: str = APP) -> Iterator[Fleet]:
    """A fleet that leaves nothing behind."""
    ships = Fleet(database_url, folder, options, app)
    try:
        yield ships
    finally:
        for pid in ships.workers():
            send(pid, signal.SIGCONT)
        ships.kill_everything()
        sys.stdout.write(ships.log())  # shown by pytest when the test fails


def send(pid: int, number: int) -> None:
    """Send a signal; a process that is gone does not mind."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def children_of(pid: int) -> list[int]:
    """The pids of the children of a process, zombies left out."""
    with suppress(FileNotFoundError, ProcessLookupError):
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(word) for word in words if state_of(int(word)) not in ("Z", "")]
    return []


def state_of(pid: int) -> str:
    """The state letter of a process (R, S, T, Z, …); "" when it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def freeze(pid: int, database_url: str) -> None:
    """Stop a process between two write transactions of its own: in the middle of one, nobody could write to a file."""
    while True:
        send(pid, signal.SIGSTOP)
        wait_until(lambda: state_of(pid) == "T", what=f"process {pid} to stop")
        if is_writable(database_url):
            return
        send(pid, signal.SIGCONT)


def is_writable(database_url: str) -> bool:
    """Whether nobody holds the one write lock of a SQLite file; servers have none."""
    if not database_url.startswith("sqlite"):
        return True
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=0.2, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True
