"""One command serves two applications, one on SQLite and one on PostgreSQL; trouble with one is not the other's."""

import re
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from packhorse import JobHandle, JobState, Packhorse
from tests.crash.fleet import Fleet, children_of, fleet, send, state_of
from tests.servers import CutProxy
from tests.waiting import wait_until

HEALTH = r"health on http://127\.0\.0\.1:(\d+)/livez"
SHOP, CRM = "tests.crash.several_app:shop", "tests.crash.several_app:crm"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.accepts("T7")]


@pytest.fixture
def proxy(migrated_postgresql_url: str) -> Iterator[CutProxy]:
    """What stands between the workers and PostgreSQL."""
    with CutProxy(migrated_postgresql_url) as proxy:
        yield proxy


@pytest.fixture
def clients(migrated_sqlite_url: str, migrated_postgresql_url: str) -> Iterator[tuple[Packhorse, Packhorse]]:
    """Somebody who enqueues in each: in the shop's database on SQLite, and in the other on PostgreSQL."""
    with ExitStack() as stack:
        shop, crm = (
            stack.enter_context(closing(Packhorse(url))) for url in (migrated_sqlite_url, migrated_postgresql_url)
        )
        yield shop, crm


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, migrated_sqlite_url: str, migrated_postgresql_url: str, proxy: CutProxy
) -> None:
    """Where the workers find the two databases."""
    monkeypatch.setenv("SHOP_DATABASE_URL", migrated_sqlite_url)
    monkeypatch.setenv("CRM_DATABASE_URL", proxy.url(migrated_postgresql_url))


def both(folder: Path, *options: str) -> AbstractContextManager[Fleet]:
    """A command for both."""
    return fleet("sqlite://", folder, "-A", CRM, "--poll", "100ms", *options, app=SHOP)


def said(handle: JobHandle[str], timeout: float = 20) -> list[str]:
    """The words of a result."""
    return handle.result(timeout).split()


@pytest.mark.usefixtures("environment")
def test_each_application_has_its_own_processes(clients: tuple[Packhorse, Packhorse], folder: Path) -> None:
    """As many as -p says for each; a job is run by its own application; one stop ends all of them well."""
    shop, crm = clients
    with both(folder) as ships:
        command = ships.start(processes=2)
        runs = [said(app.enqueue("tell", str(n))) for n in range(20) for app in (shop, crm)]
        supervisors = children_of(command)
        wait_until(lambda: all(len(children_of(one)) == 2 for one in supervisors), 20, "two workers each")
        workers = [set(children_of(one)) for one in supervisors]
        assert ships.stop() == [0]

    assert [words[:2] for words in runs] == [[name, str(n)] for n in range(20) for name in ("shop", "crm")]
    assert len(supervisors) == 2
    by_name = {name: {int(words[2]) for words in runs if words[0] == name} for name in ("shop", "crm")}
    assert sorted(by_name) == ["crm", "shop"]
    assert all(any(pids <= those for those in workers) for pids in by_name.values())
    assert all(state_of(pid) in ("", "Z") for those in workers for pid in those)


@pytest.mark.usefixtures("environment")
def test_a_database_that_is_away_stops_nobody_else(
    clients: tuple[Packhorse, Packhorse], folder: Path, proxy: CutProxy
) -> None:
    """Away at the start, it is tried again and again; away later, its workers wait. The other's jobs run all along."""
    shop, crm = clients
    proxy.refuse()
    with both(folder) as ships:
        ships.start()
        assert said(shop.enqueue("tell", "first"))[0] == "shop"
        wait_until(lambda: f"{CRM} ended with status 3; it is started again in" in ships.log(), 20, "the failed start")
        proxy.restore()
        assert said(crm.enqueue("tell", "first"), 40)[0] == "crm"

        proxy.refuse()
        late = crm.enqueue("tell", "late")
        assert all(said(shop.enqueue("tell", "again"))[0] == "shop" for _ in range(5))
        assert late.record().state != JobState.SUCCEEDED
        proxy.restore()
        assert said(late, 40)[0] == "crm"
        assert ships.stop() == [0]


