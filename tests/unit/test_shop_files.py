"""The example shop takes correct files only, and names every line that is not."""

from decimal import Decimal
from pathlib import Path

import pytest

from shop.csv_source import BadInput
from shop.make_data import DATA, write_files
from shop.order_files import read_orders
from shop.orders import Order, total

ORDERS = "order_id,customer,country,ordered_at,currency\n"
LINES = "order_id,product,quantity,unit_price,discount\n"
GOOD_ORDER = "A1,Zoë,DE,2025-03-30T03:00:00+02:00,EUR\n"
GOOD_LINE = "A1,Tea,2,3.50,10\n"
NO_CSV = 'this is no CSV: a quote (") '


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of a test are; messages name them without a folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(orders: str | bytes = ORDERS + GOOD_ORDER, lines: str | bytes = LINES + GOOD_LINE) -> list[Order]:
    """Read files with this content."""
    for name, content in (("orders.csv", orders), ("lines.csv", lines)):
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_orders(Path("orders.csv"), Path("lines.csv"))


def problems(orders: str | bytes = ORDERS + GOOD_ORDER, lines: str | bytes = LINES + GOOD_LINE) -> list[str]:
    """What is wrong with files with this content."""
    with pytest.raises(BadInput) as refused:
        read(orders, lines)
    return refused.value.problems


def test_orders_are_read_with_their_lines(folder: Path) -> None:
    """Fields keep their text, numbers their value, and moments their offset; the order of the lines does not matter."""
    orders = ORDERS + 'B2,"O\'Hara, ""Bob"" عبد 李 👩‍👩‍👧",KW,2025-01-01T00:00:00+03:00,KWD\n' + GOOD_ORDER

    found = read(orders, LINES + "A1,Tea,-2,0.125,0\nB2,قهوة,1.5,4.125,100\nA1,Cup,0,3,12.5\n")

    assert [order.order_id for order in found] == ["B2", "A1"]
    assert found[0].customer == 'O\'Hara, "Bob" عبد 李 👩‍👩‍👧'
    assert found[1].ordered_at.isoformat() == "2025-03-30T03:00:00+02:00"
    assert [(line.product, line.quantity, line.unit_price) for line in found[1].lines] == [
        ("Tea", Decimal(-2), Decimal("0.125")),
        ("Cup", Decimal(0), Decimal(3)),
    ]


def test_columns_may_come_in_any_order_after_a_byte_order_mark(folder: Path) -> None:
    """Spreadsheets write such files."""
    lines = "\ufeffdiscount,unit_price,quantity,product,order_id\r\n10,3.50,2,Tea,A1\r\n\r\n"

    [order] = read(lines=lines)

    assert order.lines[0].discount == 10


