"""Workers are killed again and again while jobs fail: the responsible person is told of each failure exactly once."""

from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from tests.crash.conftest import effects
from tests.crash.fleet import fleet
from tests.crash.test_kill_loops import disturb
from tests.waiting import wait_until


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("M15")
def test_every_failure_is_told_exactly_once_under_kills(oracle_url: str, oracle: Packhorse, folder: Path) -> None:
    """A worker that dies between the commit of a failure and the hook, or in the hook, loses and repeats no notice."""
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2") as ships:
        total = disturb(ships, lambda n: oracle.enqueue("refuse", n), lambda: len(effects(oracle_url)))
        wait_until(lambda: len(effects(oracle_url)) >= total, 60, "all notices")
        assert ships.stop() == [0, 0]

    assert effects(oracle_url) == list(range(total))
    assert oracle.inbox.count() == total
    assert oracle.count_jobs()[JobState.AVAILABLE] == 0
