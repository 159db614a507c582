"""Processes are killed while they write files with their commits: a file is there if and only if its commit is."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from packhorse import JobState, Packhorse
from packhorse.domain.filename import STAGING
from tests.crash.conftest import effects
from tests.crash.fleet import fleet
from tests.waiting import wait_until

APP = "tests.crash.file_app:app"
JOBS = 600
KILLS = 8


@pytest.fixture
def printing(oracle_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packhorse]:
    """A program that reads the files and runs no job."""
    monkeypatch.setenv("ORACLE_FILES", str(folder / "files"))
    with closing(Packhorse(oracle_url, files=folder / "files")) as app:
        yield app


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.accepts("O3")
def test_a_file_is_there_if_and_only_if_its_commit_is(oracle_url: str, printing: Packhorse, folder: Path) -> None:
    """Whoever reads meanwhile sees no file without its commit, and no commit without its file; then all are there."""
    chance = random.Random(7)
    printing.enqueue_many([printing.named("print").call(n) for n in range(JOBS)])
    with fleet(oracle_url, folder, "-c", "4", "--lease", "2", app=APP) as ships:
        ships.start(processes=2)
        for kill in range(KILLS):
            reached = (kill + 1) * JOBS // (KILLS + 2)
            wait_until(lambda: len(effects(oracle_url)) >= reached, 60, "progress before the next kill")  # noqa: B023
            ships.kill_worker(chance.randrange(2))
            before, there, after = committed(oracle_url), set(printing.files.list()), committed(oracle_url)
            assert before <= there <= after
        wait_until(lambda: printing.count_jobs()[JobState.SUCCEEDED] == JOBS, 60, "the end of all jobs")
        assert ships.stop() == [0]

    assert effects(oracle_url) == list(range(JOBS))
    assert set(printing.files.list()) == {f"slips/{n}" for n in range(JOBS)}
    printing.files.recover()
    assert [path for path in (folder / "files").glob(f"{STAGING}/*/*") if path.is_dir()] == []
    assert printing.engine.list_file_commits() == []


def committed(url: str) -> set[str]:
    """The files that are to be there by now."""
    return {f"slips/{n}" for n in effects(url)}
