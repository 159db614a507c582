"""Workers are killed while handlers and deferred methods write through whatever there is: each effect happens once."""

import random
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.conftest import connected, effects, install
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

JOBS, KILLS = 150, 4


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("C6", "C7", "T10", "T17")
@pytest.mark.parametrize("task", ["session.write", "async_session", "async_driver", "django.write"])
def test_an_effect_happens_once_whatever_it_is_written_with(database_url: str, task: str, tmp_path: Path) -> None:
    """Both rows of every job are there once, after four kills of a worker in the middle of its work."""
    install(database_url)
    app, chance = Packhorse(database_url), random.Random(task)
    path = f"tests.integration.connections.atomic_app:{'django_app' if task == 'django.write' else 'app'}"
    is_deferred = task.endswith(".write")
    if is_deferred:
        with connected(database_url) as db:
            db.execute("create table number (n integer primary key, times integer not null)")
            for n in range(JOBS):
                db.execute(f"insert into number (n, times) values ({n}, 0)")  # noqa: S608
    app.enqueue_many([app.named(task).call(str(n) if is_deferred else n) for n in range(JOBS)])
    app.close()

    with fleet(database_url, tmp_path, "-c", "4", "--lease", "2", app=path) as ships:
        ships.start(processes=2)
        for kill in range(KILLS):
            wanted = 2 * JOBS * kill // KILLS + chance.randrange(20)
            wait_for_effects(database_url, wanted, 30)
            ships.kill_worker(chance.randrange(2))
            wait_for_notice(ships, kill + 1)
        wait_for_effects(database_url, 2 * JOBS, 60)
        assert ships.stop() == [0]

    assert effects(database_url) == list(range(-JOBS, JOBS))
    if is_deferred:
        with connected(database_url) as db:
            assert db.execute("select distinct times from number").fetchall() == [(1,)]


def wait_for_effects(database_url: str, wanted: int, timeout: float) -> None:
    """Wait until handlers have written so many rows."""
    wait_until(lambda: len(effects(database_url)) >= wanted, timeout, f"{wanted} effects")


def wait_for_notice(ships: Fleet, kills: int) -> None:
    """Wait until the supervisor has noticed so many: one that dies while it stops would be its own doing."""
    wait_until(lambda: ships.log().count("was killed by signal") == kills, 10, f"the notice of {kills} kills")