@pytest.mark.usefixtures("environment")
def test_a_supervisor_that_is_killed_is_started_again(clients: tuple[Packhorse, Packhorse], folder: Path) -> None:
    """Its workers go with it, the others stay; and with the command itself everything goes."""
    shop, crm = clients
    with both(folder) as ships:
        command = ships.start()
        first = [int(said(app.enqueue("tell", "first"))[2]) for app in (shop, crm)]
        killed = next(pid for pid in children_of(command) if first[1] in children_of(pid))
        send(killed, signal.SIGKILL)
        wait_until(lambda: f"{CRM} was killed by signal 9 (SIGKILL); it is started again" in ships.log(), 10)
        again = [int(said(app.enqueue("tell", "again"), 30)[2]) for app in (shop, crm)]
        assert again[0] == first[0]
        assert again[1] != first[1]

        supervisors = children_of(command)
        send(command, signal.SIGKILL)
        wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in [*supervisors, *again]), 10, "the end of all")


@pytest.mark.usefixtures("environment")
def test_flags_and_signals_are_for_each_application(clients: tuple[Packhorse, Packhorse], folder: Path) -> None:
    """A drain ends when each has nothing left, with 0; begun quietly, nothing is claimed before a CONT."""
    jobs = [app.enqueue("tell", str(n)) for app in clients for n in range(30)]
    with both(folder, "--drain", "--quiet") as ships:
        command = ships.start()
        wait_until(lambda: ships.log().count("no more jobs are claimed") == 2, 20, "both to be quiet")
        assert all(job.record().state == JobState.AVAILABLE for job in jobs)
        send(command, signal.SIGCONT)
        assert ships.wait(30) == [0]

    assert all(job.record().state == JobState.SUCCEEDED for job in jobs)


@pytest.mark.usefixtures("environment")
def test_each_application_is_asked_renewed_and_kept_quiet(clients: tuple[Packhorse, Packhorse], folder: Path) -> None:
    """USR1 tells what the threads of both do, HUP replaces the processes of both, TSTP keeps both from claiming."""
    with both(folder) as ships:
        command = ships.start()
        first = [said(app.enqueue("tell", "first"))[2] for app in clients]
        send(command, signal.SIGUSR1)
        wait_until(
            lambda: all(f"process {pid}, jobs running" in ships.log() for pid in first), 20, "the threads of both"
        )
        send(command, signal.SIGHUP)
        wait_until(lambda: ships.log().count("reloaded: the worker processes run") == 2, 30, "both to be renewed")
        again = [said(app.enqueue("tell", "again"))[2] for app in clients]
        assert not set(first) & set(again)

        send(command, signal.SIGTSTP)
        wait_until(lambda: ships.log().count("no more jobs are claimed") == 2, 20, "both to be quiet")
        kept = [app.enqueue("tell", "kept") for app in clients]
        send(command, signal.SIGCONT)
        assert [said(job)[1] for job in kept] == ["kept", "kept"]
        assert ships.stop() == [0]


@pytest.mark.usefixtures("environment")
def test_each_application_counts_its_jobs_and_tells_its_health(
    clients: tuple[Packhorse, Packhorse], folder: Path
) -> None:
    """Each on a port of its own; after so many runs of each the command ends with 9."""
    with both(folder, "--max-jobs", "3", "--health-port", "0") as ships:
        ships.start()
        wait_until(lambda: len(re.findall(HEALTH, ships.log())) == 2, 20, "two ports")
        ports = re.findall(HEALTH, ships.log())
        assert len(set(ports)) == 2
        for port in ports:
            wait_until(partial(is_ready, port), 20, "a worker that is ready")
        jobs = [app.enqueue("tell", str(n)) for app in clients for n in range(5)]
        assert ships.wait(30) == [9]

    assert [app.count_jobs()[JobState.SUCCEEDED] for app in clients] == [3, 3]
    assert len(jobs) == 10


def is_ready(port: str) -> bool:
    """Whether what is served there says so."""
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def test_an_application_is_named_once(folder: Path) -> None:
    """And where none of several can be served at all, the command ends."""
    with fleet("sqlite://", folder, "-A", SHOP, app=SHOP) as ships:
        ships.start()
        assert ships.wait(20) == [2]
        assert f"{SHOP} is given 2 times" in ships.log()
    with fleet("sqlite://", folder, "-A", "tests.nowhere:b", app="tests.nowhere:a") as ships:
        ships.start()
        assert ships.wait(20) == [2]
        assert "no application can be served" in ships.log()
