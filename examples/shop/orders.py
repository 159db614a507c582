"""What the shop sells: orders with their lines, and what an order costs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact

MINOR_DIGITS = (
    dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"], 0)
    | dict.fromkeys(["RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0)
    | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)
)
"""How many decimals the currencies have that don't have two (ISO 4217)."""

EXACT = Context(prec=120, rounding=ROUND_HALF_UP, traps=[Inexact])
"""Sums and products without rounding; the importer takes no number so long that it would need more digits."""
ROUNDED = Context(prec=120, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order.

    Attributes:
        product: what is sold.
        quantity: how many; below zero is a return.
        unit_price: in the order's currency.
        discount: in percent of the price, 0 to 100.
    """

    product: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is in the files.

    Attributes:
        order_id: its number, any text.
        customer: who ordered.
        country: where it goes.
        ordered_at: when, with the customer's offset from UTC.
        currency: the ISO 4217 code.
        lines: what was ordered.
    """

    order_id: str
    customer: str
    country: str
    ordered_at: datetime
    currency: str
    lines: tuple[Line, ...]


def minor_digits(currency: str) -> int:
    """How many decimals amounts in a currency have: yen 0, euros 2, Kuwaiti dinars 3."""
    return MINOR_DIGITS.get(currency, 2)


def total(lines: Iterable[Line], currency: str) -> Decimal:
    """What the lines cost together: exact up to the end, then rounded once, half away from zero."""
    amount = Decimal(0)
    for line in lines:
        paid = EXACT.divide(EXACT.subtract(Decimal(100), line.discount), Decimal(100))
        gross = EXACT.multiply(line.quantity, line.unit_price)
        amount = EXACT.add(amount, EXACT.multiply(gross, paid))
    rounded = amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), context=ROUNDED)
    return abs(rounded) if rounded.is_zero() else rounded
