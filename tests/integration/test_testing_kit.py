"""The testing kit, as the tests of an application use it."""

import asyncio
import re
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import psycopg
import pytest

from packhorse import (
    Backoff,
    Cancel,
    ConfigurationError,
    Context,
    Fail,
    JobState,
    Packhorse,
    SignatureError,
    Skip,
    UnknownTask,
    UsageError,
)
from packhorse.testing import Kit, RunFailed, open_kit

pytestmark = pytest.mark.accepts("C25")

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ELSEWHERE = "sqlite:////nowhere/shop.db"


@dataclass(frozen=True)
class Line:
    """An argument of a class of the application's own."""

    price: Decimal
    on: date


def make_app() -> Packhorse:
    """An application with a task for every way in which a run can end."""
    app = Packhorse(ELSEWHERE)

    @app.task(name="send", queue="mail")
    def send(number: int, *, copy: bool = False) -> int:
        return number + 1

    @app.task(name="fail", max_attempts=2, backoff=Backoff(first=MINUTE))
    def fail(message: str) -> None:
        raise ValueError(message)

    @app.task(name="answer")
    def answer(kind: str) -> object:
        return {"skip": Skip("later"), "cancel": Cancel("no"), "fail": Fail("never"), "class": Fail}[kind]

    @app.task(name="again")
    def again(number: int) -> None:
        app.enqueue("again", number + 1)

    @app.task(name="where")
    async def where() -> int:
        return id(asyncio.get_running_loop())

    @app.task(name="charge")
    def charge(ctx: Context, line: Line, count: int = 1) -> int:
        return ctx.job.id

    return app


@pytest.fixture
def packhorse_app() -> Packhorse:
    """The application under test."""
    return make_app()


@pytest.fixture
def app(packhorse_kit: Kit) -> Packhorse:
    """The application in the hands of the kit."""
    return packhorse_kit.app


def test_each_test_has_a_database_of_its_own(database_url: str, tmp_path: Path) -> None:
    """Empty at its beginning; afterwards the application is where it was."""
    app = make_app()
    urls = [database_url, f"sqlite:///{tmp_path / 'second.db'}"]
    for url in urls if database_url.startswith("sqlite") else [database_url, database_url]:
        with open_kit(app, url) as kit:
            assert kit.jobs() == []
            app.enqueue("send", 1)
            assert kit.drain().succeeded == 1
            assert (kit.url, app.settings.database_url) == (url, url)

    assert app.settings.database_url == ELSEWHERE


@pytest.mark.engines("postgresql")
def test_on_a_server_nothing_is_left_behind_and_nothing_touched(postgresql_url: str) -> None:
    """The schema of the test is dropped, that of the application is not; PostgreSQL alone has schemas."""
    own = Packhorse(postgresql_url)
    with closing(own):
        own.engine.migrate()
        own.enqueue("send", 1)
        with open_kit(own, postgresql_url) as kit:
            assert kit.jobs() == []
            own.enqueue("send", 2)
            schema = kit.schema

        with psycopg.connect(postgresql_url) as server:
            found = server.execute("select nspname from pg_namespace where nspname like 'packhorse%'").fetchall()
        assert (schema.startswith("packhorse_test_"), found) == (True, [("packhorse",)])
        assert [job.args for job in own.list_jobs()] == ["[1]"]


@pytest.mark.engines("sqlite")
def test_an_application_of_django_is_refused() -> None:
    """Its tests have transactions of their own, of which the page on Django speaks; no database is needed to say so."""
    with (
        pytest.raises(UsageError, match=r"at django://default: docs/django\.md"),
        open_kit(Packhorse("django://default")),
    ):
        raise AssertionError("the block was entered")


