"""`packhorse bench`: figures of the engine that it is pointed at, and nothing left behind."""

import signal

import pytest

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.crash.conftest import connected
from tests.waiting import wait_until

KEYS = {
    "engine",
    "enqueue_per_s",
    "bulk_enqueue_per_s",
    "drain_per_s",
    "latency_p50_ms",
    "latency_p99_ms",
    "jobs",
    "processes",
    "client_cpu_ms_per_1000",
}


def test_bench_measures_and_leaves_no_trace(
    shop_cli: CommandLine, shop: Packhorse, engine_name: str, database_url: str
) -> None:
    """It prints the figures as JSON; the user's own jobs are neither run nor touched, the scratch place is removed."""
    waiting = shop.enqueue("shop.greet", "Ann")
    before = places(database_url)
    done = shop_cli("bench", "--json", "--jobs", "300", "--processes", "2")

    assert (done.code, done.err) == (0, "")
    assert set(done.json) >= KEYS
    assert (done.json["engine"], done.json["jobs"], done.json["processes"]) == (engine_name, 300, 2)
    assert all(done.json[key] > 0 for key in KEYS - {"engine", "client_cpu_ms_per_1000", "latency_p50_ms"})
    assert 0 <= done.json["latency_p50_ms"] <= done.json["latency_p99_ms"] < 5000
    assert [job.id for job in shop.list_jobs()] == [waiting.id]
    assert shop.get_job(waiting.id).attempt == 0
    assert places(database_url) == before


def test_bench_that_is_stopped_leaves_no_trace(shop_cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """Its workers end and its scratch place is removed, however it was told to stop."""
    before = places(database_url)
    bench = shop_cli.start("bench", "--jobs", "1000000")
    wait_until(lambda: places(database_url) != before, 30, "the scratch place")
    bench.send(signal.SIGTERM)

    assert bench.wait() == 130
    assert places(database_url) == before
    assert bench.log().strip() == ""


@pytest.mark.slow
@pytest.mark.engines("sqlite")
def test_bench_needs_nothing_to_be_set_up(cli: CommandLine) -> None:
    """Without an address it measures SQLite in a temporary file, and prints the figures for people."""
    done = cli("bench", "--jobs", "100")

    assert done.code == 0
    for word in ("enqueue", "drain", "latency", "p99", "CPU"):
        assert word in done.out
    assert list(cli.folder.iterdir()) == []


def places(database_url: str) -> set[str]:
    """Where something could be left: the schemas of a database, or the files beside it."""
    if database_url.startswith("sqlite"):
        from tests.opening import path_of

        return {path.name for path in path_of(database_url).parent.iterdir() if "bench" in path.name}
    with connected(database_url) as db:
        return {name for (name,) in db.execute("select schema_name from information_schema.schemata")}
