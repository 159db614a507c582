"""What handlers log, and how far they are, is kept with the job whatever becomes of the run."""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from packhorse import Context, JobState, LogLine, Packhorse, Reference
from packhorse.context import find_current
from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.errors import DatabaseUnreachable
from packhorse.journal import NOWHERE
from packhorse.runtime.joblog import MOST_LINES, MOST_TEXT, MOST_WAITING, JobLogHandler, JobLogWriter
from packhorse.runtime.report import LONGEST_TEXT
from packhorse.runtime.sweeper import BUSY_SECONDS, CALM_SECONDS, Sweeper
from tests.integration.worker_kit import Gate, wait_for, working
from tests.unit.claimed import claimed_job
from tests.waiting import wait_until

log = logging.getLogger("shop.test")


@pytest.fixture(autouse=True)
def shop_logs_everything() -> Iterator[None]:
    """As where an application has set its level."""
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application on an empty database."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield app
    app.close()


def lines_of(app: Packhorse, job_id: int, count: int) -> list[LogLine]:
    """The lines of a job's log, once there are so many."""
    return list(wait_until(lambda: enough(app.list_log(job_id, limit=2000), count), what=f"{count} lines"))


def enough(lines: Sequence[LogLine], count: int) -> Sequence[LogLine]:
    """The lines if there are so many."""
    return lines if len(lines) >= count else []


def texts(lines: list[LogLine]) -> list[str]:
    """What they say."""
    return [line.message for line in lines]


@pytest.mark.accepts("M26")
def test_lines_survive_a_handler_that_fails(app: Packhorse) -> None:
    """With their level and logger; the rollback of an atomic run does not touch them."""

    @app.task(name="book", atomic=True, max_attempts=1)
    def book(ctx: Context) -> None:
        ctx.tx.execute("create table booked (id integer)")
        log.info("booking %d", 42)
        ctx.log.error("no money")
        raise ValueError

    with working(app):
        record = wait_for(app, book.enqueue().id)
        lines = lines_of(app, record.id, 2)

    assert record.state is JobState.FAILED
    assert [(line.level, line.logger, line.message) for line in lines] == [
        (logging.INFO, "shop.test", "booking 42"),
        (logging.ERROR, "packhorse.job", "no money"),
    ]
    assert {line.attempt for line in lines} == {1}
    assert record.started_at is not None
    assert all(-1 <= (line.at - record.started_at).total_seconds() <= 30 for line in lines)


def test_an_exception_comes_with_its_traceback(app: Packhorse) -> None:
    """Logged as usual, or by `ctx.log`."""

    @app.task(name="explode")
    def explode(ctx: Context) -> None:
        for logger in (log, ctx.log):
            try:
                raise KeyError("bang")
            except KeyError:
                logger.exception("it went %s", "wrong")

    with working(app):
        lines = lines_of(app, explode.enqueue().id, 2)

    for line in lines:
        first, *_, last = line.message.splitlines()
        assert (first, last) == ("it went wrong", "KeyError: 'bang'")


def test_each_job_has_its_own_lines(app: Packhorse) -> None:
    """Of its thread or coroutine, and of what starts in a copy of its context; what others log belongs to nobody."""

    @app.task(name="threads")
    def threads(number: int) -> None:
        log.info("thread %d", number)
        context = contextvars.copy_context()
        child = threading.Thread(target=context.run, args=(log.info, "started by thread %d", number))
        child.start()
        child.join()

    @app.task(name="coroutines")
    async def coroutines(number: int) -> None:
        async def inner() -> None:
            log.info("started by coroutine %d", number)

        log.info("coroutine %d", number)
        await asyncio.gather(inner())
        await asyncio.to_thread(log.info, "thread of coroutine %d", number)

    with working(app):
        log.error("nobody's")
        jobs = [threads.enqueue(n) for n in range(5)], [coroutines.enqueue(n) for n in range(5)]
        for number in range(5):
            assert texts(lines_of(app, jobs[0][number].id, 2)) == [f"thread {number}", f"started by thread {number}"]
            assert texts(lines_of(app, jobs[1][number].id, 3)) == [
                f"coroutine {number}",
                f"started by coroutine {number}",
                f"thread of coroutine {number}",
            ]


