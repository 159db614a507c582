"""What has become of work packages, by the correlation id that their producer gave them."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from packhorse import CorrelationTimeout, PackageOutcome, Packhorse, Skip, UsageError, WorkPackage
from packhorse.workpackages.task import PackageTask
from tests.integration.worker_kit import working, written_app
from tests.waiting import wait_until

pytestmark = pytest.mark.accepts("M22")

WRITTEN = """
import os
from packhorse import Packhorse, WorkPackage

app = Packhorse(os.environ["WRITTEN_APP_URL"])

@app.work_package
def post(package: WorkPackage) -> None:
    if package.param("wrong", bool, False):
        raise ValueError("wrong")
"""


class Postings:
    """A task of work packages whose parameter says what becomes of them."""

    def __init__(self, app: Packhorse) -> None:
        self.app = app
        self.task: PackageTask[None] = app.work_package(name="post")(self.post)

    def post(self, package: WorkPackage) -> None:
        """Do what the package says; one that was skipped is done in its next run."""
        how = package.param("how", str)
        if how == "skip":
            package.set_param("how", "done")
            raise Skip("the period is being closed", after=timedelta(milliseconds=200))
        if how == "error":
            raise ValueError("no such account")

    def enqueue(self, *hows: str, correlation: str = "import 7") -> list[int]:
        """Packages with these outcomes; their numbers."""
        return [self.task.package().param("how", how).correlation(correlation).enqueue().id for how in hows]


@pytest.fixture
def postings(database_url: str) -> Iterator[Postings]:
    """An application with that task."""
    app = Packhorse(database_url)
    app.engine.migrate()
    yield Postings(app)
    app.close()


def told(outcomes: list[PackageOutcome]) -> list[tuple[int, str, str | None]]:
    """Of each package how, and why."""
    return [(one.job_id, one.how, one.reason) for one in outcomes]


def test_what_has_ended_before_the_wait_began_counts(postings: Postings) -> None:
    """It returns at once; so it does for more than are waited for, and for none."""
    ids = postings.enqueue("done", "error", "done")
    postings.app.run_pending()

    expected = [(ids[0], "done", None), (ids[1], "error", "ValueError: no such account"), (ids[2], "done", None)]
    assert told(postings.app.wait_for("import 7", 3, timeout=0)) == expected
    assert told(postings.app.wait_for("import 7", 2, timeout=0)) == expected
    assert postings.app.wait_for("import 8", 0, timeout=0) == []
    assert told(asyncio.run(postings.app.await_for("import 7", 3, timeout=0))) == expected


def test_a_skip_is_not_counted(postings: Postings) -> None:
    """The package is when it ends; until then the time-out says how many had."""
    ids = postings.enqueue("done", "skip", "error")
    postings.enqueue("done", correlation="import 8")
    postings.app.run_pending()

    message = r"of 3 packages with the correlation id 'import 7', 2 have ended within 0 s"
    with pytest.raises(CorrelationTimeout, match=message) as late:
        postings.app.wait_for("import 7", 3, timeout=0)
    assert (late.value.correlation, late.value.count, late.value.ended) == ("import 7", 3, 2)
    assert isinstance(late.value, TimeoutError)
    with pytest.raises(CorrelationTimeout, match="2 have ended"):
        asyncio.run(postings.app.await_for("import 7", 3, timeout=timedelta(milliseconds=20)))
    assert postings.app.get_job(ids[1]).state == "scheduled"

    with working(postings.app):
        ends = postings.app.wait_for("import 7", 3, timeout=20)
    assert [(one.job_id, one.how, one.attempt) for one in ends] == [
        (ids[0], "done", 1),
        (ids[2], "error", 1),
        (ids[1], "done", 2),
    ]


def test_packages_that_are_enqueued_later_are_waited_for(postings: Postings) -> None:
    """By threads and by coroutines: nobody needs to have the packages, nor to run them."""

    async def waiting() -> list[int]:
        both = await asyncio.gather(
            postings.app.await_for("import 7", 3, timeout=20),
            asyncio.to_thread(postings.app.wait_for, "import 7", 3, 20),
        )
        return [len(ends) for ends in both]

    with ThreadPoolExecutor(1) as executor, working(postings.app):
        lengths = executor.submit(asyncio.run, waiting())
        postings.enqueue("done", "error")
        assert len(postings.app.wait_for("import 7", 2, timeout=20)) == 2
        assert not lengths.done()
        postings.enqueue("done")
        assert lengths.result(timeout=20) == [3, 3]


def test_a_cancelled_package_is_an_end_that_is_not_done(postings: Postings) -> None:
    """Nobody waits for what will never run."""
    [id] = postings.enqueue("done")
    postings.app.cancel(id, by="kim")

    [end] = postings.app.wait_for("import 7", 1, timeout=0)
    assert (end.job_id, end.how, end.attempt) == (id, "error", 0)


def test_a_package_that_somebody_retries_has_no_end_any_more(postings: Postings) -> None:
    """Until that run has one."""
    [id] = postings.enqueue("error")
    postings.app.run_pending()
    postings.app.retry(id)

    assert postings.app.list_outcomes("import 7") == []
    with pytest.raises(CorrelationTimeout, match="0 have ended"):
        postings.app.wait_for("import 7", 1, timeout=0)
    postings.app.run_pending()
    assert [one.how for one in postings.app.wait_for("import 7", 1, timeout=0)] == ["error"]


def test_who_listens_is_told_all_that_happens(postings: Postings) -> None:
    """What had happened before first, then what happens; skips, too; each once, until the time is over."""
    before = postings.enqueue("done")
    postings.app.run_pending()
    heard = SimpleQueue[PackageOutcome]()

    def listen() -> None:
        for outcome in postings.app.listen("import 7", timeout=3):
            heard.put(outcome)

    with ThreadPoolExecutor(1) as executor:
        listening = executor.submit(listen)
        wait_until(lambda: heard.qsize() == 1, 10, "what had happened before")
        after = postings.enqueue("skip", "error")
        with working(postings.app):
            listening.result(timeout=20)

    first, *rest = told([heard.get() for _ in range(heard.qsize())])
    assert first == (before[0], "done", None)
    assert [one for one in rest if one[0] == after[0]] == [
        (after[0], "skipped", "the period is being closed"),
        (after[0], "done", None),
    ]
    assert [one for one in rest if one[0] != after[0]] == [(after[1], "error", "ValueError: no such account")]


def test_a_coroutine_listens_alike(postings: Postings) -> None:
    """And leaves when it likes."""

    async def first_end() -> PackageOutcome:
        async for outcome in postings.app.alisten("import 7"):
            if outcome.how != "skipped":
                return outcome
        raise AssertionError("it listens for ever")

    [id] = postings.enqueue("skip")
    with working(postings.app):
        assert told([asyncio.run(first_end())]) == [(id, "done", None)]


def test_inline_a_package_that_falls_due_while_somebody_waits_is_run(database_url: str) -> None:
    """There is no worker that would do it."""
    app = Packhorse(database_url, worker="inline")
    app.engine.migrate()
    Postings(app).enqueue("skip", "done")

    assert [one.how for one in app.wait_for("import 7", 2, timeout=20)] == ["done", "done"]
    app.close()


def test_a_process_waits_for_what_another_one_runs(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It enqueues, waits and reports; the worker is elsewhere."""
    code = """
from written_app import app, post
for number in range(4):
    post.package().param("wrong", number == 2).correlation("import 7").enqueue()
print([end.how for end in app.wait_for("import 7", 4, timeout=30)].count("error"))
"""
    with written_app(WRITTEN, database_url, tmp_path, monkeypatch) as app:
        web = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        with working(app):
            assert web.communicate(timeout=60)[0].strip() == "1"
        assert len(app.wait_for("import 7", 4, timeout=0)) == 4


def test_packages_are_listed_by_correlation_id(postings: Postings) -> None:
    """As by their records, the newest first."""
    ids = postings.enqueue("done", "error")
    postings.enqueue("done", correlation="import 8")
    postings.app.run_pending()

    assert [job.id for job in postings.app.list_jobs(correlation="import 7")] == ids[::-1]
    assert [job.id for job in postings.app.list_jobs(correlation="import 7", state="failed")] == ids[1:]


@pytest.mark.parametrize("count", [-1, True, 1.5])
def test_what_nobody_can_wait_for_is_refused(postings: Postings, count: int) -> None:
    """A number of packages that is none, and an id that is none."""
    with pytest.raises(UsageError, match="waits for a number of packages"):
        postings.app.wait_for("import 7", count)
    for call in (postings.app.list_outcomes, lambda id: postings.app.wait_for(id, 1)):
        with pytest.raises(UsageError, match="a correlation id has"):
            call("")
