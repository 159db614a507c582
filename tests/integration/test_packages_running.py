"""Work packages in a worker: their order, their queues, their keys, their log, and what goes wrong around them."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from packhorse import Context, JobState, Packhorse, WorkPackage
from packhorse.engine import Engine
from packhorse.runtime import loader
from packhorse.workpackages.task import PackageTask
from tests.integration.package_kit import Orders, knowing
from tests.integration.worker_kit import Gate, wait_for, working
from tests.waiting import wait_until

log = logging.getLogger("shop.packages")


@pytest.fixture
def app(database_url: str) -> Iterator[Packhorse]:
    """An application without handlers yet."""
    with knowing(Orders(), database_url) as app:
        yield app


class Counted:
    """How many handlers are inside, and how many were at most."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        """One comes."""
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def leave(self) -> None:
        """One goes."""
        with self._lock:
            self.inside -= 1


@pytest.mark.accepts("M8")
def test_packages_run_by_priority_and_then_in_their_order(app: Packhorse) -> None:
    """1, 3, the first of two equal ones, the second, 9."""
    ran: list[int] = []

    @app.work_package
    def post(package: WorkPackage) -> None:
        ran.append(package.id)

    nine, one, first, second, three = [post.package(priority=n).enqueue().id for n in (9, 1, 5, 5, 3)]
    with working(app, threads=1):
        wait_until(lambda: len(ran) == 5, what="all packages")
    assert ran == [one, three, first, second, nine]


@pytest.mark.accepts("M8")
def test_a_queue_with_a_floor_sees_its_packages_alone(app: Packhorse) -> None:
    """The others wait until it is taken away."""

    @app.work_package(queue="narrow")
    def post(package: WorkPackage) -> None:
        """Do nothing."""

    app.queue("narrow", priority_floor=5)
    ids = {n: post.package(priority=n).enqueue().id for n in (9, 1, 5, 6, 3)}
    with working(app):
        for n in (1, 3, 5):
            assert wait_for(app, ids[n]).state is JobState.SUCCEEDED
        assert {app.get_job(ids[n]).state for n in (6, 9)} == {JobState.AVAILABLE}
        app.queues.set("narrow", priority_floor=None)
        for n in (6, 9):
            assert wait_for(app, ids[n]).state is JobState.SUCCEEDED


@pytest.mark.accepts("M12")
@pytest.mark.parametrize("slots", [1, 2])
def test_a_queue_runs_so_many_packages_at_once_of_all_its_handlers(app: Packhorse, slots: int) -> None:
    """Two handlers in a queue of one slot never overlap; packages of other queues are not held up."""
    gate, counted = Gate(), Counted()

    def handler(package: WorkPackage) -> None:
        counted.enter()
        gate.wait()
        counted.leave()

    tasks = [app.work_package(name=name, queue="narrow")(handler) for name in ("first", "second")]
    other = app.work_package(name="other", queue="wide")(lambda package: None)
    app.queue("narrow", slots=slots)
    ids = [task.package().enqueue().id for task in tasks * 3]
    with working(app):
        gate.reached(slots)
        assert wait_for(app, other.package().enqueue().id).state is JobState.SUCCEEDED
        gate.open()
        assert {wait_for(app, id).state for id in ids} == {JobState.SUCCEEDED}
    assert counted.most == slots


@pytest.mark.accepts("M12")
def test_a_handlers_packages_may_be_in_any_queue(app: Packhorse) -> None:
    """A handler is in many queues, and a queue has many handlers; a queue comes, rests and goes at run time."""

    @app.work_package(queue="billing")
    def post(package: WorkPackage) -> None:
        """Do nothing."""

    with working(app):
        assert wait_for(app, post.package().enqueue().id).queue == "billing"
        app.queues.set("night", slots=1)
        assert wait_for(app, post.package(queue="night").enqueue().id).state is JobState.SUCCEEDED
        app.queues.pause("night", by="kim")
        rests = post.package(queue="night").enqueue().id
        assert wait_for(app, post.package().enqueue().id).state is JobState.SUCCEEDED
        assert app.get_job(rests).state is JobState.AVAILABLE
        app.queues.resume("night")
        assert wait_for(app, rests).state is JobState.SUCCEEDED
        assert app.queues.remove("night")
        assert "night" not in {queue.name for queue in app.queues.list()}


BROKEN = "import a_module_that_nobody_has\n"
MENDED = """
from packhorse_package_tests import app