def test_the_level_is_a_setting_and_ctx_log_knows_none(app: Packhorse) -> None:
    """Lines below it are left out, those of `ctx.log` never."""

    @app.task(name="talk")
    def talk(ctx: Context) -> None:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            log.log(level, "logging")
            ctx.log.log(level, "ctx")

    with working(app, capture=logging.WARNING):
        lines = lines_of(app, talk.enqueue().id, 4)

    assert [(line.level, line.message) for line in lines] == [(10, "ctx"), (20, "ctx"), (30, "logging"), (30, "ctx")]


def test_ctx_log_goes_on_through_logging(app: Packhorse, caplog: pytest.LogCaptureFixture) -> None:
    """With the job in its extra fields, and its own place in the code; by the level of its logger."""

    @app.task(name="talk")
    def talk(ctx: Context) -> None:
        ctx.log.warning("heard", extra={"mine": 1})
        ctx.log.debug("not heard")

    with working(app), caplog.at_level(logging.INFO, "packhorse.job"):
        job = talk.enqueue()
        assert texts(lines_of(app, job.id, 2)) == ["heard", "not heard"]

    [record] = [record for record in caplog.records if record.name == "packhorse.job"]
    assert (record.getMessage(), record.levelno, record.funcName) == ("heard", logging.WARNING, "talk")
    assert {name: vars(record)[name] for name in ("job_id", "task", "attempt", "mine")} == {
        "job_id": job.id,
        "task": "talk",
        "attempt": 1,
        "mine": 1,
    }


def test_any_text_is_stored(app: Packhorse) -> None:
    """NUL and lone surrogates, and texts of any length, which are cut."""

    @app.task(name="talk")
    def talk(ctx: Context) -> None:
        ctx.log.info("a\x00b\ud800c")
        log.info("x" * 100_000)
        logging.getLogger("y" * 1000).error("long name")

    with working(app):
        lines = lines_of(app, talk.enqueue().id, 3)

    assert lines[0].message == "a\\x00b\\ud800c"
    assert len(lines[1].message) == LONGEST_TEXT
    assert lines[2].logger == "y" * 200


def test_a_log_has_bounds(app: Packhorse) -> None:
    """The first lines of each attempt are kept; one line says how many were dropped."""

    @app.task(name="talk", max_attempts=1)
    def talk(ctx: Context, length: int) -> None:
        for number in range(MOST_LINES + 234):
            ctx.log.info("%d %s", number, "x" * length)

    with working(app):
        many, long = talk.enqueue(0), talk.enqueue(10_000)
        lines = lines_of(app, wait_for(app, many.id).id, MOST_LINES + 1)
        wait_until(lambda: "234 more lines" in app.list_log(many.id, limit=2000)[-1].message, what="the count")
        wait_for(app, long.id)
        kept = MOST_TEXT // 10_003
        wait_until(lambda: f"{MOST_LINES + 234 - kept:,} more" in app.list_log(long.id)[-1].message, what="the count")

    assert [line.message.split()[0] for line in lines[:MOST_LINES]] == [str(n) for n in range(MOST_LINES)]
    assert len(app.list_log(long.id)) == kept + 1


def test_lines_wait_while_an_atomic_handler_holds_the_lock(app: Packhorse) -> None:
    """Where there is one writer: nothing is lost, the handler's own transaction is not disturbed."""
    gate = Gate()

    @app.task(name="book", atomic=True)
    def book(ctx: Context) -> None:
        ctx.tx.execute("create table booked (id integer)")
        ctx.log.info("before")
        ctx.progress(1, 2)
        gate.wait()
        ctx.tx.execute("insert into booked (id) values (1)")
        ctx.log.info("after")

    with working(app):
        job = book.enqueue()
        gate.reached()
        if app.engine.features.concurrent_writers:
            lines_of(app, job.id, 1)
        gate.open()
        record = wait_for(app, job.id)
        assert texts(lines_of(app, job.id, 2)) == ["before", "after"]

    assert (record.state, record.attempt) == (JobState.SUCCEEDED, 1)


