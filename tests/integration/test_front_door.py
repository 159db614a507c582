"""Plain SQL enqueues: a function on PostgreSQL, a view on SQLite, from triggers and any language."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from packhorse.domain.job import JobRecord, Keys
from packhorse.domain.outcome import Success
from packhorse.domain.state import JobState
from packhorse.domain.worker import NewWorker
from packhorse.engine import JobFilter
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.engines.sqlite.engine import SqliteEngine
from packhorse.notifiers.postgres import PostgresNotifier
from packhorse.testing.contract.steps import claim, decided, enqueue, enqueue_one, job_of, settle
from tests.opening import open_engine, path_of

Engine = SqliteEngine | PostgresEngine
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.accepts("C28")
REFUSED = (sqlite3.IntegrityError, psycopg.errors.InvalidParameterValue, psycopg.errors.UniqueViolation)


class Sql:
    """A foreign program that speaks SQL and knows nothing of Python."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite:")
        self._url = url

    def run(self, *statements: str) -> None:
        """Run statements in one transaction."""
        if self.is_sqlite:
            with closing(sqlite3.connect(path_of(self._url))) as file, file:
                for statement in statements:
                    file.execute(statement)
        else:
            with psycopg.connect(self._url) as connection:
                for statement in statements:
                    connection.execute(statement.encode())

    def enqueue(self, **options: str) -> None:
        """Enqueue with these options, each an SQL expression."""
        self.run(self.call(**options))

    def call(self, **options: str) -> str:
        """The statement that does it."""
        if self.is_sqlite:
            columns, values = ", ".join(options), ", ".join(options.values())
            return f"insert into packhorse_enqueue ({columns}) values ({values})"  # noqa: S608 - the tests' own words
        return f"select packhorse.enqueue({', '.join(f'{name} => {value}' for name, value in options.items())})"

    def seconds(self, count: int) -> str:
        """A duration as this dialect writes it."""
        return str(count) if self.is_sqlite else f"interval '{count} seconds'"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine with its schema."""
    engine = open_engine(database_url)
    engine.migrate()
    yield engine
    engine.close()


@pytest.fixture
def foreign(engine: Engine, database_url: str) -> Sql:
    """The program that enqueues."""
    return Sql(database_url)


def only_job(engine: Engine) -> JobRecord:
    """The one job that there is."""
    [job] = engine.list_jobs(JobFilter())
    return job


def test_a_name_is_enough(engine: Engine, foreign: Sql) -> None:
    """Everything else has the defaults that Python callers get."""
    foreign.enqueue(task="'shop.jobs.clean'")
    job = only_job(engine)

    assert (job.task, job.args, job.kwargs, job.meta) == ("shop.jobs.clean", "[]", None, None)
    assert (job.queue, job.priority, job.state, job.max_attempts) == ("default", 5, JobState.AVAILABLE, None)
    assert job.order_at == job.enqueued_at
    assert (job.scheduled_at, job.expected_at) == (None, None)


def test_every_option_has_its_place(engine: Engine, foreign: Sql) -> None:
    """Texts are stored unchanged."""
    foreign.enqueue(
        task="'t'",
        args="""'[42, "it''s", 1.10]'""",
        kwargs="""'{"b": 1,  "a": 2}'""",
        queue="'billing.eu-1'",
        priority="-3",
        delay=foreign.seconds(60),
        expected_in=foreign.seconds(120),
        max_attempts="7",
        meta="""'{"tenant": 1}'""",
    )
    job = only_job(engine)

    assert (job.args, job.kwargs) == ("""[42, "it's", 1.10]""", '{"b": 1,  "a": 2}')
    assert (job.queue, job.priority, job.max_attempts, job.meta) == ("billing.eu-1", -3, 7, '{"tenant": 1}')
    assert job.state is JobState.SCHEDULED
    assert job.scheduled_at == job.enqueued_at + MINUTE
    assert job.expected_at == job.order_at == job.enqueued_at + 2 * MINUTE


@pytest.mark.parametrize("moment", ["'2100-02-03T04:05:06.789+02:00'", "'2100-02-03 02:05:06.789Z'"])
def test_a_moment_is_iso_text(engine: Engine, foreign: Sql, moment: str) -> None:
    """With its offset from UTC."""
    foreign.enqueue(task="'t'", scheduled_at=moment, expected_at=moment)
    job = only_job(engine)

    assert job.scheduled_at == job.expected_at == datetime(2100, 2, 3, 2, 5, 6, 789000, tzinfo=UTC)
    assert job.state is JobState.SCHEDULED


@pytest.mark.engines("sqlite")
def test_a_moment_may_be_seconds_on_sqlite(engine: Engine, foreign: Sql) -> None:
    """Since 1970, as strftime('%s') gives them."""
    foreign.enqueue(task="'t'", scheduled_at="4105994706.5")

    assert only_job(engine).scheduled_at == datetime.fromtimestamp(4105994706.5, UTC)


def test_a_moment_that_is_past_is_due(engine: Engine, foreign: Sql) -> None:
    """The job is available at once, in its old place."""
    foreign.enqueue(task="'t'", scheduled_at="'2020-01-01T00:00:00Z'")
    job = only_job(engine)

    assert job.state is JobState.AVAILABLE
    assert job.order_at == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.accepts("C2")
def test_a_trigger_enqueues_with_its_transaction(engine: Engine, foreign: Sql) -> None:
    """The job is there if and only if the row is."""
    foreign.run("create table shop_order (id integer primary key)", *trigger(foreign))
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        foreign.run("insert into shop_order values (41)", "insert into nothing values (1)")
    foreign.run("insert into shop_order values (42)")

    assert (only_job(engine).task, only_job(engine).args) == ("shop.jobs.send_invoice", "[42]")


def trigger(foreign: Sql) -> list[str]:
    """Enqueue a job for every new order."""
    call = foreign.call(task="'shop.jobs.send_invoice'", args="'[' || new.id || ']'")
    if foreign.is_sqlite:
        return [f"create trigger invoice after insert on shop_order begin {call}; end"]
    body = call.replace("select ", "perform ", 1)
    return [
        f"create function invoice() returns trigger language plpgsql as $$ begin {body}; return new; end $$",
        "create trigger invoice after insert on shop_order for each row execute function invoice()",
    ]


WRONG: dict[str, dict[str, str]] = {
    "task must name a task": {"task": "''"},
    "args must be a JSON array": {"task": "'t'", "args": """'{"a": 1}'"""},
    "kwargs must be a JSON object": {"task": "'t'", "kwargs": "'[1]'"},
    "meta must be a JSON object": {"task": "'t'", "meta": "'7'"},
    "queue must be": {"task": "'t'", "queue": "'no good'"},
    "queue must be up to 63": {"task": "'t'", "queue": f"'{'q' * 64}'"},
    "priority must be from": {"task": "'t'", "priority": "40000"},
    "give delay or scheduled_at": {"task": "'t'", "delay": "DURATION", "scheduled_at": "'2100-01-01T00:00:00Z'"},
    "give expected_in or expected_at": {
        "task": "'t'",
        "expected_in": "DURATION",
        "expected_at": "'2100-01-01T00:00:00Z'",
    },
    "delay must be": {"task": "'t'", "delay": "-DURATION"},
    "expected_in must be": {"task": "'t'", "expected_in": "-DURATION"},
    "scheduled_at must be": {"task": "'t'", "scheduled_at": "'1960-01-01T00:00:00Z'"},
    "expected_at must be": {"task": "'t'", "expected_at": "'9999-06-01T00:00:00Z'"},
    "max_attempts must be": {"task": "'t'", "max_attempts": "0"},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_option_is_refused_by_name(engine: Engine, foreign: Sql, message: str) -> None:
    """The message says what it must be, and nothing is stored."""
    options = {name: value.replace("DURATION", foreign.seconds(60)) for name, value in WRONG[message].items()}
    with pytest.raises((sqlite3.Error, psycopg.Error), match=f"packhorse: {message}"):
        foreign.enqueue(**options)

    assert sum(engine.count_jobs().values()) == 0


@pytest.mark.parametrize("args", ["'[1'", "'nonsense'", "''", "'[NaN]'"])
def test_what_is_no_json_is_refused(engine: Engine, foreign: Sql, args: str) -> None:
    """The worker could not read it."""
    with pytest.raises((sqlite3.Error, psycopg.Error), match=r"(?i)json"):
        foreign.enqueue(task="'t'", args=args)

    assert sum(engine.count_jobs().values()) == 0


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("moment", ["'tomorrow'", "'2100-13-01'", "'5'", "-1", "x'00'"])
def test_what_is_no_moment_is_refused_on_sqlite(engine: Engine, foreign: Sql, moment: str) -> None:
    """PostgreSQL knows the type by itself."""
    with pytest.raises(sqlite3.Error, match="packhorse: scheduled_at must be"):
        foreign.enqueue(task="'t'", scheduled_at=moment)


@pytest.mark.engines("postgresql")
def test_postgres_returns_the_id_and_takes_jsonb(engine: Engine, postgresql_url: str) -> None:
    """`jsonb_build_array` and its like need no cast."""
    statements = (
        "SELECT packhorse.enqueue('t', jsonb_build_array(42, 'x'), jsonb_build_object('a', 1), priority => 3)",
        "SELECT packhorse.enqueue('t', '[42, \"x\"]', '{\"a\": 1}', priority => 3)",
    )
    with psycopg.connect(postgresql_url) as connection:
        ids = [row[0] for text in statements for row in connection.execute(text.encode())]
    jobs = [engine.find_job(id) for id in ids]

    assert [(job.args, job.kwargs, job.priority) for job in jobs if job] == [('[42, "x"]', '{"a": 1}', 3)] * 2


def test_a_keyed_job_comes_as_one_from_python(engine: Engine, foreign: Sql) -> None:
    """Blocked at its first gate; then it is let on like any other."""
    keys = {"unique_key": "'u'", "serial_key": "'s'", "group_key": "'g'", "responsible": "'kim'"}
    foreign.enqueue(task="'t'", **keys, unique_until="'end'")
    job = only_job(engine)
    twin_keys = Keys(unique_key="u", unique_until="end", serial_key="s", group_key="g", responsible="kim")
    twin = job_of(engine, enqueue_one(engine, task="twin", keys=twin_keys))

    for name in ("state", "waits_for", "unique_key", "serial_key", "group_key", "responsible"):
        assert getattr(job, name) == getattr(twin, name)
    settle(engine)
    assert [one.id for one in claim(engine)] == [job.id]
    with pytest.raises(REFUSED, match=r"has it already|has its unique_key already"):
        foreign.enqueue(task="'t'", unique_key="'u'")


@pytest.mark.accepts("C14")
def test_a_second_one_is_refused_or_left_out(engine: Engine, foreign: Sql) -> None:
    """As `on_duplicate` says; one that has started is in nobody's way."""
    foreign.enqueue(task="'t'", unique_key="'u'")
    with pytest.raises(REFUSED, match=r"^packhorse: .*was not enqueued"):
        foreign.enqueue(task="'t'", unique_key="'u'")
    foreign.enqueue(task="'t'", unique_key="'u'", on_duplicate="'keep'", args="'[2]'")
    assert only_job(engine).args == "[]"
    claim(engine)
    foreign.enqueue(task="'t'", unique_key="'u'", on_duplicate="'keep'")
    foreign.enqueue(task="'other'", unique_key="'u'")
    assert len(engine.list_jobs(JobFilter())) == 3


