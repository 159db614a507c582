"""Schedules kept by many real workers: each tick has one job, whoever leads, and however its leader ends."""

import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.conftest import connected, install
from tests.crash.fleet import fleet, send
from tests.waiting import wait_until

APP = "tests.crash.schedule_app:app"
SECOND = timedelta(seconds=1)
LEASE = 15
"""Seconds for which the leadership lasts without its holder."""


@pytest.fixture
def client(database_url: str) -> Iterator[Packhorse]:
    """The operator's side of the same database."""
    install(database_url)
    with closing(Packhorse(database_url)) as app:
        yield app


@pytest.mark.slow
@pytest.mark.accepts("C18", "O10")
def test_each_tick_has_one_job_with_eight_workers(client: Packhorse, database_url: str, tmp_path: Path) -> None:
    """Every second, some milliseconds after its begin; also when the leader is killed or frozen on the way."""
    with fleet(database_url, tmp_path, "-c", "4", app=APP) as ships:
        ships.start(8)
        wait_until(lambda: len(ships.traces("second")) >= 3, 30, "the first ticks")
        first = leader_of(client)
        send(first, signal.SIGKILL)
        wait_until(lambda: leader_of(client) not in (0, first), LEASE + 10, "another leader")
        count = len(ships.traces("second"))
        wait_until(lambda: len(ships.traces("second")) >= count + 3, 15, "its ticks")
        second = leader_of(client)
        send(second, signal.SIGSTOP)
        wait_until(lambda: leader_of(client) not in (0, second), LEASE + 10, "a third leader")
        send(second, signal.SIGCONT)
        count = len(ships.traces("second"))
        wait_until(lambda: len(ships.traces("second")) >= count + 3, 15, "its ticks")
        assert set(ships.stop()) <= {0, 5}

    ticks = [datetime.fromisoformat(words[1]) for words in ships.traces("second")]
    jobs = [int(words[3]) for words in ships.traces("second")]
    by_tick: dict[datetime, set[int]] = {}
    for tick, job in zip(ticks, jobs, strict=True):
        by_tick.setdefault(tick, set()).add(job)
    assert all(len(ids) == 1 for ids in by_tick.values()), "a tick has two jobs"
    runs = client.schedules.runs("second", 1000)
    assert len({run.tick for run in runs}) == len(runs)
    fired = sorted(run.tick for run in runs if run.tick is not None)
    assert fired == [fired[0] + number * SECOND for number in range(len(fired))], "a tick was left out"
    delay = max(run.fired_at - run.tick for run in runs if run.tick is not None)
    assert delay <= (LEASE * 4 / 3 + 2) * SECOND, "a lease, its third until somebody looks, and a loaded machine"


@pytest.mark.slow
@pytest.mark.accepts("O10", "O14")
def test_runs_of_one_schedule_never_overlap_and_a_long_one_raises_an_alarm(
    client: Packhorse, database_url: str, tmp_path: Path
) -> None:
    """With eight workers; the ticks meanwhile are skipped, and the alarm is told once."""
    with fleet(database_url, tmp_path, "-c", "4", app=APP) as ships:
        gate = ships.traces_path.with_suffix(".gate")
        gate.touch()
        ships.start(8)
        wait_until(lambda: ships.traces("alarm"), 30, "the alarm")
        [held] = {words[1] for words in ships.traces("begin")}
        gate.unlink()
        wait_until(lambda: len(ships.traces("end")) >= 3, 15, "runs after the long one")
        assert ships.stop() == [0]

    alarms = [words[1:] for words in ships.traces("alarm") if words[2] == held]
    assert alarms == [["late", held]]
    kinds = [words[0] for words in ships.traces() if words[0] in ("begin", "end")]
    assert kinds == ["begin", "end"] * (len(kinds) // 2)
    [run] = [run for run in client.schedules.runs("long", 1000) if run.job_id == int(held)]
    assert run.skipped >= 1
    assert run.late_at is not None


def leader_of(client: Packhorse) -> int:
    """The pid of the worker that leads; 0 for none."""
    table = "packhorse_leader" if client.engine.dialect == "sqlite" else "packhorse.leader"
    workers = "packhorse_worker" if client.engine.dialect == "sqlite" else "packhorse.worker"
    now = "0" if client.engine.dialect == "sqlite" else "now()"
    with connected(client.settings.database_url or "") as db:
        rows = db.execute(
            f"select w.name from {table} l join {workers} w on w.id = l.worker_id where l.expires_at > {now}"  # noqa: S608 - a test's own
        ).fetchall()
    return int(str(rows[0][0]).rpartition(":")[2]) if rows else 0
