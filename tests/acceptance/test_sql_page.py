"""docs/sql.md, word for word: its statements, and the rights that its roles need and have."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from packhorse import DatabaseForbidden, DuplicateJob, JobState, Packhorse
from packhorse.domain.job import OnDuplicate
from packhorse.domain.package import Reference
from packhorse.errors import RecordLocked
from tests.acceptance.command import APP, CommandLine
from tests.acceptance.pages import blocks
from tests.acceptance.shop_app import make_app
from tests.waiting import wait_until

PAGE = "docs/sql.md"
FINDING: Sequence[OnDuplicate] = ("keep", "earliest")
ROLES_HEADING = "PostgreSQL: roles that do not own the schema"
ROLES = ("shop_web", "shop_worker", "shop_reader")


def statements(engine: str, *, for_roles: bool = False) -> list[str]:
    """The page's SQL for an engine: what enqueues, or what grants."""
    return [one.code for one in blocks(PAGE, "sql", engine) if (one.heading == ROLES_HEADING) == for_roles]


@pytest.mark.engines("sqlite")
def test_the_view_enqueues_as_the_page_says(cli: CommandLine, tmp_path: Path) -> None:
    """On a fresh file, after the command that comes first: the insert, and the trigger."""
    [block] = blocks(PAGE, "console")
    [migrate] = block.commands
    assert cli(*migrate.split()[1:]).code == 0
    with closing(sqlite3.connect(tmp_path / "shop.db")) as db:
        for text in statements("sqlite"):
            db.executescript(text)

    listed = cli("jobs", "list", "--json", "--database-url", "sqlite:///shop.db").json
    assert [(job["args"], job["queue"], job["state"]) for job in listed] == [
        ([1], "billing", "scheduled"),
        ([42], "default", "available"),
    ]


@pytest.mark.engines("postgresql")
def test_the_function_enqueues_as_the_page_says(postgresql_url: str, shop_cli: CommandLine) -> None:
    """In plain statements and in the trigger."""
    assert shop_cli("migrate", "up").code == 0
    with psycopg.connect(postgresql_url, autocommit=True) as db:
        for text in statements("postgresql"):
            db.execute(text.encode())

    listed = shop_cli("jobs", "list", "--json").json
    assert [(job["args"], job["queue"], job["priority"], job["state"]) for job in listed] == [
        ([1], "default", 5, "available"),
        ([42], "billing", 3, "scheduled"),
        ([42], "default", 5, "available"),
    ]


@pytest.fixture
def url_of(postgresql_url: str, shop: Packhorse) -> Iterator[Callable[[str], str]]:
    """The installed database's address with the rights of one of the page's roles, which have what the page grants."""
    names = {role: f"{role}_{uuid.uuid4().hex[:8]}" for role in ROLES}
    with psycopg.connect(postgresql_url, autocommit=True) as owner:
        for name in names.values():
            owner.execute(f"create role {name}".encode())
        for text in statements("postgresql", for_roles=True):
            owner.execute(_renamed(text, names).encode())
        yield lambda role: f"{postgresql_url}?options=-crole%3D{names[role]}"
        for name in names.values():
            owner.execute(f"drop owned by {name} cascade; drop role {name}".encode())


@pytest.fixture
def shop_as(url_of: Callable[[str], str]) -> Iterator[Callable[[str], Packhorse]]:
    """The shop's application with the rights of one of the roles."""
    apps = {role: make_app(url_of(role)) for role in ROLES}
    yield apps.__getitem__
    for app in apps.values():
        app.close()


def _renamed(text: str, names: dict[str, str]) -> str:
    for role, name in names.items():
        text = text.replace(role, name)
    return text