@app.work_package(name="posting.post")
def post(package):
    return len(package)
"""


@pytest.mark.accepts("M13")
def test_packages_of_a_handler_that_cannot_be_loaded_wait_untouched(
    app: Packhorse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is counted and dated, others go on, and they run when the definition is mended."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(loader, "RETRY_SECONDS", 0.05)
    here = type(sys)("packhorse_package_tests")
    here.app = app  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "packhorse_package_tests", here)
    (tmp_path / "posting_module.py").write_text(BROKEN)
    producer = Packhorse(app.settings.database_url)
    waiting = producer.work_package(name="posting.post")(lambda package: None).package().enqueue().id
    producer.close()
    other = app.work_package(name="other")(lambda package: None)
    app.include("posting_module")
    with working(app):
        wait_until(lambda: any(one.hits > 2 for one in app.list_load_failures()), what="some tries")
        [failure] = app.list_load_failures()
        assert failure.module == "posting_module"
        assert failure.first_at <= failure.last_at <= datetime.now(UTC)
        assert wait_for(app, other.package().enqueue().id).state is JobState.SUCCEEDED
        parked = wait_for(app, waiting, JobState.BLOCKED)
        assert (parked.attempt, app.list_attempts(waiting)) == (0, [])
        (tmp_path / "posting_module.py").write_text(MENDED)
        assert wait_for(app, waiting).attempt == 1
    sys.modules.pop("posting_module", None)


@pytest.mark.accepts("M13")
def test_every_run_has_a_package_of_its_own(app: Packhorse) -> None:
    """Nothing that one run left in it is there in the next one, nor in another package."""
    seen: list[tuple[WorkPackage, Context]] = []

    @app.work_package(max_attempts=2)
    def post(ctx: Context, package: WorkPackage) -> None:
        assert not hasattr(package, "left")
        package.left = True  # type: ignore[attr-defined]
        seen.append((package, ctx))

    for _ in range(3):
        post.package().enqueue()
    app.run_pending()
    assert len({id(package) for package, _ in seen}) == len({id(ctx) for _, ctx in seen}) == 3


@pytest.mark.accepts("M20")
def test_of_two_packages_with_one_key_one_runs(app: Packhorse) -> None:
    """The older one, however urgent the other is, which runs afterwards, whatever room there is; other keys at once."""
    gates = {name: Gate() for name in ("first", "second", "third")}
    ran: list[str] = []

    @app.work_package
    def post(package: WorkPackage) -> None:
        name = package.param("name", str)
        ran.append(name)
        gates[name].wait()

    def enqueue(name: str, key: str, priority: str = "medium") -> int:
        return post.package(serial_key=key, priority=priority).param("name", name).enqueue().id

    first, second, third = enqueue("first", "k"), enqueue("second", "k", "urgent"), enqueue("third", "other")
    with working(app, threads=2):
        gates["first"].reached()
        gates["third"].reached()
        assert app.get_job(second).state is not JobState.EXECUTING
        gates["third"].open()
        assert wait_for(app, third).state is JobState.SUCCEEDED
        assert ran.count("second") == 0
        gates["first"].open()
        gates["second"].reached()
        assert app.get_job(first).state is JobState.SUCCEEDED
        gates["second"].open()
        assert wait_for(app, second).state is JobState.SUCCEEDED
    assert app.get_job(second).attempt == 1


@pytest.mark.accepts("M26")
def test_what_a_package_logs_is_kept_although_it_is_undone(app: Packhorse) -> None:
    """More lines than go into one message, all of them at the end; an exception with its traceback."""

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> None:
        for n in range(250):
            ctx.log.info("line %d", n)
        try:
            raise KeyError("rate")
        except KeyError:
            log.exception("no rate")
        raise ValueError("wrong")

    id = post.package().enqueue().id
    with working(app):
        assert wait_for(app, id).state is JobState.FAILED
        wait_until(lambda: len(app.list_log(id)) == 251, what="all lines")
    *lines, last = app.list_log(id)
    assert [line.message for line in lines] == [f"line {n}" for n in range(250)]
    assert last.message.startswith("no rate\nTraceback")
    assert last.message.endswith("KeyError: 'rate'")


@pytest.mark.accepts("M26")
def test_a_log_that_cannot_be_stored_fails_no_package(app: Packhorse, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said in the worker's own log."""

    def broken(self: Engine, *_: object) -> None:
        raise ValueError("no room")

    monkeypatch.setattr(type(app.engine), "write_log", broken)

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> None:
        ctx.log.info("lost")

    id = post.package().enqueue().id
    with working(app):
        assert wait_for(app, id).state is JobState.SUCCEEDED
    assert app.list_log(id) == []


