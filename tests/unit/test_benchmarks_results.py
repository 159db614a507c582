"""What a benchmark run comes to: targets, the short summary, the table, the page."""

import json
import re

import pytest

from benchmarks.continued import continued
from benchmarks.figures import Summary, summary_of
from benchmarks.page import page, summary
from benchmarks.results import Outcome, PeerFacts, Results, rounded
from benchmarks.table import table
from benchmarks.workload import Target, Workload
from benchmarks.workloads.roster import WORKLOADS


def workload(id: str, *targets: Target, missing: str = "") -> Workload:
    """A workload without cases of its own."""
    return Workload(
        id=id, title="drain <fast>", metric="jobs_per_s", cases=lambda stage: (), targets=targets, missing=missing
    )


def outcome(id: str, *targets: Target, **cases: dict[str, Summary]) -> Outcome:
    """What was measured of it."""
    return Outcome(workload(id, *targets), cases, {}, {})


def rates(*rounds: float) -> dict[str, Summary]:
    """A case that has a rate."""
    return {"jobs_per_s": summary_of(rounds)}


def results(*outcomes: Outcome) -> Results:
    """A run of them."""
    peers = {"pgqueuer": PeerFacts({"pgqueuer": "1.6.0"}, "batch_size=500")}
    return Results({"date": "2030-01-02T03:04:05+00:00", "cpu": "fast"}, peers, {"oban": "needs <3.12>"}, outcomes)


@pytest.mark.parametrize(("at_least", "reached"), [(4.0, True), (6.0, False)])
def test_a_target_is_judged_by_the_medians(at_least: float, reached: bool) -> None:
    """Ours divided by theirs, against the bound."""
    target = Target("packhorse", "jobs_per_s", "pgqueuer", at_least=at_least)
    verdict = target.verdict({"packhorse": rates(50.0), "pgqueuer": rates(10.0)})

    assert verdict is not None
    assert verdict.is_reached is reached


def test_a_bound_from_above_holds_for_figures_of_our_own() -> None:
    """Memory and processor time are not compared with anybody's."""
    verdict = Target("packhorse", "jobs_per_s", at_most=45).verdict({"packhorse": rates(40.0, 44.0, 60.0)})

    assert verdict is not None
    assert verdict.is_reached is True
    assert verdict.value.high == 60.0


def test_a_target_whose_peer_was_not_measured_says_nothing() -> None:
    """Neither reached nor missed."""
    assert Target("packhorse", "jobs_per_s", "awa", at_least=1).verdict({"packhorse": rates(1.0)}) is None


def test_the_short_summary_has_the_keys_that_are_asked_for() -> None:
    """Each ratio is ours divided by theirs; what was not measured is null."""
    latencies = {"p50_ms": summary_of([1.0]), "p99_ms": summary_of([3.0])}
    found = results(
        outcome("B1", packhorse=rates(40_000.0), pgqueuer=rates(10_000.0), procrastinate=rates(500.0)),
        outcome("B2", packhorse_sqlite=rates(90_000.0), huey_full=rates(4_500.0)),
        outcome("B5", packhorse=latencies, pgqueuer={"p50_ms": summary_of([2.0])}),
    ).quick()

    assert found == {
        "B1": {"jobs_per_s": 40_000.0, "vs_pgqueuer": 4.0, "vs_procrastinate": 80.0},
        "B2": {"jobs_per_s": 90_000.0, "vs_huey_full": 20.0},
        "B4": {"jobs_per_s": None, "vs_pgqueuer": None},
        "B5": {"p50_ms": 1.0, "p99_ms": 3.0, "p50_vs_pgqueuer": 0.5},
        "machine": {"date": "2030-01-02T03:04:05+00:00", "cpu": "fast"},
    }


