"""`packhorse stats` and `queues list` never count for long: of a long backlog they say that there is more."""

import pytest

from packhorse import Packhorse
from packhorse.domain.outcome import Fail, Failure, Success
from packhorse.testing.contract.steps import enqueue, enqueue_one, run_one
from packhorse.testing.samples import ERROR
from tests.acceptance.command import CommandLine

pytestmark = pytest.mark.accepts("C21")


def test_of_a_long_backlog_a_least_number_is_said(shop_cli: CommandLine, shop: Packhorse) -> None:
    """For people and for programs; every other count is exact."""
    enqueue_one(shop.engine, queue="mail")
    run_one(shop.engine, Failure(ERROR, Fail()), queue="mail")
    for _ in range(6):
        enqueue(shop.engine, 5000)
    text, figures = shop_cli("stats").out, shop_cli("stats", "--json").json
    [default, mail] = shop_cli("queues", "list", "--json").json

    assert "available more than 25,000" in text
    assert ">25,000" in shop_cli("queues", "list").out
    assert (figures["states"]["available"], figures["at_least"]) == (25_000, ["available"])
    assert (default["counts"]["available"], default["at_least"]) == (25_000, ["available"])
    assert (mail["counts"]["failed"], mail["at_least"]) == (1, [])


def test_what_ended_is_counted_for_ever(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Also when the job runs again, or is not there any more: it is what rates are made of."""
    id = enqueue_one(shop.engine)
    run_one(shop.engine, Failure(ERROR, Fail()))
    shop.retry(id)
    run_one(shop.engine, Success())
    figures = shop_cli("stats", "--json").json

    assert (figures["states"]["failed"], figures["states"]["succeeded"]) == (0, 1)
    assert figures["ended"] == {"succeeded": 1, "failed": 1, "cancelled": 0}