def test_a_line_is_seen_while_the_handler_runs(app: Packhorse) -> None:
    """And so is its progress."""
    gate = Gate()

    @app.task(name="slow")
    async def slow(ctx: Context) -> None:
        ctx.progress(3, 4, "three")
        log.info("at it")
        await asyncio.to_thread(gate.wait)

    with working(app):
        job = slow.enqueue()
        assert texts(lines_of(app, job.id, 1)) == ["at it"]
        progress = wait_until(lambda: app.find_progress(job.id), what="progress")
        gate.open()

    assert progress is not None
    assert (progress.attempt, progress.done, progress.total, progress.note) == (1, 3.0, 4.0, "three")
    assert progress.percent == 75.0


def test_progress_never_goes_back_and_its_last_value_is_stored(app: Packhorse) -> None:
    """However often it is told, and from however many threads; a new attempt begins anew."""

    @app.task(name="count", max_attempts=2)
    def count(ctx: Context) -> None:
        if ctx.job.attempt == 1:
            for number in range(20_000):
                ctx.progress(number, 20_000)
            ctx.progress(5, 20_000, "late news")
            raise ValueError
        ctx.progress(1)

    with working(app):
        job = count.enqueue()
        wait_until(lambda: (seen := app.find_progress(job.id)) and seen.note == "late news", what="the last value")
        progress = app.find_progress(job.id)
        assert progress is not None
        assert (progress.done, progress.total, progress.attempt) == (19_999.0, 20_000.0, 1)
        wait_for(app, job.id)
        wait_until(lambda: (seen := app.find_progress(job.id)) and seen.attempt == 2, what="the next attempt")

    assert (progress := app.find_progress(job.id)) is not None
    assert (progress.done, progress.total, progress.percent) == (1.0, None, None)


@pytest.mark.parametrize(
    "wrong",
    [(-1,), (float("nan"),), (float("inf"),), (True,), ("1",), (None,), (1, "2"), (1, -2), (1, 2, 3), (10**400,)],
    ids=repr,
)
def test_a_wrong_progress_is_refused(app: Packhorse, wrong: tuple[object, ...]) -> None:
    """With the value named, as a failure of the handler."""

    @app.task(name="wrong", max_attempts=1)
    def mistaken(ctx: Context) -> None:
        ctx.progress(*wrong)  # type: ignore[arg-type]

    with working(app):
        record = wait_for(app, mistaken.enqueue().id)

    assert (record.state, record.error_type) == (JobState.FAILED, "UsageError")
    assert "ctx.progress(done" in (record.error_message or "")


def test_inline_jobs_have_a_log_too(app: Packhorse) -> None:
    """It is there when the run is over."""

    @app.task(name="talk")
    def talk(ctx: Context) -> None:
        log.info("hello")
        ctx.progress(1, 1)

    job = talk.enqueue()
    assert app.run_pending() == 1
    assert texts(list(app.list_log(job.id))) == ["hello"]
    assert (progress := app.find_progress(job.id)) is not None
    assert progress.percent == 100.0


def test_outside_of_a_worker_a_context_says_it_to_nobody() -> None:
    """A handler that is called directly, in a test of the application's, runs all the same."""
    ctx = Context(claimed_job())
    ctx.progress(1, 2, "half")
    ctx.log.info("heard by logging alone")
    ctx.check_cancelled()
    assert not ctx.cancelled
    assert find_current() is None


class Away:
    """A database that can be out of reach."""

    def __init__(self) -> None:
        self.is_away = True
        self.lines: list[NewLine] = []
        self.reports: list[NewProgress] = []

    def write(self, lines: list[NewLine], reports: list[NewProgress]) -> None:
        """Store, or fail."""
        if self.is_away:
            raise DatabaseUnreachable("gone")
        self.lines += lines
        self.reports += reports


