"""What the benchmark suite reads: histograms of latencies, the server's log, its own statements, its peers."""

import io

import pytest

from benchmarks.environments import ROOT
from benchmarks.peers.buckets import BUCKETS, bucket_of, microseconds_of, percentile_of
from benchmarks.peers.roster import peers
from benchmarks.peers.statements import statement
from benchmarks.progress import Progress, spoken
from benchmarks.statementlog import parsed

LOG = """@41 LOG:  duration: 0.250 ms  parse <unnamed>: select 1
@42 LOG:  duration: 9.000 ms  statement: set local lock_timeout = 5000; update "packhorse".job
\tset state = 'executing', worker_id = 1
\twhere id = any(array(select id from "packhorse".job for update skip locked))
@41 LOG:  duration: 0.250 ms  bind <unnamed>: select 1
@41 LOG:  duration: 1.000 ms  execute <unnamed>: -- Why.
\tselect 1
@41 LOG:  checkpoint starting: time
@43 LOG:  duration: 0.100 ms  statement: COMMIT
"""


@pytest.mark.parametrize("microseconds", [0, 1, 31, 32, 33, 1000, 65_535, 65_536, 10**9])
def test_a_time_falls_into_the_bucket_that_holds_it(microseconds: int) -> None:
    """Between the least time of its bucket and that of the next one."""
    bucket = bucket_of(microseconds)

    assert microseconds_of(bucket) <= microseconds < microseconds_of(bucket + 1)


def test_what_is_later_than_all_buckets_falls_into_the_last() -> None:
    """Nothing is lost, however late it is."""
    assert bucket_of(1 << 80) == BUCKETS - 1


def test_a_bucket_is_no_wider_than_six_per_cent() -> None:
    """So that a percentile is known that well."""
    widths = [microseconds_of(n + 1) / microseconds_of(n) - 1 for n in range(32, 600)]

    assert max(widths) <= 1 / 16


def test_a_percentile_is_read_from_the_histogram() -> None:
    """To the upper edge of its bucket."""
    counts = [0] * BUCKETS
    counts[bucket_of(10)] = 98
    counts[bucket_of(1000)] = 2

    assert percentile_of(counts, 50) == 11
    assert 1000 < percentile_of(counts, 99) <= 1062
    assert percentile_of([0] * BUCKETS, 99) == 0.0


def test_statements_are_read_from_the_log() -> None:
    """Parsing and planning belong to the statement that is then run, on the same connection; comments go."""
    found = parsed(LOG)

    assert [one.milliseconds for one in found] == [9.0, 1.5, 0.1]
    assert [one.is_claim for one in found] == [True, False, False]
    assert [one.is_bracket for one in found] == [False, False, True]
    assert found[1].text == "select 1"


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "queries").glob("*.sql")), ids=lambda path: path.stem)
def test_every_statement_says_what_it_is(path: object) -> None:
    """A comment first, as in the package; it is not sent to the server."""
    name = str(path).rpartition("/")[2].removesuffix(".sql")

    assert (ROOT / "benchmarks" / "queries" / f"{name}.sql").read_text().startswith("-- ")
    assert not statement(name).startswith("--")


def test_every_peer_is_declared_without_being_installed() -> None:
    """The suite reads name, versions and settings of all of them in its own environment."""
    for name, peer in peers().items():
        assert peer.name == name
        assert peer.settings
        assert all("==" in one or "@" in one for one in peer.requirements)


def test_the_time_left_is_told_from_what_was_measured() -> None:
    """What was measured once takes as long again; what is unknown, as long as the others on average."""
    stream = io.StringIO()
    progress = Progress(["a", "b"], stream)
    before = progress.seconds_left()
    progress.begin("a")
    progress.end("a", "5 jobs/s")

    assert progress.seconds_left() < before
    assert "[1/2, 30 s left] a … 5 jobs/s" in stream.getvalue()


def test_times_are_spoken() -> None:
    """Seconds while they are few."""
    assert [spoken(40.4), spoken(600)] == ["40 s", "10 min"]