@pytest.mark.engines("postgresql")
def test_a_role_that_enqueues_may_do_that_and_nothing_else(
    url_of: Callable[[str], str], shop_as: Callable[[str], Packhorse], cli: CommandLine
) -> None:
    """By Python, on its own connection and another one, and by SQL; it can't read what others enqueued."""
    app = shop_as("shop_web")
    greet = app.registry.get("shop.greet")
    job = greet.enqueue("Ann")
    app.enqueue_many([greet.call("Dee")] * 1_001)
    with psycopg.connect(url_of("shop_web")) as db:
        greet.using(conn=db).enqueue("Bob")
        db.execute("select packhorse.enqueue('shop.greet', jsonb_build_array('Cy'))")

    checked = cli("check", "--database-url", url_of("shop_web"))
    assert checked.code == 0
    assert "a worker may run: no, this user lacks" in checked.out
    assert "INSERT, UPDATE, DELETE on packhorse.worker;" in checked.out
    assert sum(shop_as("shop_reader").count_jobs().values()) == 1_004
    for forbidden in (job.record, lambda: app.cancel(job.id), app.list_jobs):
        with pytest.raises(DatabaseForbidden, match="permission denied"):
            forbidden()


@pytest.mark.accepts("C14", "C15")
@pytest.mark.engines("postgresql")
def test_a_role_that_enqueues_may_use_keys(url_of: Callable[[str], str], shop_as: Callable[[str], Packhorse]) -> None:
    """By Python and by SQL; to replace what others enqueued it must be allowed to read that."""
    greet = shop_as("shop_web").registry.get("shop.greet")
    bound = greet.using(unique_key="u", serial_key="s", group="g")
    ids = {bound.using(on_duplicate=rule).enqueue("Ann").id for rule in FINDING}
    assert len(ids) == 1
    greet.using(after=list(ids)).enqueue("Bob")
    with pytest.raises(DuplicateJob):
        shop_as("shop_web").enqueue_many([greet.call("Dee"), greet.using(unique_key="u").call("Cy")])
    with psycopg.connect(url_of("shop_web"), autocommit=True) as db:
        call = "select packhorse.enqueue('shop.greet', '[\"Eve\"]', unique_key => 'u', on_duplicate => 'keep')"
        assert db.execute(call.encode()).fetchone() == (ids.pop(),)
        db.execute("select packhorse.enqueue('shop.greet', '[\"Eve\"]', after => array[1], serial_key => 's')")
    with pytest.raises(DatabaseForbidden):
        bound.using(on_duplicate="replace").enqueue("Fay")
    assert len(shop_as("shop_reader").list_jobs()) == 3


@pytest.mark.engines("postgresql")
def test_roles_fill_a_batch_count_it_and_wait_for_it(
    url_of: Callable[[str], str], shop_as: Callable[[str], Packhorse], cli: CommandLine
) -> None:
    """One enqueues, one runs the worker, and one that may change nothing waits."""
    greet = shop_as("shop_web").registry.get("shop.greet")
    with shop_as("shop_web").batch("greetings", on_end=greet.call("all")) as batch:
        greet.using(batch=batch).enqueue("Ann")
    cli.start("worker", PACKHORSE_APP=APP, PACKHORSE_DATABASE_URL=url_of("shop_worker"))
    assert shop_as("shop_reader").wait_for_batch(batch.id, 30).succeeded == 1
    assert len(shop_as("shop_reader").list_jobs()) == 2


@pytest.mark.accepts("M4", "M19", "M33")
@pytest.mark.engines("postgresql")
def test_a_role_that_enqueues_may_lock_records_gather_and_merge_them(
    url_of: Callable[[str], str], shop_as: Callable[[str], Packhorse]
) -> None:
    """With the grants that the page names for it; a refusal leaves nothing behind."""
    app = shop_as("shop_web")
    pack = app.work_package(name="shop.pack")(lambda package: None)
    packing = app.collector(pack)
    a, b = Reference("order", "a"), Reference("order", "b")
    with psycopg.connect(url_of("shop_web")) as db:
        gathered = {handle.id for one in (a, b) if (handle := packing.schedule(one, conn=db, day="monday"))}
    merged = {
        pack.package(unique_key="ann", on_duplicate="merge").params(day="monday").add(one).lock().enqueue().id
        for one in (a, a, b)
    }
    with pytest.raises(RecordLocked):
        pack.package().add(b).lock().enqueue()
    with app.lock_records(Reference("order", "c")) as lock:
        pack.package().add(*lock.records).lock(over=lock).enqueue()
    assert (len(gathered), len(merged)) == (1, 1)
    assert len(shop_as("shop_reader").list_jobs()) == 3