def test_no_job_runs_before_the_test_says_so(database_url: str) -> None:
    """Not even in an application that runs its jobs inline."""
    inline = Packhorse(ELSEWHERE, worker="inline")
    inline.task(name="send")(lambda: None)
    with open_kit(inline, database_url) as kit:
        inline.enqueue("send")
        kit.assert_enqueued("send")
        assert kit.drain().succeeded == 1


def test_an_application_that_is_closed_goes_on(app: Packhorse, packhorse_kit: Kit) -> None:
    """A web framework closes it at the end of each of its test clients; the next use opens the same database."""
    app.enqueue("send", 1)
    app.close()

    packhorse_kit.assert_enqueued("send", 1)
    packhorse_kit.clock.advance(HOUR)
    assert packhorse_kit.run_one().result == 2


def test_what_waits_is_found_by_its_arguments(app: Packhorse, packhorse_kit: Kit) -> None:
    """As the handler gets them, however they were passed; without any, all are meant."""
    send, charge = app.registry.get("send"), app.registry.get("charge")
    line = Line(Decimal("9.90"), date(2026, 2, 28))
    first, second = send.enqueue(1), send.enqueue(number=2, copy=True)
    charge.enqueue(line)

    assert [job.id for job in packhorse_kit.assert_enqueued(send)] == [first.id, second.id]
    assert [job.id for job in packhorse_kit.assert_enqueued(send, number=1)] == [first.id]
    assert [job.id for job in packhorse_kit.assert_enqueued("send", ANY, copy=True)] == [second.id]
    packhorse_kit.assert_enqueued(send, 1, copy=False, count=1)
    packhorse_kit.assert_enqueued(charge, line)
    packhorse_kit.assert_enqueued(charge, Line(Decimal("9.90"), date(2026, 2, 28)), 1)
    packhorse_kit.assert_not_enqueued(send, 2)
    packhorse_kit.assert_not_enqueued("elsewhere")


def test_what_waits_is_found_by_its_options(app: Packhorse, packhorse_kit: Kit) -> None:
    """Queue, priority and time, which may be off by a second, or by what the test allows."""
    send, moment = app.registry.get("send"), datetime(2040, 2, 29, 12, 30, tzinfo=UTC)
    send.using(queue="slow", priority="high", delay=HOUR).enqueue(1)
    send.using(scheduled_at=moment).enqueue(2)
    send.enqueue(3)

    assert [job.args for job in packhorse_kit.assert_enqueued(send, queue="slow", priority="high")] == [(1,)]
    assert [job.args for job in packhorse_kit.assert_enqueued(send, priority=3, delay=HOUR)] == [(1,)]
    assert [job.args for job in packhorse_kit.assert_enqueued(send, delay=HOUR + MINUTE, within=MINUTE)] == [(1,)]
    assert [job.args for job in packhorse_kit.assert_enqueued(send, delay=timedelta(0))] == [(3,)]
    packhorse_kit.assert_enqueued(send, 2, scheduled_at=moment + timedelta(milliseconds=900))
    packhorse_kit.assert_enqueued(send, 3, scheduled_at=datetime.now(UTC), within=MINUTE)
    packhorse_kit.assert_not_enqueued(send, 2, scheduled_at=moment + MINUTE)
    packhorse_kit.assert_not_enqueued(send, delay=HOUR + MINUTE)
    packhorse_kit.assert_not_enqueued(send, queue="fast")


def test_what_has_run_does_not_wait(app: Packhorse, packhorse_kit: Kit) -> None:
    """What failed and is to be repeated does."""
    app.enqueue("send", 1)
    app.enqueue("fail", "broken")
    packhorse_kit.drain(raising=False)

    packhorse_kit.assert_not_enqueued("send")
    packhorse_kit.assert_enqueued("fail", "broken")
    assert [job.state for job in packhorse_kit.jobs("send")] == ["succeeded"]
    assert [job.task for job in packhorse_kit.jobs(state="scheduled", queue="default")] == ["fail"]


