"""Workers are killed while atomic handlers write through SQLAlchemy, drivers and Django: each effect happens once."""

import random
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.crash.conftest import effects, install
from tests.crash.fleet import Fleet, fleet
from tests.waiting import wait_until

JOBS, KILLS = 150, 4


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("C6", "C7")
@pytest.mark.parametrize("task", ["session", "async_session", "async_driver", "django"])
def test_an_effect_happens_once_whatever_it_is_written_with(database_url: str, task: str, tmp_path: Path) -> None:
    """Both rows of every job are there once, after four kills of a worker in the middle of its work."""
    install(database_url)
    app, chance = Packhorse(database_url), random.Random(task)
    path = f"tests.integration.connections.atomic_app:{'django_app' if task == 'django' else 'app'}"
    app.enqueue_many([app.named(task).call(n) for n in range(JOBS)])

    with fleet(database_url, tmp_path, "-A", path, "-c", "4", "--lease", "2") as ships:
        ships.start(processes=2)
        for kill in range(KILLS):
            wanted = 2 * JOBS * kill // KILLS + chance.randrange(20)
            wait_for_effects(database_url, wanted, 30)
            ships.kill_worker(chance.randrange(2))
            wait_for_notice(ships, kill + 1)
        wait_for_effects(database_url, 2 * JOBS, 60)
        assert ships.stop() == [0]

    assert effects(database_url) == list(range(-JOBS, JOBS))
    app.close()


def wait_for_effects(database_url: str, wanted: int, timeout: float) -> None:
    """Wait until handlers have written so many rows."""
    wait_until(lambda: len(effects(database_url)) >= wanted, timeout, f"{wanted} effects")


def wait_for_notice(ships: Fleet, kills: int) -> None:
    """Wait until the supervisor has noticed so many: one that dies while it stops would be its own doing."""
    wait_until(lambda: ships.log().count("was killed by signal") == kills, 10, f"the notice of {kills} kills")
