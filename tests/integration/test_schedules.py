"""Schedules from the code to their jobs, on both engines, with the database's clock in the test's hands."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from packhorse import (
    Acting,
    Alarm,
    ConfigurationError,
    Context,
    Cron,
    DuplicateTask,
    Every,
    Fail,
    JobState,
    Packhorse,
    PayloadError,
    ScheduleBusy,
    ScheduleNotFound,
    UsageError,
    acting,
    acting_as,
)
from packhorse.keeper import Keeper
from packhorse.schedules import RunRecord
from packhorse.testing import Kit, open_kit
from packhorse.testing.contract.steps import register

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def app() -> Packhorse:
    """An application that has no schedule yet."""
    return Packhorse("sqlite:///never-opened.db", worker="processes")


@pytest.fixture
def url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """Where the kit makes its database."""
    address: str = request.getfixturevalue(f"{engine_name}_url")
    return address


@pytest.fixture
def kit(app: Packhorse, url: str) -> Iterator[Kit]:
    """The kit, opened before anything is declared."""
    with open_kit(app, url) as kit:
        yield kit


def declare(app: Packhorse, ran: list[Any], **options: Any) -> None:
    """A schedule of every hour whose handler notes that it has run."""

    @app.every(HOUR, name="hourly", **options)
    def hourly(ctx: Context) -> None:
        ran.append(ctx.meta["schedule"]["tick"])

    app.schedules.sync()


def last_run(app: Packhorse, name: str = "hourly") -> RunRecord:
    """The latest run of a schedule that has had one."""
    run = app.schedules.get(name).last_run
    assert run is not None
    return run


class TestDeclaring:
    """`app.cron`, `app.every`, `app.weekly`, `app.schedule`."""

    @pytest.mark.accepts("C18", "O9")
    def test_a_function_becomes_a_task_with_a_schedule(self, app: Packhorse, kit: Kit) -> None:
        """The task's options go to the task; it can still be enqueued and called."""

        @app.cron("0 9 * * mon-fri", tz="Europe/Berlin", name="shop.report", queue="mail", max_attempts=2)
        def report() -> str:
            return "done"

        assert (report.name, report.queue, report.policy.max_attempts) == ("shop.report", "mail", 2)
        assert report() == "done"
        assert app.schedules.sync() == {"shop.report": "new"}
        record = app.schedules.get("shop.report")
        assert record.schedule is not None
        assert record.schedule.rule == Cron("0 9 * * mon-fri", tz="Europe/Berlin")
        assert (record.schedule.job.task, record.schedule.job.queue) == ("shop.report", "mail")
        assert (record.is_declared, record.owner) == (True, __name__)

    def test_a_task_may_have_several_schedules(self, app: Packhorse, kit: Kit) -> None:
        """Each with a name and arguments of its own."""
        ran = []

        @app.weekly(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), time(9), name="nine", args=["nine"])
        @app.every(10 * MINUTE, name="often", kwargs={"what": "often"})
        @app.task(name="shop.note")
        def note(what: str) -> None:
            ran.append(what)

        app.schedule("typed", Every(10, "minutes"), note.using(priority="high").call("typed"))
        assert app.schedules.sync() == {"nine": "new", "often": "new", "typed": "new"}
        kit.clock.advance(10 * MINUTE)
        kit.drain()
        assert sorted(ran) == ["often", "typed"]

    @pytest.mark.parametrize(
        ("options", "error", "said"),
        [
            ({"missed": "never"}, ConfigurationError, "missed must be skip, one, all"),
            ({"overlap": True}, ConfigurationError, "overlap must be skip, queue, allow"),
            ({"missed": "all"}, ConfigurationError, "give overlap='queue'"),
            ({"tz": "Europe/Berln"}, ConfigurationError, "did you mean 'Europe/Berlin'"),
            ({"args": [1]}, PayloadError, "too many positional arguments"),
            ({"queue": "a b"}, ConfigurationError, "no name for a queue"),
        ],
    )
    def test_a_mistake_is_refused_where_it_is_written(
        self, app: Packhorse, options: dict[str, Any], error: type[Exception], said: str
    ) -> None:
        """Before any database is known."""
        with pytest.raises(error, match=said):
            app.cron("@hourly", name="report", **options)(lambda: None)

    @pytest.mark.parametrize("interval", [timedelta(0), timedelta(milliseconds=1500), -HOUR, 5])
    def test_an_interval_must_have_whole_seconds(self, app: Packhorse, interval: Any) -> None:
        """At least one."""
        with pytest.raises(ConfigurationError, match="interval must"):
            app.every(interval)

    def test_a_name_is_given_once(self, app: Packhorse) -> None:
        """To one schedule, and to one task."""
        task = app.cron("@hourly", name="report")(lambda: None)
        with pytest.raises(ConfigurationError, match="is declared already"):
            app.cron("@daily")(task)
        with pytest.raises(DuplicateTask):
            app.cron("@daily", name="report")(lambda: None)

    def test_options_of_a_task_go_to_the_task(self, app: Packhorse) -> None:
        """Not to a schedule that it gets afterwards."""
        task = app.task(name="report")(lambda: None)
        with pytest.raises(ConfigurationError, match=r"report is a task already: give queue to @app\.task"):
            app.cron("@hourly", queue="mail")(task)


