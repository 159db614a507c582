"""`lifespan`: the application of jobs lives as long as its web server, with a worker in it if that is wanted."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from packhorse import JobState, Packhorse
from packhorse.integrations.asgi import lifespan
from packhorse.runtime.settings import WorkerSettings
from tests.acceptance.command import ROOT, CommandLine, Running
from tests.integration.web.kit import jobs_app, notes, task_of
from tests.waiting import wait_until

SERVED = "tests.integration.web.served_app:web"
UVICORN = (sys.executable, "-m", "uvicorn", "--port", "0", "--app-dir", str(ROOT))


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[CommandLine]:
    """Uvicorn, with the address of the jobs."""
    commands = CommandLine(tmp_path, {"PACKHORSE_DATABASE_URL": database_url}, UVICORN)
    yield commands
    commands.stop_all()


@pytest.fixture
def served(database_url: str) -> Iterator[Packhorse]:
    """The jobs of the application that it serves."""
    with closing(Packhorse(database_url)) as app:
        app.engine.migrate()
        yield app


def is_closed(app: Packhorse) -> bool:
    """Whether it has no engine open."""
    return not app._engines


def test_the_application_is_closed_with_the_server(app: Packhorse) -> None:
    """And can be opened again: a server may begin and end its lifespan several times in a process."""
    web = FastAPI(lifespan=lifespan(app))

    async def live() -> None:
        async with web.router.lifespan_context(web):
            await task_of(app).aenqueue("a")

    for _ in range(2):
        asyncio.run(live())
        assert is_closed(app)
    assert notes(app) == ["a", "a"]


def test_a_lifespan_of_ones_own_takes_it_along(app: Packhorse) -> None:
    """As the documentation shows it."""

    @asynccontextmanager
    async def own(web: FastAPI) -> AsyncIterator[dict[str, int]]:
        async with lifespan(app)(web):
            yield {"begun": (await task_of(app).aenqueue("a")).id}

    async def live() -> object:
        web = FastAPI(lifespan=own)
        async with web.router.lifespan_context(web) as state:
            return state

    assert asyncio.run(live()) == {"begun": 1}
    assert is_closed(app)


def test_a_worker_lives_in_the_process(app: Packhorse) -> None:
    """It is there for the jobs of the requests, signs off at the end, and runs again with the next lifespan."""

    async def live() -> None:
        async with lifespan(app, worker=WorkerSettings(threads=1))():
            job = await task_of(app).aenqueue("a")
            assert await job.aresult(timeout=20) == "a"

    for _ in range(2):
        asyncio.run(live())
        assert app.list_workers() == []


def test_a_web_application_starts_without_its_database(tmp_path: Path) -> None:
    """Its worker begins when the database is there; until then the end comes at once."""
    place = tmp_path / "later"
    app = Packhorse(f"sqlite:///{place / 'shop.db'}")
    app.task(name="note")(lambda text: text)

    async def live() -> None:
        async with lifespan(app, worker=True)():
            place.mkdir()
            job = await app.aenqueue("note", "a")
            assert await job.aresult(timeout=20) == "a"
        place.joinpath("shop.db").unlink()

    asyncio.run(live())


@pytest.mark.engines("postgresql")
def test_its_worker_begins_when_the_schema_is_there(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It says once what is missing. SQLite's is installed by the first use."""
    app = jobs_app(database_url)

    async def live() -> None:
        async with lifespan(app, worker=True)():
            await asyncio.to_thread(wait_until, lambda: "packhorse migrate up" in caplog.text, 20, "the warning")
            await asyncio.to_thread(app.engine.migrate)
            job = await task_of(app).aenqueue("a")
            assert await job.aresult(timeout=20) == "a"

    asyncio.run(live())
    assert caplog.text.count("no worker runs in this process") == 1


def url_of(running: Running) -> str:
    """Where it answers."""
    found = wait_until(lambda: re.findall(r"running on (http://\S+)", running.log()), 30, "uvicorn to listen")
    return str(found[-1])


def test_a_job_may_end_when_the_server_is_told_to(server: CommandLine, served: Packhorse, tmp_path: Path) -> None:
    """SIGTERM: nothing more is claimed, what runs has its time, and its acknowledgement is stored."""
    running = server.start(SERVED)
    url_of(running)
    jobs = [served.enqueue("work", str(tmp_path)) for _ in range(4)]
    wait_until((tmp_path / "begun").exists, 20, "a job to begin")
    wait_until(lambda: len(served.list_jobs(state=JobState.EXECUTING)) >= 2, 20, "two to run")
    running.send(signal.SIGTERM)
    wait_until(lambda: "Waiting for application shutdown" in running.log(), 20, "the shutdown")
    (tmp_path / "go").touch()

    assert running.wait() in (0, -signal.SIGTERM), running.log()
    states = sorted(job.record().state for job in jobs)
    assert states == [JobState.AVAILABLE, JobState.AVAILABLE, JobState.SUCCEEDED, JobState.SUCCEEDED]
    assert served.list_workers() == []


@pytest.mark.engines("sqlite")
def test_each_process_of_a_server_has_a_worker(server: CommandLine, served: Packhorse) -> None:
    """`--workers 2`: all of them end together. No engine does anything for that."""
    running = server.start(SERVED, "--workers", "2")
    wait_until(lambda: len(served.list_workers()) == 2, 30, "two workers")
    running.send(signal.SIGTERM)
    assert running.wait() in (0, -signal.SIGTERM), running.log()
    assert served.list_workers() == []


@pytest.mark.engines("sqlite")
def test_a_reload_replaces_the_worker(server: CommandLine, served: Packhorse, tmp_path: Path) -> None:
    """`--reload`: the process of the old code ends, and its worker with it. No engine does anything for that."""
    (tmp_path / "shop_web.py").write_text(f"from {SERVED.partition(':')[0]} import app, web\n")
    running = server.start("shop_web:web", "--reload", "--reload-dir", str(tmp_path), "--app-dir", str(tmp_path))
    [first] = wait_until(served.list_workers, 30, "a worker")
    before = httpx.get(url_of(running)).json()
    (tmp_path / "shop_web.py").write_text(f"from {SERVED.partition(':')[0]} import app, web  # changed\n")

    def others() -> bool:
        return [worker.id for worker in served.list_workers()] not in ([], [first.id])

    wait_until(others, 30, "another worker")
    wait_until(lambda: len(served.list_workers()) == 1, 30, "the first one to be gone")
    wait_until(lambda: running.log().count("Application startup complete") == 2, 30, "the second start")
    assert httpx.get(url_of(running)).json() != before
    running.send(signal.SIGTERM)
    running.wait()
    assert served.list_workers() == []