@pytest.mark.accepts("C15")
def test_a_follower_waits_for_the_jobs_that_it_names(engine: Engine, foreign: Sql) -> None:
    """By their ids; naming none is as good as no option."""
    first, second = enqueue(engine, 2)
    named = f"'[{first}, {second}, {first}]'" if foreign.is_sqlite else f"array[{first}, {second}, {first}]"
    foreign.enqueue(task="'t'", after=named)
    foreign.enqueue(task="'t'", after="'[]'" if foreign.is_sqlite else "'{}'")
    free, follower = engine.list_jobs(JobFilter(task="t"))
    settle(engine)
    assert (free.state, job_of(engine, follower.id).waits_for) == (JobState.AVAILABLE, "jobs")
    engine.ack_jobs([decided(job, Success()) for job in claim(engine)])
    settle(engine)
    assert job_of(engine, follower.id).state is JobState.AVAILABLE


def test_a_delayed_one_comes_to_its_gate_when_it_is_due(engine: Engine, foreign: Sql) -> None:
    """Not before."""
    foreign.enqueue(task="'t'", serial_key="'s'", delay=foreign.seconds(60))
    job = only_job(engine)
    assert (job.state, job.waits_for) == (JobState.SCHEDULED, None)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("unique_key", "''", "unique_key must be 1 to 200 characters"),
        ("serial_key", "'a\nb'", "serial_key must be 1 to 200 characters"),
        ("group_key", f"'{'x' * 201}'", "group_key must be 1 to 200 characters"),
        ("responsible", "''", "responsible must be 1 to 200 characters"),
        ("unique_until", "'never'", "unique_until must be start or end"),
        ("on_duplicate", "'replace'", "on_duplicate must be refuse or keep"),
        ("on_duplicate", "'keep'", "say something of a unique_key: give one"),
        ("after_needs", "'luck'", "after_needs must be success or end"),
    ],
)
def test_a_wrong_key_is_refused(engine: Engine, foreign: Sql, option: str, value: str, message: str) -> None:
    """In one line that says what it must be."""
    with pytest.raises(REFUSED, match=f"packhorse: .*{message}"):
        foreign.enqueue(task="'t'", **{option: value})
    assert engine.list_jobs(JobFilter()) == []


