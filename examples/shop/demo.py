"""Runs the shop: orders are imported while two worker processes invoice them, one worker is killed, all is checked.

    python examples/shop/demo.py [--orders FILE --lines FILE] [--database-url URL] [--check]

Exit status: 0 all figures are right, 1 some are wrong, 2 bad input, 3 the database can't be used.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, it does not belong to a package yet

from packhorse import DatabaseError, PackhorseError
from shop.csv_source import BadInput
from shop.database import DEFAULT_FILE, BadAddress, ShopDatabase, ShopDatabaseError, sqlite_url
from shop.order_files import read_orders
from shop.orders import Order
from shop.watch import Stalled
from shop.workers import WorkersEnded

if TYPE_CHECKING:
    from shop.audit import Findings

DATA = Path(__file__).resolve().parent / "data"
MOST_FAULTS_SHOWN = 20
OK, WRONG, BAD_INPUT, NO_DATABASE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo; the exit status."""
    options = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, _on_terminate)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows a plainer bar
    try:
        return _demo(options)
    except (BadInput, BadAddress) as error:
        return _complain(error, BAD_INPUT)
    except (ShopDatabaseError, DatabaseError) as error:
        return _complain(error, NO_DATABASE)
    except (Stalled, WorkersEnded, PackhorseError) as error:
        return _complain(error, WRONG)
    except KeyboardInterrupt:
        return _complain("interrupted; the workers are stopped", INTERRUPTED)


def _demo(options: argparse.Namespace) -> int:
    database = ShopDatabase(options.database_url)
    os.environ["SHOP_DATABASE_URL"] = database.url  # the shop's modules read it when they are imported, as everywhere
    from shop.jobs import app
    from shop.run import check, run

    orders = read_orders(options.orders, options.lines)
    try:
        if options.check:
            return _report(check(database, orders))
        _introduce(orders, app.engine.address)
        result = run(database, orders, sys.stdout)
    except database.driver_error as error:
        raise ShopDatabaseError(f"the database failed: {str(error).strip()}") from error
    return _report(result.findings, result.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="An example shop on Packhorse, with a worker that is killed.")
    parser.add_argument("--orders", type=Path, default=DATA / "orders.csv", help="CSV file with orders")
    parser.add_argument("--lines", type=Path, default=DATA / "lines.csv", help="CSV file with their lines")
    parser.add_argument(
        "--database-url", default=sqlite_url(DEFAULT_FILE), help="postgresql://… or sqlite:///… (build/demo/shop.db)"
    )
    parser.add_argument("--check", action="store_true", help="only check again what the last run left")
    return parser


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


def _on_terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End as at Ctrl-C: the workers are stopped on the way out."""
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