def test_the_file_has_every_round() -> None:
    """So that others can judge the spread themselves."""
    text = json.dumps(results(outcome("B1", packhorse=rates(3.0, 1.0, 2.0))).as_json())

    assert json.loads(text)["workloads"]["B1"]["cases"]["packhorse"]["jobs_per_s"] == {
        "median": 2.0,
        "low": 1.0,
        "high": 3.0,
        "rounds": [3.0, 1.0, 2.0],
    }


def test_figures_claim_no_more_digits_than_they_have() -> None:
    """Five, whatever their size."""
    assert [rounded(123_456.789), rounded(0.00123456789)] == [123_460.0, 0.0012346]


def test_the_table_names_figures_and_verdicts() -> None:
    """What a person at a terminal wants to know."""
    target = Target("packhorse", "jobs_per_s", "pgqueuer", at_least=6)
    told = table(results(outcome("B1", target, packhorse=rates(50_000.0), pgqueuer=rates(10_000.0))))

    assert re.search(r"packhorse +jobs_per_s 50,000", told)
    assert "packhorse jobs_per_s / pgqueuer ≥ 6: 5 (5 to 5)  NOT REACHED" in told


def test_the_page_stands_alone() -> None:
    """It loads nothing, and what is in the results does not become markup."""
    html = page(results(outcome("B1", packhorse=rates(50_000.0), pgqueuer=rates(10_000.0))))

    assert "drain &lt;fast&gt;" in html
    assert "needs &lt;3.12&gt;" in html
    assert "<svg" in html
    assert not re.search(r"<(?:script|link|img)|url\(|src=", html)


def test_the_page_gives_what_is_not_measured_its_place() -> None:
    """A workload without its feature says so."""
    html = page(results(Outcome(workload("B11", missing="There are no queue tables yet."), {}, {}, {})))

    assert "Not measured: There are no queue tables yet." in html


def test_what_happened_over_time_is_drawn() -> None:
    """One line for each series of the soak."""
    series = {"packhorse": {"seconds over time": [1.0, 2.0], "p99_ms over time": [5.0, 6.0]}}
    html = page(results(Outcome(workload("B14"), {"packhorse": rates(1.0)}, series, {})))

    assert html.count("<polyline") == 1


def test_the_plot_is_one_file() -> None:
    """Bars of the first workloads, with ours among them."""
    drawn = summary(results(outcome("B1", packhorse=rates(50_000.0), pgqueuer=rates(10.0))))

    assert drawn.startswith("<svg xmlns=")
    assert drawn.count("<rect") == 3
    assert "logarithmic" in drawn


def test_every_workload_is_declared_once() -> None:
    """B1 to B14, those without their feature, too."""
    assert [one.id for one in WORKLOADS] == [f"B{number}" for number in range(1, 15)]


def test_a_run_in_parts_is_one_result() -> None:
    """Workloads that are measured later are added, in their order, or replace what was there."""
    before = results(outcome("B1", packhorse=rates(1.0, 3.0, 2.0)), outcome("B2", packhorse=rates(5.0)))
    now = results(outcome("B2", packhorse=rates(7.0)), outcome("B14", packhorse=rates(8.0)))
    whole = continued(json.loads(json.dumps(before.as_json())), now, WORKLOADS)

    medians = {one.workload.id: one.cases["packhorse"]["jobs_per_s"].median for one in whole.outcomes}
    assert medians == {"B1": 2.0, "B2": 7.0, "B14": 8.0}
    assert [one.workload.id for one in whole.outcomes] == ["B1", "B2", "B14"]
    assert whole.as_json()["workloads"]["B1"]["cases"] == before.as_json()["workloads"]["B1"]["cases"]


def test_nothing_is_taken_over_from_other_code() -> None:
    """A figure says something of the commit that it was measured at, and of no other."""
    before = results(outcome("B1", packhorse=rates(1.0))).as_json()
    now = results(outcome("B2", packhorse=rates(7.0)))

    assert continued(before | {"machine": {"commit": "another"}}, now, WORKLOADS) is now
