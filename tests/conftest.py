"""What every test can ask for: fresh databases on each engine, real servers, and marks that say what a test shows."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.engines import ENGINES, engines_of
from tests.migrated import MigratedPostgres, MigratedSqlite
from tests.servers import CutProxy, LocalPostgres, PgBouncer, PostgresServer, ServerUnavailable, find_postgres
from tests.servers.postgres import SAFE
from tests.servers.processes import fast_folder

T = TypeVar("T")

pytest_plugins = ["tests.acceptance_plugin", "tests.turns_plugin"]


def pytest_configure() -> None:
    """Let signals reach the programs that tests start: they inherit which ones are ignored.

    A suite in the background ignores Ctrl-C, and one under `nohup` a hangup, which a worker then leaves ignored.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--engine`."""
    parser.addoption(
        "--engine", choices=[*ENGINES, "all"], default="all", help="run the tests on this engine only (default: all)"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a database once on every engine that it applies to.

    A mark that names an engine that does not exist is an error of the test's collection.
    """
    if unknown := set(engines_of(metafunc.definition)) - set(ENGINES):
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: no such engine: {sorted(unknown)}")
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", engines_of(metafunc.definition), scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what applies to other engines than the chosen one."""
    chosen = config.getoption("engine")
    if chosen != "all":
        config.hook.pytest_deselected(items=[item for item in items if chosen not in engines_of(item)])
        items[:] = [item for item in items if chosen in engines_of(item)]


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """The address of an empty database of its own, on each engine in turn."""
    url: str = request.getfixturevalue(f"{engine_name}_url")
    return url


@pytest.fixture
def sqlite_url(database_folder: Path) -> str:
    """The address of a SQLite file that does not exist yet."""
    return f"sqlite:///{database_folder / 'test.db'}"


@pytest.fixture
def database_folder() -> Iterator[Path]:
    """A folder for SQLite files, in memory where that is possible."""
    folder = Path(tempfile.mkdtemp(prefix="packhorse-sqlite-", dir=fast_folder()))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def migrated_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """The address of a database of its own that has the schema already, on each engine in turn."""
    url: str = request.getfixturevalue(f"migrated_{engine_name}_url")
    return url


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: MigratedSqlite, database_folder: Path) -> str:
    """The address of a SQLite file that has the schema already."""
    return migrated_sqlite.create(database_folder / "test.db")


@pytest.fixture
def migrated_postgresql_url(migrated_postgres: MigratedPostgres, postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a PostgreSQL database that has the schema already."""
    url = migrated_postgres.create()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def migrated_sqlite() -> Iterator[MigratedSqlite]:
    """Makes SQLite files that have the schema already."""
    folder = Path(tempfile.mkdtemp(prefix="packhorse-template-", dir=fast_folder()))
    yield MigratedSqlite(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> MigratedPostgres:
    """Makes PostgreSQL databases that have the schema already."""
    return MigratedPostgres(postgres_server)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that the tests of one pytest process share; it may not be disturbed."""
    server = _need(find_postgres)
    yield server
    server.stop()


@pytest.fixture
def private_postgres() -> Iterator[LocalPostgres]:
    """A server for one test alone, which may kill, pause and restart it; it survives as one in production does."""
    server = _need(lambda: LocalPostgres(**SAFE))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: PostgresServer) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode, in front of the shared server: `pgbouncer.url(postgresql_url)`."""
    pooler = _need(lambda: PgBouncer(postgres_server.url("postgres")))
    yield pooler
    pooler.stop()


@pytest.fixture
def cut_proxy(postgresql_url: str) -> Iterator[CutProxy]:
    """A proxy in front of the shared server that fails on command: `cut_proxy.url(postgresql_url)`."""
    with CutProxy(postgresql_url) as proxy:
        yield proxy


def _need(start: Callable[[], T]) -> T:
    """Start a server, or skip the test with the reason; in CI a missing server is an error."""
    try:
        return start()
    except ServerUnavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason))