def test_a_handler_never_waits_for_a_database_that_is_away() -> None:
    """What fits into memory waits; the oldest are dropped, and counted."""
    away = Away()
    writer = JobLogWriter(away.write, 0.01)  # type: ignore[arg-type]
    writer.start()
    runs = [writer.open(claimed_job(id=id)) for id in range(1, 41)]
    began = time.monotonic()
    for run in runs:
        for number in range(500):
            run.line(20, "x", str(number))
        run.progress(1, None, None)
    assert time.monotonic() - began < 5
    away.is_away = False
    assert writer.flush(10)
    writer.stop()
    writer.join(5)

    dropped = [line for line in away.lines if "dropped" in line.message]
    lost = sum(int(line.message.split()[0].replace(",", "")) for line in dropped)
    assert lost + len(away.lines) - len(dropped) == 20_000
    assert MOST_WAITING <= len(away.lines) <= MOST_WAITING + 1000
    assert len({(line.job_id, line.sequence) for line in away.lines}) == len(away.lines)
    assert {report.job_id for report in away.reports} == set(range(1, 41))


def test_a_batch_that_is_refused_is_dropped() -> None:
    """Rather than keep all others back."""
    stored: list[NewLine] = []

    def write(lines: list[NewLine], reports: list[NewProgress]) -> None:
        if any(line.message == "poison" for line in lines):
            raise ValueError(lines)
        stored.extend(lines)

    writer = JobLogWriter(write, 0.01)  # type: ignore[arg-type]
    writer.start()
    run = writer.open(claimed_job())
    for text in ("poison", "good"):
        run.line(20, "x", text)
        assert writer.flush(10)
    writer.stop()

    assert [line.message for line in stored] == ["good"]


def test_what_a_job_said_that_is_not_kept_is_swept_up(app: Packhorse) -> None:
    """All jobs that said something; only the leader does it, and it rests where there is nothing to be done."""
    app.engine.write_log([NewLine(id, 1, 1, 20, "x", "y") for id in range(1, 2502)], [], 1)
    leads = [False]
    sweeper = Sweeper(app.engine, lambda: leads[0])
    assert sweeper.run_once() is None
    assert len(app.engine.list_logged_jobs(0, 5000)) == 2501
    leads[0] = True

    assert [sweeper.run_once(), sweeper.run_once()] == [BUSY_SECONDS, None]
    assert app.engine.list_logged_jobs(0, 5000) == []


def test_what_makes_a_package_of_a_job_that_is_not_kept_is_swept_up(app: Packhorse) -> None:
    """With its records; what belongs to a job that is there stays."""
    app.queues.set("default", keep_succeeded=timedelta(0))
    bill = app.work_package(name="bill")(lambda package: None)
    gone = bill.package().add(Reference("order", "1")).enqueue().id
    app.run_pending()
    kept = bill.package().add(Reference("order", "2")).enqueue().id
    sweeper = Sweeper(app.engine, lambda: True)
    assert app.engine.list_package_ids(0, 9) == [gone, kept]

    assert [sweeper.run_once(), sweeper.run_once()] == [CALM_SECONDS, None]
    assert app.engine.list_package_ids(0, 9) == [kept]
    assert (app.engine.list_elements(gone), len(app.engine.list_elements(kept))) == ([], 1)


def test_warnings_still_reach_standard_error_where_logging_was_not_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler on the root logger would silence Python's last resort."""
    root, handler = logging.getLogger(), JobLogHandler(NOWHERE, logging.INFO)
    before, root.handlers = root.handlers, []
    try:
        handler.install()
        log.warning("seen")
        log.info("not seen")
        root.addHandler(logging.NullHandler())
        log.warning("left to the application")
    finally:
        root.handlers = before

    assert capsys.readouterr().err == "seen\n"