def test_a_time_without_an_offset_is_utc(folder: Path) -> None:
    """A date is its first moment."""
    [order] = read(ORDERS + "A1,Zoë,DE,2025-03-30,EUR\n")

    assert order.ordered_at.isoformat() == "2025-03-30T00:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("A2,Zoë,DE,2025-03-30,EUR,more", "6 fields in place of 5"),
        ("A2,Zoë,DE", "3 fields in place of 5"),
        (",Zoë,DE,2025-03-30,EUR", "order_id is empty"),
        ("A2,  ,DE,2025-03-30,EUR", "customer is empty"),
        ("A2,Zoë,,2025-03-30,EUR", "country is empty"),
        ("A2,Zoë,DE,30.3.2025,EUR", "ordered_at must be a time such as 2025-03-30T03:00:00+02:00, not '30.3.2025'"),
        ("A2,Zoë,DE,2025-02-30,EUR", "ordered_at must be a time such as 2025-03-30T03:00:00+02:00, not '2025-02-30'"),
        ("A2,Zoë,DE,2025-03-30,euro", "currency must be a code of three capital letters such as EUR, not 'euro'"),
        ("A2,Z\0ë,DE,2025-03-30,EUR", "customer contains a NUL character"),
        ("A1,Zoë,DE,2025-03-30,EUR", "order 'A1' is in line 2 already"),
        (f"{'x' * 201},Zoë,DE,2025-03-30,EUR", "order_id has 201 characters; 200 is the most"),
        (
            'A2,"Zoë" B,DE,2025-03-30,EUR',
            NO_CSV + "stands inside a field: double it, and put the whole field in quotes",
        ),
        ('A2,"Zoë,DE,2025-03-30,EUR', NO_CSV + "that is opened here is never closed"),
        ("A2,Zoë,DE,0000-03-30,EUR", "ordered_at must be a time such as 2025-03-30T03:00:00+02:00, not '0000-03-30'"),
        (
            "A2,Zoë,DE,2025-03-30T03:00:00+16:00,EUR",
            "ordered_at must be less than 16 hours from UTC, by whole minutes, not '2025-03-30T03:00:00+16:00'",
        ),
        (f"A2,{'x' * 200_000},DE,2025-03-30,EUR", "customer has 200,000 characters; 10,000 is the most"),
    ],
)
def test_a_bad_order_is_named(folder: Path, line: str, what: str) -> None:
    """By file and line, with what is wrong; its own lines are not blamed for it."""
    assert problems(f"{ORDERS}{GOOD_ORDER}{line}\n")[0] == f"orders.csv:3: {what}"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("A1,Tea,2,3.50", "4 fields in place of 5"),
        ("Z9,Tea,2,3.50,0", "there is no order 'Z9' in orders.csv"),
        ("A1,,2,3.50,0", "product is empty"),
        ("A1,Tea,two,3.50,0", "quantity must be a number such as -3 or 12.50, not 'two'"),
        ('A1,Tea,2,"1.234,56",0', "unit_price must be a number such as -3 or 12.50, not '1.234,56'"),
        ("A1,Tea,2,NaN,0", "unit_price must be a number such as -3 or 12.50, not 'NaN'"),
        ("A1,Tea,2,1e5,0", "unit_price must be a number such as -3 or 12.50, not '1e5'"),
        ("A1,Tea,2,1_000,0", "unit_price must be a number such as -3 or 12.50, not '1_000'"),
        ('A1,Tea,2,"3,50",0', "unit_price must be a number such as -3 or 12.50, not '3,50'"),
        ("A1,Tea,٢,3.50,0", "quantity must be a number such as -3 or 12.50, not '٢'"),
        ("A1,Tea,1234567890123,3.50,0", "quantity must be a number such as -3 or 12.50, not '1234567890123'"),
        ("A1,Tea,2,3.50,", "discount is empty"),
        ("A1,Tea,2,3.50,-1", "discount must be from 0 to 100 percent, not -1"),
        ("A1,Tea,2,3.50,100.01", "discount must be from 0 to 100 percent, not 100.01"),
    ],
)
def test_a_bad_line_is_named(folder: Path, line: str, what: str) -> None:
    """By file and line, with what is wrong."""
    assert problems(lines=f"{LINES}{GOOD_LINE}{line}\n") == [f"lines.csv:3: {what}"]


def test_bytes_that_are_not_utf8_are_named(folder: Path) -> None:
    """With the line that they are in."""
    found = problems((ORDERS + GOOD_ORDER).encode() + b"A2,Zo\xeb,DE,2025-03-30,EUR\n")

    assert found[0] == r"orders.csv:3: customer is not in UTF-8: b'Zo\xeb'"


def test_lines_are_counted_as_an_editor_does(folder: Path) -> None:
    """A field that goes on in the next line, and blank lines, move what follows."""
    found = problems(lines=LINES + 'A1,"Tea\nfor two",2,3.50,10\n\nA1,Cup,none,1,0\n')

    assert found == ["lines.csv:5: quantity must be a number such as -3 or 12.50, not 'none'"]


def test_an_order_without_lines_is_named(folder: Path) -> None:
    """It would have an empty invoice."""
    assert problems(ORDERS + GOOD_ORDER + "A2,Zoë,DE,2025-03-30,EUR\n") == [
        "orders.csv:3: order 'A2' has no lines in lines.csv"
    ]


