"""What an order of the example shop costs."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.audit import expected_total
from shop.orders import Line, Order, total


def line(quantity: str, unit_price: str, discount: str = "0") -> Line:
    """A line with these amounts."""
    return Line("Tea", Decimal(quantity), Decimal(unit_price), Decimal(discount))


@pytest.mark.parametrize(
    ("lines", "currency", "expected"),
    [
        ([line("2", "3.50")], "EUR", "7.00"),
        ([line("1", "0.125")], "EUR", "0.13"),
        ([line("-1", "0.125")], "EUR", "-0.13"),
        ([line("1", "0.125")], "KWD", "0.125"),
        ([line("1", "99.5")], "JPY", "100"),
        ([line("3", "9.99", "100")], "EUR", "0.00"),
        ([line("1", "-0.004")], "EUR", "0.00"),
        ([line("1", "0.005", "0"), line("1", "0.005", "0")], "EUR", "0.01"),
        ([line("1", "10", "33.333333")], "EUR", "6.67"),
        ([line("999999999999.99999999", "999999999999.99999999")], "EUR", "999999999999999999980000.00"),
    ],
)
def test_a_total_is_exact_and_rounded_once(lines: list[Line], currency: str, expected: str) -> None:
    """Half away from zero, with the decimals of the currency; the sum is rounded, not each line; there is no -0."""
    assert str(total(lines, currency)) == expected


amounts = st.decimals(-(10**6), 10**6, places=8) | st.decimals(-100, 100, places=2)
order_lines = st.builds(Line, st.just("Tea"), amounts, amounts, st.decimals(0, 100, places=4))


@given(st.lists(order_lines, min_size=1, max_size=8), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_the_shop_and_its_auditor_agree(lines: list[Line], currency: str) -> None:
    """Two ways of computing come to the same, digit by digit."""
    order = Order("A1", "Zoë", "DE", datetime(2025, 3, 30, tzinfo=UTC), currency, tuple(lines))

    assert str(total(lines, currency)) == expected_total(order)
