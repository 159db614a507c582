"""The example shop, run as `make demo` runs it, on real input, with a worker that is killed."""

import csv
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shop.database import ShopDatabase
from shop.make_data import DATA
from tests.waiting import wait_until

DEMO = DATA.parent / "demo.py"
ORDERS = 60
SECONDS = 90
"""A demo that takes longer has failed."""
SOON = 4.0
"""Within two seconds it ends, on a machine with time for it."""

DAMAGES = (
    (
        "insert into shop.invoices select * from shop.invoices where order_id = ?",
        "order {order} has 2 invoices",
    ),
    (
        "delete from shop.invoices where order_id = ?",
        "order {order} has no invoice",
    ),
    (
        "insert into shop.invoices (order_id, total, currency, worker_pid) values (?, '0.01', 'EUR', 1)",
        "the invoice of order {order} says 0.01 EUR in place of",
    ),
    (
        "delete from shop.lines where position = 1 and order_id = ?",
        "of its",
    ),
)
"""What is done to the tables, one after the other, and what the check must then say."""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options for a demo with the first orders of the shipped files."""
    with (DATA / "orders.csv").open(newline="", encoding="utf-8") as file:
        orders = list(csv.reader(file))[: ORDERS + 1]
    with (DATA / "lines.csv").open(newline="", encoding="utf-8") as file:
        wanted = {order[0] for order in orders}
        lines = [line for line in csv.reader(file) if line[0] in wanted]
    for name, rows in (("orders", orders), ("lines", lines)):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    return ["--orders", str(tmp_path / "orders.csv"), "--lines", str(tmp_path / "lines.csv")]


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end."""
    return subprocess.run(
        [sys.executable, str(DEMO), *words], capture_output=True, text=True, timeout=SECONDS, check=False
    )


def figures(output: str) -> dict[str, int]:
    """The table that the demo prints."""
    rows = re.findall(r"^  ([a-z ]+?) +([\d,]+)$", output, re.MULTILINE)
    return {name: int(figure.replace(",", "")) for name, figure in rows}


@pytest.mark.accepts("C1", "C2", "C6", "C7")
@pytest.mark.slow
def test_every_order_has_one_invoice_though_a_worker_is_killed(files: list[str], database_url: str) -> None:
    """Jobs commit with their orders on a plain connection; the killed worker's run again, and each took effect once."""
    done = demo(*files, "--database-url", database_url)
    shown = figures(done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (shown["lost"], shown["duplicated"]) == (0, 0)
    assert shown["rolled back"] > 0
    assert shown["orders"] == shown["invoices"] == ORDERS - shown["rolled back"]
    assert shown["retried"] > 0
    assert shown["crash recovered"] > 0
    assert re.search(r"worker \d+ killed with SIGKILL, \d+ orders in hand\nworker \d+ has taken its place", done.stdout)


@pytest.mark.slow
def test_the_demo_sees_what_is_wrong_and_fails(files: list[str], database_url: str) -> None:
    """Its figures are checked against the shop's own tables: an invoice too many, too few or wrong is found."""
    database = ShopDatabase(database_url)
    assert demo(*files, "--database-url", database_url).returncode == 0

    with closing(database.connect()) as connection:
        [order] = connection.execute(database.sql("select min(order_id) from shop.invoices")).fetchone()
        for statement, message in DAMAGES:
            connection.execute(database.sql(statement), (order,))
            connection.commit()
            checked = demo(*files, "--database-url", database_url, "--check")

            assert checked.returncode == 1
            assert message.format(order=order) in checked.stdout


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["workers at work", "killed with SIGKILL", "has taken its place"])
def test_ctrl_c_stops_the_workers(database_url: str, moment: str) -> None:
    """At whatever moment it comes: one line, and no process is left behind."""
    with _started(database_url) as running:
        lines = _lines(running)
        first = next(line for line in lines if line.startswith("workers at work: "))
        workers = [int(pid) for pid in first.removeprefix("workers at work: ").split(", ")]
        assert moment in first or any(moment in line for line in lines)

        _interrupt(running, "interrupted; the workers are stopped\n")

        wait_until(lambda: not any(_is_alive(pid) for pid in workers), 2, "the end of the workers")


@pytest.mark.slow
@pytest.mark.engines("sqlite")
def test_ctrl_c_ends_stopped_workers_too(sqlite_url: str) -> None:
    """Such as the one that is frozen for a moment before it is killed."""
    with _started(sqlite_url) as running:
        first = next(line for line in _lines(running) if line.startswith("workers at work: "))
        workers = [int(pid) for pid in first.removeprefix("workers at work: ").split(", ")]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)

        _interrupt(running, "interrupted; the workers are stopped\n")

        wait_until(lambda: not any(_is_alive(pid) for pid in workers), 2, "the end of the workers")