@pytest.mark.engines("postgresql")
def test_a_role_that_looks_sees_everything_and_changes_nothing(
    url_of: Callable[[str], str], shop_as: Callable[[str], Packhorse], cli: CommandLine
) -> None:
    """The commands that only show something work; storing a job does not."""
    job = shop_as("shop_web").enqueue("shop.greet", "Ann")
    for command in ("jobs list", f"jobs show {job.id}", "queues list", "workers list", "stats", "migrate status"):
        assert cli(*command.split(), "--database-url", url_of("shop_reader")).code == 0, command

    with pytest.raises(DatabaseForbidden, match="permission denied"):
        shop_as("shop_reader").enqueue("shop.greet", "Bob")
    assert cli("check", "--database-url", url_of("shop_reader")).code == 2


@pytest.mark.engines("postgresql")
def test_a_worker_of_a_role_that_may_not_run_one_ends_at_once(url_of: Callable[[str], str], cli: CommandLine) -> None:
    """With 2 and one line, however many processes were asked for: trying again would not give it the rights."""
    done = cli("worker", "-p", "2", PACKHORSE_APP=APP, PACKHORSE_DATABASE_URL=url_of("shop_web"))

    assert done.code == 2
    assert done.complaint.count("this user lacks") == done.complaint.count("\n") == 1
    assert "INSERT, UPDATE, DELETE on packhorse.worker;" in done.complaint


@pytest.mark.engines("postgresql")
def test_a_worker_process_that_is_refused_ends_its_supervisor(
    url_of: Callable[[str], str], postgresql_url: str, cli: CommandLine
) -> None:
    """Also for what no list of rights shows, such as a policy on rows: it is not started again and again."""
    with psycopg.connect(postgresql_url, autocommit=True) as owner:
        owner.execute("alter table packhorse.worker enable row level security")
    done = cli("worker", PACKHORSE_APP=APP, PACKHORSE_DATABASE_URL=url_of("shop_worker"))

    assert done.code == 2
    assert done.err.count("row-level security") == done.err.count(" started") == 1


@pytest.mark.engines("postgresql")
def test_a_role_that_runs_workers_has_all_that_they_need(
    url_of: Callable[[str], str], shop_as: Callable[[str], Packhorse], cli: CommandLine
) -> None:
    """For runs that succeed, fail and are parked, for an operator's commands, and for coming and going."""
    calls = ("shop.tell_child",), ("shop.fail", "no"), ("unknown",)
    ids = [shop_as("shop_web").enqueue(*call).id for call in calls]
    reader = shop_as("shop_reader")
    environ = {"PACKHORSE_APP": APP, "PACKHORSE_DATABASE_URL": url_of("shop_worker")}

    def states() -> list[JobState]:
        return [reader.get_job(id).state for id in ids]

    assert "a worker may run: yes" in cli("check", **environ).out
    worker = cli.start("worker", **environ)
    wait_until(lambda: states() == [JobState.SUCCEEDED, JobState.FAILED, JobState.BLOCKED], 30, "the jobs' ends")
    assert cli("jobs", "cancel", str(ids[2]), **environ).code == 0
    assert cli("jobs", "retry", str(ids[1]), **environ).code == 0
    wait_until(lambda: states() == [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED], 30, "the second failure")
    assert reader.list_workers()
    worker.process.terminate()
    assert worker.wait() == 0
    assert not reader.list_workers()
    assert "permission denied" not in worker.log()