class TestVersions:
    """What becomes of declarations when the code changes."""

    def test_a_changed_rule_begins_anew_and_the_old_one_is_settled(self, app: Packhorse, kit: Kit) -> None:
        """What was due by the old rule runs; the new rule has no past."""
        ran: list[str] = []
        declare(app, ran)
        kit.clock.advance(HOUR)
        other = version(app, Every(10, "minutes"))
        assert other.declare() == {"hourly": "changed"}
        assert len(app.schedules.runs("hourly")) == 1
        record = app.schedules.get("hourly")
        assert record.next_at is not None
        assert record.next_at - record.seen_at <= 10 * MINUTE
        kit.drain()
        assert len(ran) == 1

    def test_what_else_changes_keeps_the_ticks(self, app: Packhorse, kit: Kit) -> None:
        """Another argument or policy loses no tick."""
        declare(app, [])
        kit.clock.advance(HOUR)
        before = app.schedules.get("hourly")
        assert version(app, Every(1, "hours"), overlap="queue").declare() == {"hourly": "changed"}
        after = app.schedules.get("hourly")
        assert (after.settled_at, after.next_at) == (before.settled_at, before.next_at)

    def test_an_old_version_does_not_put_back_what_a_new_one_has_changed(self, app: Packhorse, kit: Kit) -> None:
        """While workers of the new one are there; after a rollback the old one comes back."""
        declare(app, [])
        old = Keeper(app.engine, app.book, "old")
        new = version(app, Every(10, "minutes"))
        worker = register(app.engine)
        new.declare()
        app.engine.declare_schedules(worker.id, {"hourly": app.schedules.get("hourly").fingerprint})
        assert old.declare() == {"hourly": "older"}
        assert new.declare() == {"hourly": "unchanged"}
        kit.clock.advance(11 * MINUTE)
        assert old.declare() == {"hourly": "older"}
        app.engine.deregister_worker(worker.id)
        assert old.declare() == {"hourly": "changed"}
        kit.clock.advance(11 * MINUTE)
        assert new.declare() == {"hourly": "changed"}, "and forward again, when nobody declares the old one"

    def test_a_new_version_may_be_stored_ahead_of_its_workers(self, app: Packhorse, kit: Kit) -> None:
        """`packhorse schedules sync` as a step of the deployment: old workers leave it in place for ten minutes."""
        declare(app, [])
        old = Keeper(app.engine, app.book, "old")
        version(app, Every(10, "minutes")).declare(force=True)
        assert old.declare() == {"hourly": "older"}
        kit.clock.advance(11 * MINUTE)
        assert old.declare() == {"hourly": "changed"}

    def test_an_old_version_may_insist(self, app: Packhorse, kit: Kit) -> None:
        """`packhorse schedules sync`, in the deployment itself."""
        declare(app, [])
        worker = register(app.engine)
        version(app, Every(10, "minutes")).declare()
        app.engine.declare_schedules(worker.id, {"hourly": app.schedules.get("hourly").fingerprint})
        assert app.schedules.sync() == {"hourly": "changed"}

    def test_what_is_in_no_workers_code_rests(self, app: Packhorse, kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
        """It is reported once, fires nothing, and goes on when a worker declares it again."""
        ran: list[str] = []
        declare(app, ran)
        keeper = Keeper(app.engine, app.book, "test")
        assert keeper.rest_undeclared() == []
        kit.clock.advance(11 * MINUTE)
        assert keeper.rest_undeclared() == ["hourly"]
        assert "hourly is in the code of no worker any more" in caplog.text
        kit.clock.advance(2 * HOUR)
        kit.drain()
        assert ran == []
        app.engine.declare_schedules(register(app.engine).id, app.book.fingerprints())
        kit.drain()
        assert len(ran) == 1

    def test_one_of_run_time_makes_way_for_the_code(self, app: Packhorse, kit: Kit) -> None:
        """And can't be changed at run time any more."""
        app.schedules.put("hourly", Every(1, "minutes"), app.named("t").call())
        declare(app, [])
        assert app.schedules.get("hourly").is_declared
        with pytest.raises(ConfigurationError, match=f"declared in {__name__}"):
            app.schedules.put("hourly", Every(1, "minutes"), app.named("t").call())


def version(app: Packhorse, rule: Every, **policy: Any) -> Keeper:
    """A version of the application that says something else of the schedule `hourly`."""
    other = Packhorse("sqlite:///never-opened.db", worker="processes")
    other.schedule("hourly", rule, app.registry.get("hourly").call(), **policy)
    return Keeper(app.engine, other.book, "new")


class TestTicks:
    """What comes due."""

    @pytest.mark.accepts("C18")
    @pytest.mark.parametrize(
        ("day", "rule", "ticks"),
        [
            ("2027-03-28", Cron("30 2 * * *", tz="Europe/Berlin"), ["01:00"]),
            ("2027-10-31", Cron("30 2 * * *", tz="Europe/Berlin"), ["00:30"]),
            ("2027-10-31", Cron("*/30 2 * * *", tz="Europe/Berlin"), ["00:00", "00:30", "01:00", "01:30"]),
            ("2027-03-14", Cron("30 2 * * *", tz="America/New_York"), ["07:00"]),
            ("2027-11-07", Every(1, "days", tz="America/New_York"), ["04:00"]),
        ],
    )
    def test_days_on_which_clocks_change(self, app: Packhorse, kit: Kit, day: str, rule: Any, ticks: list[str]) -> None:
        """A worker that looks every quarter of an hour starts each tick of the day once, at the right moment."""
        app.schedule("clock", rule, app.task(name="t")(lambda: None).call(), overlap="allow")
        begin = datetime.fromisoformat(f"{day}T00:00:00+00:00") - 10 * MINUTE
        kit.clock.advance_to(begin)
        app.schedules.sync()
        for _ in range(24 * 4 - 1):
            kit.clock.advance(15 * MINUTE)
            Keeper(app.engine, app.book, "leader").keep()
        runs = app.schedules.runs("clock", 100)
        assert [f"{run.tick:%H:%M}" for run in reversed(runs) if run.tick] == ticks
        assert all(timedelta(0) <= run.fired_at - run.tick <= 15 * MINUTE for run in runs if run.tick)

    @pytest.mark.accepts("C18")
    @pytest.mark.parametrize(("missed", "count"), [("skip", 0), ("one", 1), ("all", 5)])
    def test_what_nobody_was_there_for_is_judged_by_the_policy(
        self, app: Packhorse, kit: Kit, missed: Any, count: int
    ) -> None:
        """After five hours without a leader; what is left out is on record."""
        ran: list[str] = []
        declare(app, ran, missed=missed, overlap="queue")
        kit.clock.advance(5 * HOUR + 2 * MINUTE if datetime.now(UTC).minute < 57 else 5 * HOUR - 5 * MINUTE)
        kit.drain()
        assert len(ran) == count
        assert ran == sorted(ran)
        assert (app.schedules.get("hourly").missed_at is None) == (missed == "all")

    def test_schedules_have_a_start_and_an_end(self, app: Packhorse, kit: Kit) -> None:
        """No tick lies outside."""
        day = (kit.clock.now + timedelta(days=2)).date()
        app.schedule("once", Cron("@daily", first_day=day, last_day=day), app.task(name="t")(lambda: None).call())
        app.schedules.sync()
        for _ in range(5):
            kit.clock.advance(timedelta(days=1))
            kit.drain()
        assert [run.tick and run.tick.date() for run in app.schedules.runs("once")] == [day]
        assert app.schedules.get("once").next_at is None

    def test_a_schedule_that_can_not_be_read_keeps_no_other_from_running(
        self, app: Packhorse, kit: Kit, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A newer version's, say: it is reported, once by each worker."""
        ran: list[str] = []
        declare(app, ran)
        app.schedules.put("newer", Every(1, "hours"), app.named("t").call())
        spoil(app, "newer")
        kit.clock.advance(HOUR)
        keeper = Keeper(app.engine, app.book, "leader")
        assert [keeper.fire_due(), keeper.fire_due()] == [1, 0]
        assert caplog.text.count("schedule newer can't be read") == 1
        assert app.schedules.get("newer").problem is not None
        with pytest.raises(ConfigurationError, match="newer"):
            app.schedules.run("newer")

    def test_a_tick_whose_job_is_refused_is_reported_and_settled(
        self, app: Packhorse, kit: Kit, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A duplicate of its unique key, say: the next tick has its own chance."""
        task = app.task(name="note")(lambda: None)
        app.schedule("unique", Every(1, "hours"), task.using(unique_key="one").call())
        app.schedules.sync()
        other = task.using(unique_key="one").enqueue()
        kit.clock.advance(HOUR)
        assert Keeper(app.engine, app.book, "leader").keep()[0] == 0
        assert "schedule unique: what was due" in caplog.text
        assert f"job {other.id} has it already" in caplog.text
        kit.drain()
        kit.clock.advance(HOUR)
        kit.drain()
        assert len(app.schedules.runs("unique")) == 1


def spoil(app: Packhorse, name: str) -> None:
    """Have a rule there that this version does not know."""
    transaction = app.engine.begin()
    table = "packhorse_schedule" if app.engine.dialect == "sqlite" else f"{app.settings.schema}.schedule"
    transaction.execute(f"update {table} set rule = '{{\"rule\": \"tides\"}}' where name = '{name}'")  # noqa: S608 - a test's own
    transaction.commit()


class TestOverlap:
    """Runs of one schedule and each other."""

    @pytest.mark.accepts("O10", "O14")
    def test_a_run_that_has_not_ended_keeps_the_next_from_starting(self, app: Packhorse, kit: Kit) -> None:
        """The tick is skipped and counted; the tick after its end runs."""
        ran: list[str] = []
        declare(app, ran)
        kit.clock.advance(HOUR)
        keeper = Keeper(app.engine, app.book, "leader")
        assert keeper.fire_due() == 1
        kit.clock.advance(HOUR)
        assert keeper.fire_due() == 0
        assert last_run(app).skipped == 1
        kit.drain()
        kit.clock.advance(HOUR)
        kit.drain()
        assert len(ran) == 2

    @pytest.mark.accepts("O10")
    def test_a_tick_may_wait_for_the_run_before(self, app: Packhorse, kit: Kit) -> None:
        """The latest one; it starts when that has ended."""
        ran: list[str] = []
        declare(app, ran, overlap="queue")
        keeper = Keeper(app.engine, app.book, "leader")
        for _ in range(3):
            kit.clock.advance(HOUR)
            keeper.fire_due()
        assert len(app.schedules.runs("hourly")) == 1
        assert len(app.schedules.get("hourly").waiting) == 1
        kit.drain()
        assert len(ran) == 2
        assert datetime.fromisoformat(ran[1]) - datetime.fromisoformat(ran[0]) == 2 * HOUR

    def test_runs_may_overlap_where_that_is_wanted(self, app: Packhorse, kit: Kit) -> None:
        """Each tick has its job."""
        declare(app, [], overlap="allow")
        keeper = Keeper(app.engine, app.book, "leader")
        for _ in range(3):
            kit.clock.advance(HOUR)
            keeper.fire_due()
        assert len(app.schedules.get("hourly").live_jobs) == 3

    @pytest.mark.accepts("O14")
    def test_by_hand_at_most_one_runs_either(self, app: Packhorse, kit: Kit) -> None:
        """The guard is the same; its ticks are left alone."""
        declare(app, [])
        before = app.schedules.get("hourly").next_at
        job = app.schedules.run("hourly", by="ann")
        with pytest.raises(ScheduleBusy, match=f"job {job.id}") as refused:
            app.schedules.run("hourly")
        assert refused.value.job_id == job.id
        kit.drain()
        assert app.schedules.run("hourly").id != job.id
        assert app.schedules.get("hourly").next_at == before
        assert [run.tick for run in app.schedules.runs("hourly")] == [None, None]
        assert app.schedules.runs("hourly")[1].fired_by == "ann"


class TestOperating:
    """Pause, resume, run, put, remove."""

    @pytest.mark.accepts("O9")
    def test_a_paused_schedule_fires_nothing_and_makes_up_for_nothing(self, app: Packhorse, kit: Kit) -> None:
        """By hand it still runs; when it is resumed, the next tick is the first."""
        ran: list[Any] = []
        declare(app, ran)
        assert app.schedules.pause("hourly", by="ann", reason="too loud") == {"hourly"}
        assert app.schedules.pause("hourly") == set()
        kit.clock.advance(3 * HOUR)
        kit.drain()
        assert ran == []
        app.schedules.run("hourly")
        kit.drain()
        assert ran == [None]
        assert app.schedules.resume("hourly") == {"hourly"}
        assert app.schedules.resume("hourly") == set()
        kit.drain()
        assert ran == [None]
        kit.clock.advance(HOUR)
        kit.drain()
        assert len(ran) == 2

    def test_of_names_that_are_not_all_known_nothing_is_done(self, app: Packhorse, kit: Kit) -> None:
        """The closest name is suggested."""
        declare(app, [])
        for act in (app.schedules.pause, app.schedules.resume, app.schedules.remove):
            with pytest.raises(ScheduleNotFound, match="did you mean 'hourly'"):
                act("hourly", "hourlie")
        with pytest.raises(ScheduleNotFound, match="packhorse schedules list"):
            app.schedules.run("xyz")
        assert app.schedules.get("hourly").paused_at is None

    def test_schedules_are_made_changed_and_removed_at_run_time(self, app: Packhorse, kit: Kit) -> None:
        """They need no code but that of the task."""
        ran: list[int] = []
        app.task(name="note")(ran.append)
        call = app.named("note").using(queue="slow").call(1)
        assert app.schedules.put("mine", Every(1, "hours"), call, alarm_after=HOUR)
        assert not app.schedules.put("mine", Every(1, "hours"), call, alarm_after=HOUR)
        assert app.schedules.put("mine", Every(10, "minutes"), call)
        kit.clock.advance(10 * MINUTE)
        kit.drain()
        assert ran == [1]
        assert kit.jobs(state=JobState.SUCCEEDED)[0].queue == "slow"
        assert app.schedules.remove("mine") == {"mine"}
        assert app.schedules.list() == []


class TestAlarms:
    """What a person should hear."""

    @pytest.mark.accepts("O14")
    def test_a_run_that_takes_too_long_raises_one_alarm(
        self, app: Packhorse, kit: Kit, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In the log, on record, and to whoever listens; a listener that fails keeps nobody else from hearing."""
        heard: list[Alarm] = []
        app.on_alarm(_broken)
        app.on_alarm(heard.append)
        declare(app, [], alarm_after=30 * MINUTE)
        job = app.schedules.run("hourly")
        keeper = Keeper(app.engine, app.book, "leader")
        keeper.keep()
        assert heard == []
        kit.clock.advance(31 * MINUTE)
        keeper.watch_runs()
        keeper.watch_runs()
        [alarm] = heard
        assert (alarm.kind, alarm.run.job_id, alarm.is_paused) == ("late", job.id, False)
        assert f"schedule hourly: a run by hand, job {job.id}, takes too long" in caplog.text
        assert [record.levelno for record in caplog.records if "takes too long" in record.message] == [logging.ERROR]
        assert last_run(app).late_at is not None

    @pytest.mark.accepts("O14")
    def test_one_restart_then_it_stops_with_an_alarm(self, app: Packhorse, kit: Kit) -> None:
        """`max_attempts=2, pause_on_failure=True`: the second error in a row pauses the schedule."""
        heard: list[Alarm] = []
        app.on_alarm(heard.append)

        @app.every(HOUR, name="sync", max_attempts=2, pause_on_failure=True)
        def sync() -> None:
            raise ValueError("no connection")

        app.schedules.sync()
        kit.clock.advance(HOUR)
        drained = kit.drain(with_scheduled=True, raising=False)
        assert [run.outcome for run in drained.runs] == ["retry", "fail"]
        [alarm] = heard
        assert (alarm.kind, alarm.is_paused) == ("failed", True)
        assert "has failed: ValueError: no connection; the schedule is paused" in str(alarm)
        record = app.schedules.get("sync")
        assert (record.paused_by, last_run(app, "sync").error_message) == ("packhorse", "no connection")
        kit.clock.advance(2 * HOUR)
        assert kit.drain().runs == []

    def test_by_default_a_failure_raises_an_alarm_and_the_schedule_goes_on(self, app: Packhorse, kit: Kit) -> None:
        """Each failed run one."""
        heard: list[Alarm] = []
        app.on_alarm(heard.append)
        app.every(HOUR, name="fails")(_fail)
        app.schedules.sync()
        for _ in range(2):
            kit.clock.advance(HOUR)
            kit.drain(raising=False)
        assert [alarm.kind for alarm in heard] == ["failed", "failed"]
        assert "has failed: no paper" in str(heard[0])

    @pytest.mark.accepts("O10")
    def test_the_record_of_a_run_outlives_its_job(self, app: Packhorse, kit: Kit) -> None:
        """Its start, duration and error are copied when it ends."""
        app.every(HOUR, name="fails", max_attempts=1)(_raise)
        app.schedules.sync()
        kit.clock.advance(HOUR)
        kit.drain(raising=False)
        before = last_run(app, "fails")
        forget_jobs(app)
        after = last_run(app, "fails")
        assert after.state == "failed"
        assert (after.started_at, after.ended_at, after.error_message) == (
            before.started_at,
            before.ended_at,
            "no paper",
        )
        assert after.duration is not None


def forget_jobs(app: Packhorse) -> None:
    """Prune every finished job."""
    transaction = app.engine.begin()
    table = "packhorse_finished" if app.engine.dialect == "sqlite" else f"{app.settings.schema}.finished"
    transaction.execute(f"delete from {table}")  # noqa: S608 - a test's own
    transaction.commit()


def _broken(alarm: Alarm) -> None:
    raise ValueError("a listener's own trouble")


def _fail() -> None:
    raise Fail("no paper")


def _raise() -> None:
    raise ValueError("no paper")


@pytest.mark.accepts("M11")
def test_a_schedule_of_the_code_says_on_whose_behalf_its_jobs_run(app: Packhorse, kit: Kit) -> None:
    """By a decorator or a declaration; what surrounds them does not count."""
    seen: list[Any] = []

    @app.every(HOUR, name="acme", acting=Acting(tenant="acme", user=7))
    def note() -> None:
        seen.append((acting().tenant, acting().user))

    with acting_as(tenant="somebody's"):
        app.schedule("nobody", Every(1, "hours"), note.call())
    app.schedule("other", Every(1, "hours"), note.call(), acting=Acting(tenant="other"))
    app.schedules.sync()
    for name in ("acme", "nobody", "other"):
        app.schedules.run(name)
        kit.drain()
    assert seen == [("acme", 7), (None, None), ("other", None)]


@pytest.mark.accepts("M11")
def test_whoever_makes_a_schedule_at_run_time_says_on_whose_behalf(app: Packhorse, kit: Kit) -> None:
    """A new one in somebody's name is refused if it is not said; a change of its times leaves it."""
    seen: list[Any] = []

    @app.task(name="note")
    def note() -> None:
        seen.append(acting().tenant)

    daily, hourly = Every(1, "days"), Every(1, "hours")
    with acting_as(tenant="acme"):
        with pytest.raises(UsageError, match=r"say on whose behalf .* acting=acting\(\)"):
            app.schedules.put("notes", daily, note.call())
        assert app.schedules.put("notes", daily, note.call(), acting=acting())
    with acting_as(tenant="operator"):
        assert app.schedules.put("notes", hourly, note.call())
        assert not app.schedules.put("notes", hourly, note.call())
    app.schedules.run("notes")
    kit.drain()
    assert app.schedules.put("notes", hourly, note.call(), acting=Acting())
    app.schedules.run("notes")
    kit.drain()
    assert seen == ["acme", None]