def test_a_failed_assertion_lists_what_there_is(app: Packhorse, packhorse_kit: Kit) -> None:
    """Each job in a line, as one would write the call."""
    with pytest.raises(
        AssertionError, match=r"^no job waits for send; there is none at all; what a transaction that is"
    ):
        packhorse_kit.assert_enqueued("send")

    app.enqueue("send", 1, copy=True)
    app.named("fail").using(priority="low", delay=HOUR).enqueue("x" * 100)
    with pytest.raises(AssertionError) as failed:
        packhorse_kit.assert_enqueued("send", 2, queue="mail", priority="low", within=HOUR)
    first, *lines = str(failed.value).splitlines()

    assert first == "no job waits for send(2), queue mail, priority low, within 1:00:00; there are 2 jobs:"
    assert lines[0] == "  job 1, send(1, copy=True): available, queue mail"
    assert lines[1].startswith(f"  job 2, fail('{'x' * 59}…): scheduled for 20")
    assert lines[1].endswith(" UTC (1:00:00 after its enqueue), queue default, priority 7")


@pytest.mark.parametrize(
    ("count", "message"), [(1, "2 jobs wait, not 1 for send; there are 2 jobs"), (3, "2 jobs wait, not 3 for send")]
)
def test_the_number_of_jobs_is_exact(app: Packhorse, packhorse_kit: Kit, count: int, message: str) -> None:
    """One more is as wrong as one less."""
    app.enqueue("send", 1)
    app.enqueue("send", 1)

    packhorse_kit.assert_enqueued("send", 1, count=2)
    with pytest.raises(AssertionError, match=message):
        packhorse_kit.assert_enqueued("send", count=count)
    with pytest.raises(AssertionError, match="2 jobs wait for send"):
        packhorse_kit.assert_not_enqueued("send")


def test_an_assertion_that_can_never_be_right_is_refused(app: Packhorse, packhorse_kit: Kit) -> None:
    """It would pass, or fail, for the wrong reason."""
    send, charge = app.registry.get("send"), app.registry.get("charge")
    anything: Any = send.using(queue="slow")

    with pytest.raises(SignatureError, match=r"send\(number: int, .*\): missing a required argument: 'number'"):
        packhorse_kit.assert_not_enqueued(send, copy=True)
    with pytest.raises(UsageError, match="charge has a parameter count of its own"):
        packhorse_kit.assert_enqueued(charge, count=3)
    with pytest.raises(UsageError, match="a task or its name is wanted, not <packhorse"):
        packhorse_kit.assert_enqueued(anything, 1)
    with pytest.raises(UsageError, match="a task or its name is wanted, not <bound method"):
        packhorse_kit.jobs(anything.enqueue)


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": "hihg"},
        {"queue": "a b"},
        {"delay": 5},
        {"scheduled_at": datetime(2040, 1, 1)},  # noqa: DTZ001 - that it is naive is what is refused
        {"within": -HOUR},
    ],
)
def test_an_option_that_no_job_can_have_is_refused(packhorse_kit: Kit, wrong: dict[str, Any]) -> None:
    """As where it is enqueued."""
    with pytest.raises(ConfigurationError):
        packhorse_kit.assert_not_enqueued("send", **wrong)


def test_one_job_is_run_and_shown(app: Packhorse, packhorse_kit: Kit) -> None:
    """The most urgent one of the first queue; its result is what a producer would get."""
    app.enqueue("send", 1)
    app.named("send").using(priority="high").enqueue(2)
    run = packhorse_kit.run_one()

    assert (run.outcome, run.state, run.result, run.error) == ("success", JobState.SUCCEEDED, 3, None)
    assert (run.job.args, run.job.record.attempt) == ((2,), 1)
    assert packhorse_kit.run_one().result == 2
    with pytest.raises(AssertionError, match="no job is due in queue slow; there are 2 jobs:"):
        packhorse_kit.run_one(queue="slow")


