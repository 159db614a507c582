"""Reads the two CSV files of the shop strictly: every line is right, or it is named with what is wrong.

    orders    order_id,customer,country,ordered_at,currency
    lines     order_id,product,quantity,unit_price,discount

`ordered_at` is ISO 8601; without an offset it counts as UTC, and an offset is of whole minutes, below 16 hours.
`currency` is a code such as EUR. Numbers are written plainly, such as -3 or 12.50, with at most 12 digits before the
point and 8 after it; `discount` is in percent.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from shop.csv_source import BadInput, CsvSource, Record
from shop.orders import Line, Order

ORDERS_HEADER = ("order_id", "customer", "country", "ordered_at", "currency")
LINES_HEADER = ("order_id", "product", "quantity", "unit_price", "discount")
LONGEST_ID = 200
LONGEST_TEXT = 10_000
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,8})?")
CURRENCY = re.compile(r"[A-Z]{3}")
NOT_UTF8 = re.compile(r"[\ud800-\udfff]")
"""What reading makes of bytes that are not UTF-8."""
ALL = Decimal(100)
TOO_FAR = timedelta(hours=16)
"""From UTC; PostgreSQL knows no such offset."""


@dataclass(slots=True)
class Draft:
    """What is known of the orders while the files are read.

    Attributes:
        named_in: the line of the orders file that names an order, the bad ones too, so that its lines aren't blamed.
        heads: the orders that are right, without their lines.
        lines: the lines that are right, by order.
        mentioned: the orders that some line belongs to, a bad one too.
    """

    named_in: dict[str, int] = field(default_factory=dict)
    heads: dict[str, Order] = field(default_factory=dict)
    lines: defaultdict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    mentioned: set[str] = field(default_factory=set)


def read_orders(orders_file: Path, lines_file: Path) -> list[Order]:
    """All orders with their lines, in the order of the file; all or none.

    Raises:
        BadInput: something is wrong somewhere; every bad line is named.
    """
    orders, lines = CsvSource(orders_file, ORDERS_HEADER), CsvSource(lines_file, LINES_HEADER)
    draft = Draft()
    for record in orders.records():
        _take_order(orders, record, draft)
    for record in lines.records():
        _take_line(lines, record, draft, orders)
    _require_lines(orders, lines, draft)
    if problems := orders.problems + lines.problems:
        raise BadInput(problems)
    return [replace(head, lines=tuple(draft.lines[order_id])) for order_id, head in draft.heads.items()]


def _take_order(source: CsvSource, record: Record, draft: Draft) -> None:
    order_id = record.fields["order_id"].strip()
    first = draft.named_in.setdefault(order_id, record.line)
    if first != record.line:
        source.refuse(record.line, f"order {order_id!r} is in line {first} already")
    elif order := source.converted(record, _order):
        draft.heads[order_id] = order


def _take_line(source: CsvSource, record: Record, draft: Draft, orders: CsvSource) -> None:
    order_id = record.fields["order_id"].strip()
    draft.mentioned.add(order_id)
    if order_id not in draft.named_in:
        if orders.is_whole and draft.named_in:
            source.refuse(record.line, f"there is no order {order_id!r:.{LONGEST_ID}} in {orders.path}")
    elif line := source.converted(record, _line):
        draft.lines[order_id].append(line)


def _require_lines(orders: CsvSource, lines: CsvSource, draft: Draft) -> None:
    """No order may be without lines; but what else is wrong with a file is told before what follows from that."""
    if not draft.named_in and orders.is_whole:
        orders.refuse(1, "there are no orders in this file")
    elif not draft.mentioned and lines.is_whole:
        lines.refuse(1, "there are no lines of orders in this file")
    elif lines.is_whole:
        for order_id in draft.heads:
            if order_id not in draft.mentioned:
                orders.refuse(draft.named_in[order_id], f"order {order_id!r} has no lines in {lines.path}")


def _order(fields: Mapping[str, str]) -> Order:
    return Order(
        order_id=_text(fields, "order_id", LONGEST_ID),
        customer=_text(fields, "customer"),
        country=_text(fields, "country"),
        ordered_at=_moment(fields, "ordered_at"),
        currency=_currency(fields, "currency"),
        lines=(),
    )


def _line(fields: Mapping[str, str]) -> Line:
    discount = _number(fields, "discount")
    if not 0 <= discount <= ALL:
        raise ValueError(f"discount must be from 0 to 100 percent, not {discount}")
    return Line(
        product=_text(fields, "product"),
        quantity=_number(fields, "quantity"),
        unit_price=_number(fields, "unit_price"),
        discount=discount,
    )


def _text(fields: Mapping[str, str], name: str, longest: int = LONGEST_TEXT) -> str:
    value = fields[name].strip()
    if not value:
        raise ValueError(f"{name} is empty")
    if len(value) > longest:
        raise ValueError(f"{name} has {len(value):,} characters; {longest:,} is the most")
    if NOT_UTF8.search(value):
        raise ValueError(f"{name} is not in UTF-8: {value.encode(errors='surrogateescape')[:60]!r}")
    if "\0" in value:
        raise ValueError(f"{name} contains a NUL character")
    return value


def _number(fields: Mapping[str, str], name: str) -> Decimal:
    value = _text(fields, name)
    if not NUMBER.fullmatch(value):
        raise ValueError(f"{name} must be a number such as -3 or 12.50, not {value[:60]!r}")
    return Decimal(value)


def _moment(fields: Mapping[str, str], name: str) -> datetime:
    value = _text(fields, name)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name} must be a time such as 2025-03-30T03:00:00+02:00, not {value[:60]!r}") from None
    offset = moment.utcoffset() or timedelta()
    if abs(offset) >= TOO_FAR or offset % timedelta(minutes=1):
        raise ValueError(f"{name} must be less than 16 hours from UTC, by whole minutes, not {value[:60]!r}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _currency(fields: Mapping[str, str], name: str) -> str:
    value = _text(fields, name)
    if not CURRENCY.fullmatch(value):
        raise ValueError(f"{name} must be a code of three capital letters such as EUR, not {value[:60]!r}")
    return value