def test_all_problems_of_both_files_are_found_and_twenty_shown(folder: Path) -> None:
    """So that a file is not repaired line by line."""
    with pytest.raises(BadInput) as refused:
        read(f"{ORDERS}{GOOD_ORDER}A2\n", LINES + GOOD_LINE + "A1,Tea,x,1,0\n" * 30)

    assert len(refused.value.problems) == 31
    assert str(refused.value).splitlines()[0] == "orders.csv:3: 1 fields in place of 5"
    assert str(refused.value).splitlines()[20:] == ["… and 11 more"]


def test_a_line_that_cannot_be_taken_apart_is_all_that_is_told(folder: Path) -> None:
    """What seems to be missing from that file may be in that line: nothing else is blamed for it."""
    assert problems(ORDERS + '"A1,Zoë,DE,2025-03-30,EUR\n') == [
        f"orders.csv:2: {NO_CSV}that is opened here is never closed"
    ]
    assert problems(lines=LINES + "A1,Tea,2,3,50,10\n") == ["lines.csv:2: 6 fields in place of 5"]


def test_a_file_without_lines_is_named_once(folder: Path) -> None:
    """Not each of its orders."""
    orders = ORDERS + GOOD_ORDER + "A2,Zoë,DE,2025-03-30,EUR\n"

    assert problems(orders, LINES) == ["lines.csv:1: there are no lines of orders in this file"]
    assert problems(ORDERS) == ["orders.csv:1: there are no orders in this file"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_another_unicode_encoding_is_told(folder: Path, encoding: str) -> None:
    """Spreadsheets call it "Unicode text"."""
    [what] = problems((ORDERS + GOOD_ORDER).encode(encoding))

    assert what == "orders.csv:1: this is no text in UTF-8 (UTF-16, or no text at all): save it as CSV in UTF-8"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_is_told(folder: Path, separator: str) -> None:
    """Spreadsheets take the semicolon where the comma is in the numbers."""
    [what] = problems(lines=(LINES + GOOD_LINE).replace(",", separator))

    assert what == f"lines.csv:1: the fields are separated by {separator!r}: they must be separated by commas"


def test_an_empty_file_is_told(folder: Path) -> None:
    """With what it must begin with."""
    assert problems(lines="") == [f"lines.csv:1: this file is empty; it must begin with the line {LINES.rstrip()}"]


@pytest.mark.parametrize("header", ["order_id,product,quantity\n", ORDERS, LINES.replace("discount", "rebate")])
def test_another_header_is_refused(folder: Path, header: str) -> None:
    """The message says what it must be."""
    [what] = problems(lines=header + GOOD_LINE)

    assert what.startswith("lines.csv:1: the header must be order_id,product,quantity,unit_price,discount, not ")


def test_a_file_without_orders_is_refused(folder: Path) -> None:
    """There would be nothing to show."""
    assert problems(ORDERS, LINES) == ["orders.csv:1: there are no orders in this file"]


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    """Missing, or a folder."""
    with pytest.raises(BadInput, match=r"nowhere\.csv: can't be read: No such file or directory"):
        read_orders(Path("nowhere.csv"), Path("lines.csv"))
    with pytest.raises(BadInput, match=r"can't be read: Is a directory"):
        read_orders(folder, Path("lines.csv"))


def test_the_shipped_files_are_right_and_awkward() -> None:
    """More than a thousand orders with several lines each, and all that makes real data hard."""
    orders = read_orders(DATA / "orders.csv", DATA / "lines.csv")
    totals = [total(order.lines, order.currency) for order in orders]
    lines = [line for order in orders for line in order.lines]

    assert len(orders) > 1200
    assert len(lines) > 3 * len(orders)
    assert {"EUR", "JPY", "KWD"} < {order.currency for order in orders}
    assert {0, 2, 3} <= {-int(amount.as_tuple().exponent) for amount in totals}
    assert any(amount < 0 for amount in totals)
    assert any(amount == 0 for amount in totals)
    assert any(line.quantity < 0 for line in lines)
    assert any(line.discount == 100 for line in lines)
    assert any("\n" in order.customer for order in orders)
    assert max(len(line.product) for line in lines) > 300


def test_the_shipped_files_are_what_their_program_writes(tmp_path: Path) -> None:
    """So that a change is made in the program, and the files follow."""
    write_files(tmp_path)

    for name in ("orders.csv", "lines.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