@pytest.mark.parametrize("after", ["[0]", "[-1, 2]", "[null]"])
def test_what_is_no_job_is_refused(engine: Engine, foreign: Sql, after: str) -> None:
    """In `after`."""
    with pytest.raises(REFUSED, match="packhorse: after must name jobs by their ids"):
        foreign.enqueue(task="'t'", after=f"'{after}'" if foreign.is_sqlite else f"cast(array{after} as bigint[])")
    assert engine.list_jobs(JobFilter()) == []


@pytest.mark.engines("postgresql")
def test_a_null_delay_is_no_delay(engine: Engine, foreign: Sql) -> None:
    """Named or not."""
    foreign.enqueue(task="'t'", delay="null", scheduled_at="null", kwargs="null")

    assert only_job(engine).state is JobState.AVAILABLE


@pytest.mark.accepts("C4")
@pytest.mark.engines("postgresql")
def test_a_waiting_worker_is_woken(engine: Engine, foreign: Sql) -> None:
    """On SQLite every commit to the file is seen, whoever made it."""
    assert isinstance(engine, PostgresEngine)
    engine.register_worker(NewWorker(id=1, name="host:1", queues=(), tasks=["t"], lease=MINUTE))
    engine.seek_hints(1, wanted=True)
    hints = threading.Semaphore(0)
    notifier = PostgresNotifier(engine.conninfo, engine.channel)
    notifier.listen(hints.release)
    assert hints.acquire(timeout=5)
    foreign.enqueue(task="'t'")

    assert hints.acquire(timeout=5)
    notifier.close()