def raising(error: type[BaseException]) -> Callable[[int], None]:
    """What raises at the fifth package."""

    def step(n: int) -> None:
        if n == 4:
            raise error("the fifth")

    return step


@pytest.mark.accepts("M30")
@pytest.mark.parametrize("error", [ValueError, MemoryError, SystemExit])
def test_an_error_in_one_of_a_hundred_stays_alone(app: Packhorse, error: type[BaseException]) -> None:
    """On five threads: 99 are processed and one is in error, whatever it raised; nothing is left held by anybody."""
    step = raising(error)

    @app.work_package
    def post(package: WorkPackage) -> None:
        step(package.param("n", int))

    ids = [post.package(serial_key=f"k{n % 20}").param("n", n).enqueue().id for n in range(100)]
    with working(app, threads=5):
        states = [wait_for(app, id).state for id in ids]
        assert wait_for(app, post.package(serial_key="k4").param("n", 100).enqueue().id).state is JobState.SUCCEEDED
    assert [n for n, state in enumerate(states) if state is JobState.FAILED] == [4]
    assert states.count(JobState.SUCCEEDED) == 99
    assert app.get_job(ids[4]).error_type == error.__name__
    assert app.count_jobs()[JobState.EXECUTING] == app.count_jobs()[JobState.AVAILABLE] == 0
    assert app.list_workers() == []


@pytest.mark.accepts("M30")
def test_a_stop_lets_a_running_package_end_and_then_interrupts(app: Packhorse) -> None:
    """What waits is left for the next worker; what goes on too long is given back, and runs again uncounted."""
    gate = Gate()

    @app.work_package
    def post(package: WorkPackage) -> None:
        gate.wait()

    first = post.package().enqueue().id
    with working(app, threads=1):
        gate.reached()
        waiting = post.package().enqueue().id
        threading.Timer(0.1, gate.open).start()
    assert app.get_job(first).state is JobState.SUCCEEDED
    with working(app):
        assert wait_for(app, waiting).attempt == 1


@pytest.mark.accepts("M31")
def test_a_package_that_cannot_start_is_released_at_once(app: Packhorse) -> None:
    """Claimed ahead behind a slow one, it goes to another worker, with no attempt counted."""
    gate = Gate()
    ran: dict[int, int] = {}

    @app.work_package
    def post(ctx: Context, package: WorkPackage) -> None:
        ran[package.id] = ctx.job.attempt
        if package.param("slow", bool):
            gate.wait()

    task: PackageTask[None] = post
    slow = task.package(priority=1).param("slow", True).enqueue().id
    ids = [task.package().param("slow", False).enqueue().id for _ in range(20)]
    with working(app, threads=1):
        gate.reached()
        with working(app, threads=1):
            assert {wait_for(app, id).state for id in ids} == {JobState.SUCCEEDED}
            assert app.get_job(slow).state is JobState.EXECUTING
        gate.open()
        assert wait_for(app, slow).state is JobState.SUCCEEDED
    assert set(ran.values()) == {1}