@pytest.mark.engines("sqlite")
def test_ctrl_c_while_the_demo_starts_ends_it(sqlite_url: str) -> None:
    """As soon as its own first lines have run: one line, no traceback."""
    with _started(sqlite_url) as running:
        wait_until(lambda: _catches(running.pid, signal.SIGTERM), what="the demo's handlers")

        _interrupt(running, "interrupted\n")


@pytest.mark.engines("sqlite")
def test_the_two_files_go_together(files: list[str], sqlite_url: str) -> None:
    """The message names the option that is missing, also in make's words."""
    without_lines = demo(*files[:2], "--database-url", sqlite_url)
    without_orders = demo(*files[2:], "--database-url", sqlite_url)

    assert (without_lines.returncode, without_orders.returncode) == (2, 2)
    assert without_lines.stderr.endswith("--lines FILE (make: LINES=FILE)\n")
    assert without_orders.stderr.endswith("--orders FILE (make: ORDERS=FILE)\n")


@pytest.mark.slow
@pytest.mark.engines("sqlite")
def test_the_environment_names_the_database(files: list[str], sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SHOP_DATABASE_URL counts for the demo, its check and `packhorse -A shop.jobs:app` alike."""
    monkeypatch.setenv("SHOP_DATABASE_URL", sqlite_url)
    before = demo(*files, "--check")
    ran, after = demo(*files), demo(*files, "--check")
    words = [sys.executable, "-m", "packhorse", "jobs", "list", "-A", "shop.jobs:app", "--limit", "1", "--json"]
    jobs = subprocess.run(words, cwd=DEMO.parents[1], capture_output=True, text=True, timeout=SECONDS, check=True)

    assert (before.returncode, ran.returncode, after.returncode) == (3, 0, 0), ran.stdout + ran.stderr
    assert "no demo has run on this database yet" in before.stderr
    assert ShopDatabase(sqlite_url).path.exists()
    assert '"shop.jobs.invoice_order"' in jobs.stdout


@pytest.mark.engines("sqlite")
def test_bad_lines_are_named_and_nothing_is_made(files: list[str], sqlite_url: str, tmp_path: Path) -> None:
    """The demo ends before it touches the database, whichever that is."""
    with (tmp_path / "lines.csv").open("a") as file:
        file.write("nobody,Tea,1,1,0\n")

    done = demo(*files, "--database-url", sqlite_url)

    assert done.returncode == 2
    assert re.fullmatch(r".*lines\.csv:\d+: there is no order 'nobody' in .*orders\.csv\n", done.stderr)
    assert not ShopDatabase(sqlite_url).path.exists()


@pytest.mark.engines("sqlite")
def test_a_file_of_somebody_else_is_left_alone(files: list[str], sqlite_url: str) -> None:
    """The demo begins with an empty SQLite file, so it never takes one that it has not made."""
    path = ShopDatabase(sqlite_url).path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table precious (id)")
    before = path.read_bytes()

    done = demo(*files, "--database-url", sqlite_url)

    assert done.returncode == 3
    assert "was not made by this demo" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.engines("postgresql")
def test_a_server_that_is_not_there_is_named(files: list[str]) -> None:
    """In one line."""
    done = demo(*files, "--database-url", "postgresql://nobody@127.0.0.1:1/nothing")

    assert done.returncode == 3
    assert "127.0.0.1" in done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "address", ["mysql://localhost/shop", "sqlite:////tmp", ":memory:", "postgresql://nobody@127.0.0.1:port/nothing"]
)
def test_an_address_that_is_none_is_named(files: list[str], address: str) -> None:
    """In one line, as a mistake in usage."""
    done = demo(*files, "--database-url", address)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


@contextmanager
def _started(database_url: str) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, str(DEMO), "--database-url", database_url]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def _interrupt(running: subprocess.Popen[str], words: str) -> None:
    """Send Ctrl-C; the demo must end soon, with these last words."""
    running.send_signal(signal.SIGINT)
    assert running.wait(SOON) == 130
    assert running.stderr is not None
    assert running.stderr.read() == words


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal (proc(5), SigCgt)."""
    [caught] = re.findall(r"SigCgt:\s+([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) >> (number - 1) & 1)


def _lines(running: subprocess.Popen[str]) -> Iterator[str]:
    assert running.stdout is not None
    return (line.rstrip("\n") for line in running.stdout)


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