def test_a_task_that_takes_a_context_gets_it(app: Packhorse, packhorse_kit: Kit) -> None:
    """As in a worker; a plain call of it has none."""
    job = app.registry.get("charge").enqueue(Line(Decimal(1), date(2026, 1, 1)))

    assert packhorse_kit.run_one().result == job.id


@pytest.mark.parametrize("run", ["run_one", "drain"])
def test_a_failure_is_raised_in_the_test(app: Packhorse, packhorse_kit: Kit, run: str) -> None:
    """The very exception of the handler, for `pytest.raises` to look at; it is recorded as in a worker."""
    job = app.enqueue("fail", "broken")
    with pytest.raises(ValueError, match=r"^broken$") as raised:
        getattr(packhorse_kit, run)()

    assert raised.traceback[-1].name == "fail"
    assert (job.record().state, job.record().failures) == (JobState.SCHEDULED, 1)
    assert [attempt.error_message for attempt in app.list_attempts(job.id)] == ["broken"]


def test_a_failure_without_an_exception_is_raised_too(app: Packhorse, packhorse_kit: Kit) -> None:
    """A verdict that was returned, a mistake in the handler, a task that nobody registered."""
    app.enqueue("answer", "fail")
    with pytest.raises(Fail, match="never"):
        packhorse_kit.drain()
    app.enqueue("answer", "class")
    with pytest.raises(RunFailed, match="returned the class Fail: write"):
        packhorse_kit.drain()
    app.enqueue("sned", 1)
    with pytest.raises(UnknownTask, match="did you mean 'send'"):
        packhorse_kit.drain()


def test_what_a_handler_decides_is_no_failure(app: Packhorse, packhorse_kit: Kit) -> None:
    """Skip and Cancel; the verdict is shown."""
    app.enqueue("answer", "skip")
    app.enqueue("answer", "cancel")
    drained = packhorse_kit.drain()

    assert (len(drained), drained.skipped, drained.cancelled, drained.succeeded) == (2, 1, 1, 0)
    assert [(run.state, str(run.error)) for run in drained.runs] == [("scheduled", "later"), ("cancelled", "no")]


def test_a_failure_may_be_taken_as_it_is(app: Packhorse, packhorse_kit: Kit) -> None:
    """raising=False gives it back, and drain goes on."""
    job = app.enqueue("fail", "broken")
    app.enqueue("send", 1)
    run = packhorse_kit.run_one(raising=False)

    assert (run.outcome, run.state, str(run.error), run.result) == ("retry", "scheduled", "broken", None)
    assert packhorse_kit.drain(raising=False).succeeded == 1
    drained = packhorse_kit.drain(raising=False, with_scheduled=True)
    assert (drained.retried, drained.failed) == (0, 1)
    assert str(drained) == (
        f"1 run:\n  fail: job {job.id}, fail('broken'): failed, queue default, after 2 attempts: ValueError: broken"
    )


def test_drain_runs_what_the_jobs_enqueue_but_not_for_ever(app: Packhorse, packhorse_kit: Kit) -> None:
    """It stops with an error that shows the last runs."""
    app.enqueue("again", 1)
    with pytest.raises(AssertionError, match=r"ran 12 jobs, and more are due(.|\n)*\(limit=…\)(.|\n)*again\(12\)"):
        packhorse_kit.drain(limit=12)

    assert len(packhorse_kit.jobs("again", state="succeeded")) == 12


def test_what_puts_itself_off_for_ever_is_stopped_too(app: Packhorse, packhorse_kit: Kit) -> None:
    """Where the clock is moved on for it."""
    app.enqueue("answer", "skip")
    with pytest.raises(AssertionError, match="ran 7 jobs, and more are due"):
        packhorse_kit.drain(with_scheduled=True, limit=7)


