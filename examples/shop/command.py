"""The demo's command line: what it takes, what it prints, how it ends."""

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from packhorse import DatabaseError, PackhorseError, UsageError
from shop.csv_source import BadInput
from shop.database import DEFAULT_FILE, BadAddress, ShopDatabase, ShopDatabaseError, in_one_line, sqlite_url
from shop.ending import Ending
from shop.order_files import read_orders
from shop.orders import Order
from shop.watch import Stalled
from shop.workers import WorkersEnded

if TYPE_CHECKING:
    from shop.audit import Findings

DATA = Path(__file__).resolve().parent / "data"
MOST_FAULTS_SHOWN = 20
OK, WRONG, BAD_INPUT, NO_DATABASE, CLOSED_PIPE = 0, 1, 2, 3, 141


def main(words: Sequence[str], ending: Ending) -> int:
    """Run the demo; the exit status."""
    options = _parser().parse_args(words)
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal without Unicode shows a plainer bar; a pipe shows each line
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
    try:
        return _demo(options, ending)
    except (BadInput, BadAddress, UsageError) as error:
        return _complain(error, BAD_INPUT)
    except (ShopDatabaseError, DatabaseError) as error:
        return _complain(error, NO_DATABASE)
    except (Stalled, WorkersEnded, PackhorseError) as error:
        return _complain(error, WRONG)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read the output has left
        return CLOSED_PIPE
    except OSError as error:
        return _complain(error, WRONG)


def _demo(options: argparse.Namespace, ending: Ending) -> int:
    database = ShopDatabase(options.database_url)
    os.environ["SHOP_DATABASE_URL"] = database.url  # the shop's modules read it when they are imported, as everywhere
    from shop.jobs import app
    from shop.run import check, prepare, run

    address = app.engine.address  # refused here if it can't be read
    orders = read_orders(*_files(options))
    try:
        if options.check:
            return _report(check(database, orders))
        prepare(database)
        _introduce(orders, address)
        result = run(database, orders, sys.stdout, ending)
    except database.driver_error as error:
        raise ShopDatabaseError(f"the database failed: {in_one_line(error)}") from error
    return _report(result.findings, result.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo.py", description="An example shop on Packhorse, with a worker that is killed."
    )
    parser.add_argument("--orders", type=Path, help="CSV file with orders; needs --lines")
    parser.add_argument("--lines", type=Path, help="CSV file with their lines; needs --orders")
    parser.add_argument(
        "--database-url",
        default=os.environ.get("SHOP_DATABASE_URL") or sqlite_url(DEFAULT_FILE),
        help="postgresql://… or sqlite:///…; by default SHOP_DATABASE_URL, else build/demo/shop.db",
    )
    parser.add_argument("--check", action="store_true", help="only check again what the last run left")
    return parser


def _files(options: argparse.Namespace) -> tuple[Path, Path]:
    if options.orders and not options.lines:
        raise BadInput(["the orders need their lines: name that file, too, with --lines FILE (make: LINES=FILE)"])
    if options.lines and not options.orders:
        raise BadInput(["the lines need their orders: name that file, too, with --orders FILE (make: ORDERS=FILE)"])
    return options.orders or DATA / "orders.csv", options.lines or DATA / "lines.csv"


def _introduce(orders: Sequence[Order], address: str) -> None:
    lines = sum(len(order.lines) for order in orders)
    currencies = len({order.currency for order in orders})
    print(f"{len(orders):,} orders with {lines:,} lines in {currencies} currencies, on {address}")


def _report(findings: "Findings", seconds: float | None = None) -> int:
    """Print the table, and what is wrong; the exit status."""
    figures = {
        "orders": findings.orders,
        "invoices": findings.invoices,
        "lost": findings.lost,
        "duplicated": findings.duplicated,
        "rolled back": findings.rolled_back,
        "retried": findings.retried,
        "crash recovered": findings.crash_recovered,
    }
    if seconds:
        figures["jobs per second"] = round(findings.invoices / seconds)
    print()
    for name, figure in figures.items():
        print(f"  {name:16}{figure:>9,}")
    print()
    for fault in findings.faults[:MOST_FAULTS_SHOWN]:
        print(f"WRONG: {fault}")
    if len(findings.faults) > MOST_FAULTS_SHOWN:
        print(f"… and {len(findings.faults) - MOST_FAULTS_SHOWN:,} faults more")
    if not findings.faults:
        print("The shop's own tables agree: every order has its one invoice, with the right total.")
    return WRONG if findings.faults else OK


def _complain(what: object, status: int) -> int:
    print(what, file=sys.stderr)
    return status
