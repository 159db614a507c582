"""PostgreSQL is killed under a busy worker, which goes on each time, as the same process.

Claims are committed asynchronously, so a crash forgets some of them while their jobs are running or have run. SQLite
has no server that could forget what it has answered.
"""

from pathlib import Path

import pytest

from tests.crash.account import Account, End, Lease, ledger
from tests.crash.conftest import connected, effects
from tests.crash.siege import Siege, siege
from tests.servers import LocalPostgres
from tests.waiting import wait_until

pytestmark = pytest.mark.engines("postgresql")

CRASHES = 8
ROUND = ["mark"] * 4000 + ["mark", "book", "mark"] * 500
"""The tasks of the jobs that come before each crash: so many that the worker is at full speed with most."""
SLOTS = 16
LARGEST_BUFFER = 500


@pytest.mark.slow
@pytest.mark.accepts("C7", "C26")
def test_crashes_under_a_worker_at_full_speed_lose_nothing_and_double_nothing(
    private_postgres: LocalPostgres, folder: Path
) -> None:
    """Whatever is forgotten is done again, and only that counts; the buffer keeps its bounds all the time."""
    with siege(private_postgres, folder) as besieged:
        while besieged.crashes < CRASHES or not besieged.account().repeated():
            besieged.enqueue(ROUND)
            besieged.crash_at_work()
        besieged.outlast()
    account, ends = besieged.account(), ledger(besieged.url)

    check_that_every_job_succeeded(besieged)
    check_that_every_atomic_effect_happened_once(besieged)
    check_that_no_forgotten_claim_counted(account, ends)
    check_that_each_job_was_finished_by_its_last_run(account, ends)
    check_that_the_buffer_kept_its_bounds(account)


@pytest.mark.accepts("C5", "C7")
@pytest.mark.parametrize("failing", [False, True], ids=["success", "failure"])
def test_a_run_that_the_server_forgot_ends_in_vain_while_its_job_runs_again(
    private_postgres: LocalPostgres, folder: Path, failing: bool
) -> None:
    """Both runs are the same worker's, and the same attempt: all that tells them apart is the lease's number."""
    tasks = ["hold"] * 4 + ["hold_booking"] * 4
    with siege(private_postgres, folder) as besieged:
        forgotten = besieged.crash_while_holding(tasks)
        current = besieged.hold(len(tasks))
        besieged.let_go(forgotten, failing)
        wait_until(lambda: besieged.refused() == len(tasks), 15, "the refusal of the forgotten runs' ends")
        assert ledger(besieged.url).keys().isdisjoint(forgotten | current)
        besieged.let_go(current)
        besieged.outlast()
    account, ends = besieged.account(), ledger(besieged.url)

    check_that_every_job_succeeded(besieged)
    check_that_every_atomic_effect_happened_once(besieged)
    check_that_no_forgotten_claim_counted(account, ends)
    check_that_each_job_was_finished_by_its_last_run(account, ends)


def check_that_every_job_succeeded(besieged: Siege) -> None:
    """None is missing or was taken for a killer of workers, a plain one ran once, and no crash counts as a failure."""
    with connected(besieged.url) as db:
        [[live]] = db.execute("select count(*) from packhorse.job").fetchall()
        rows = db.execute("select id, task, state, attempt, crashes, failures from packhorse.finished").fetchall()

    assert live == 0
    assert sorted(id for id, *_ in rows) == sorted(besieged.jobs)
    assert {(state, crashes, failures) for _, _, state, _, crashes, failures in rows} == {("succeeded", 0, 0)}
    assert {attempt for _, task, _, attempt, *_ in rows if task in ("mark", "hold")} == {1}


def check_that_every_atomic_effect_happened_once(besieged: Siege) -> None:
    """What the handlers wrote and the jobs that succeeded are the same, one for one."""
    with connected(besieged.url) as db:
        booked = db.execute("select id from packhorse.finished where task like '%book%' order by id").fetchall()

    assert booked
    assert effects(besieged.url) == [id for (id,) in booked]


def check_that_no_forgotten_claim_counted(account: Account, ends: dict[Lease, End]) -> None:
    """Every run was acknowledged, since the worker lived on: those of a forgotten claim, and no others, in vain.

    Their jobs ran again as the same attempt. A lease that was given back never ran; any other had run when it ended.
    """
    ran = {run.lease: run.ended for run in account.runs}
    assert len(ran) == len(account.runs), "a job ran twice under one lease"

    assert {lease.job for lease in ran.keys() - ends.keys()} == account.repeated()
    assert [lease for lease, end in ends.items() if end.became == "available" and lease in ran] == []
    counted = {lease: end.at for lease, end in ends.items() if end.became != "available"}
    assert [lease for lease, at in counted.items() if lease not in ran or ran[lease] > at] == []


def check_that_each_job_was_finished_by_its_last_run(account: Account, ends: dict[Lease, End]) -> None:
    """The worker counts its claims: no run under an earlier one finished a job that was claimed again."""
    finished = [lease for lease, end in ends.items() if end.became == "finished"]
    last = dict(sorted(run.lease for run in account.runs))

    assert len(finished) == len(last)
    assert dict(finished) == last


def check_that_the_buffer_kept_its_bounds(account: Account) -> None:
    """Never more than 500, nor more than begin in a tenth of a second, or have a free slot.

    As many as there are slots may have left the buffer and not told of it yet, and as many may end, which is what the
    worker counts, a tenth of a second after others that began with them.
    """
    pace = account.pace(seconds=0.1, within=2.0)
    bounds = {number: min(LARGEST_BUFFER, begun + SLOTS) + SLOTS for number, begun in pace.items()}

    assert {number: count for number, count in account.buffered().items() if count > bounds[number]} == {}