def test_drain_runs_just_as_many_as_it_may(app: Packhorse, packhorse_kit: Kit) -> None:
    """The limit is for what comes after; what is not due does not count."""
    for number in range(3):
        app.enqueue("send", number)
    app.named("send").using(delay=HOUR).enqueue(4)

    with pytest.raises(ConfigurationError, match="limit must be 1 or more, not 0"):
        packhorse_kit.drain(limit=0)
    assert packhorse_kit.drain(limit=3).succeeded == 3


def test_drain_takes_one_queue_alone(app: Packhorse, packhorse_kit: Kit) -> None:
    """The others wait, also when their time comes, and the clock is not moved on for them."""
    send = app.named("send")
    send.enqueue(1)
    send.using(queue="slow").enqueue(2)
    send.using(queue="slow", delay=2 * HOUR).enqueue(3)

    assert packhorse_kit.drain(queue="mail", with_scheduled=True).succeeded == 1
    assert packhorse_kit.clock.offset == 0 * HOUR
    send.using(delay=HOUR).enqueue(4)
    assert packhorse_kit.drain(queue="mail", with_scheduled=True).succeeded == 1
    assert 0 * HOUR < packhorse_kit.clock.offset <= HOUR
    packhorse_kit.assert_enqueued("send", queue="slow", count=2)


def test_what_is_scheduled_follows_the_clock(app: Packhorse, packhorse_kit: Kit) -> None:
    """Moved on, set to a moment, or moved by drain from one job to the next."""
    clock = packhorse_kit.clock
    for number in (1, 2, 3):
        app.named("send").using(delay=number * HOUR).enqueue(number)

    assert not packhorse_kit.drain()
    clock.advance(HOUR)
    assert packhorse_kit.run_one().result == 2
    clock.advance_to(clock.now + HOUR)
    assert packhorse_kit.run_one().result == 3
    assert not packhorse_kit.drain()
    [run] = packhorse_kit.drain(with_scheduled=True).runs
    assert (run.result, run.job.delay) == (4, 3 * HOUR)
    assert timedelta(0) <= clock.offset - 2 * HOUR <= HOUR


@pytest.mark.engines("sqlite")
def test_a_moved_clock_is_put_right_at_the_end(sqlite_url: str) -> None:
    """In a file that stays; a schema goes with its clock."""
    with open_kit(make_app(), sqlite_url) as kit:
        kit.clock.advance(-HOUR)
    with closing(Packhorse(sqlite_url)) as later:
        assert abs(later.enqueue("send", 1).record().enqueued_at - datetime.now(UTC)) < MINUTE


def test_what_is_no_time_is_refused(packhorse_kit: Kit) -> None:
    """The clock stays where it was."""
    nothing: Any = 60
    with pytest.raises(ConfigurationError, match=r"by must be a timedelta, such as timedelta\(days=7\), not 60"):
        packhorse_kit.clock.advance(nothing)
    with pytest.raises(ConfigurationError, match="2040-01-01T00:00:00 names no time zone"):
        packhorse_kit.clock.advance_to(datetime(2040, 1, 1))  # noqa: DTZ001 - that it is naive is what is refused
    assert packhorse_kit.clock.offset == 0 * HOUR


def test_coroutines_run_in_the_loop_of_the_test(app: Packhorse, packhorse_kit: Kit) -> None:
    """With adrain and arun_one; a plain function runs in a thread, so that the loop goes on."""
    threads = set[int]()
    app.task(name="thread")(lambda: threads.add(threading.get_ident()))

    async def check() -> None:
        await app.aenqueue("where")
        assert (await packhorse_kit.arun_one()).result == id(asyncio.get_running_loop())
        await app.aenqueue("where")
        await app.aenqueue("thread")
        drained = await packhorse_kit.adrain()
        assert [run.result for run in drained.runs] == [id(asyncio.get_running_loop()), None]
        await app.aenqueue("fail", "broken")
        with pytest.raises(ValueError, match="broken"):
            await packhorse_kit.adrain()

    asyncio.run(check())
    assert threads != {threading.get_ident()}


def test_coroutines_run_without_a_loop_too(app: Packhorse, packhorse_kit: Kit) -> None:
    """In a loop of their own; also where one is running that waits for them."""

    async def check() -> int:
        app.enqueue("where")
        assert packhorse_kit.run_one().result != id(asyncio.get_running_loop())
        return 1

    app.enqueue("where")
    assert packhorse_kit.drain().succeeded == asyncio.run(check())


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("module", "absent"),
    [("packhorse", "pytest"), ("packhorse.testing", "pytest"), ("packhorse.testing.plugin", "packhorse.app")],
)
def test_what_a_module_does_not_need_is_not_imported(module: str, absent: str) -> None:
    """An application has no pytest in production; a run without jobs does not pay for them. No database is involved."""
    code = f"import sys, {module}; assert {absent!r} not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of somebody's tests."""
    (tmp_path / "shop.py").write_text("from packhorse import Packhorse\napp = Packhorse()\nother = 42\n")
    (tmp_path / "test_shop.py").write_text("def test_it(packhorse_kit):\n    assert packhorse_kit.jobs() == []\n")
    return tmp_path


def run_pytest(folder: Path, *words: str, app: str | None = None) -> str:
    """What pytest prints, in a process of its own."""
    environ = {"PACKHORSE_APP": app} if app else {}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env={"PATH": "/usr/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def places(told: str) -> list[str]:
    """The files and lines that pytest shows."""
    return re.findall(r"^(\S+\.py:\d+): ", told, re.MULTILINE)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("app", "message"),
    [
        (None, "packhorse_kit does not know the application: write"),
        ("shop:other", "packhorse_kit can't use shop:other, which is no Packhorse app: write"),
        ("shop:ap", "packhorse_kit can't use shop:ap, which is no Packhorse app: write"),
        ("shop.jobs", "packhorse_kit finds no module 'shop.jobs' on the Python path: write"),
    ],
)
def test_a_project_that_names_no_application_is_told_how(project: Path, app: str | None, message: str) -> None:
    """In one line, without a traceback; no database is involved yet."""
    told = run_pytest(project, app=app)

    assert message in told
    assert places(told) == []


@pytest.mark.engines("sqlite")
def test_a_mistake_of_the_applications_own_is_shown_where_it_is(project: Path) -> None:
    """Importing it fails before any database is involved."""
    (project / "shop.py").write_text("import nowhere\n")
    told = run_pytest(project, app="shop")

    assert "No module named 'nowhere'" in told
    assert "shop.py:1" in places(told)


@pytest.mark.engines("sqlite")
def test_a_wrong_assertion_is_shown_at_its_line_alone(project: Path) -> None:
    """Nobody wants to read through ours to find their own mistake; what is printed is the same on each engine."""
    (project / "test_shop.py").write_text(
        "from shop import app\n"
        "@app.task\n"
        "def send(number: int) -> None: ...\n"
        "def test_it(packhorse_kit):\n"
        "    packhorse_kit.assert_enqueued(send, 1, copy=True)\n"
    )
    told = run_pytest(project, app="shop")

    assert "SignatureError: send(number: int): got an unexpected keyword argument 'copy'" in told
    assert places(told) == ["test_shop.py:5"]


@pytest.mark.slow
@pytest.mark.engines("sqlite")
def test_several_processes_of_tests_do_not_meet(project: Path) -> None:
    """xdist; each test has a file, or a schema, of its own, so one engine shows it."""
    (project / "test_more.py").write_text(
        "import pytest, shop\n"
        "@pytest.mark.parametrize('number', range(20))\n"
        "def test_it(packhorse_kit, number):\n"
        "    shop.app.enqueue('send', number)\n"
        "    packhorse_kit.assert_enqueued('send', number, count=1)\n"
    )

    assert "21 passed" in run_pytest(project, "-n", "2", app="shop")
