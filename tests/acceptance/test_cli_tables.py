"""`packhorse tables`: making queue tables, looking at them, deciding about rows that had to leave."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import CommandLine
from tests.crash.conftest import connected

SOURCE = """
from packhorse import Context, Packhorse

app = Packhorse({url!r})


@app.queue_table("parcel")
class Parcel:
    weight: int


@app.queue_processor(Parcel, name="send", max_attempts=1, parallelism=1)
def send(ctx: Context, row: Parcel) -> None:
    ctx.log.info("sending %d", row.weight)
    if row.weight > 30:
        raise ValueError("too heavy")
"""


@pytest.fixture
def parcels(tmp_path: Path, migrated_url: str) -> Iterator[CommandLine]:
    """The command line beside an application with a queue table."""
    (tmp_path / "post.py").write_text(SOURCE.format(url=migrated_url))
    commands = CommandLine(tmp_path, {"PACKHORSE_APP": "post:app"})
    yield commands
    commands.stop_all()


@pytest.fixture
def database(migrated_url: str) -> Iterator[Any]:
    """The application's own connection."""
    with connected(migrated_url) as connection, closing(connection):
        yield connection


@pytest.mark.accepts("O1", "O7", "O11", "O14")
def test_a_tables_life_on_the_command_line(parcels: CommandLine, database: Any) -> None:
    """Made, filled, run, looked at; what had to leave is released or given up."""
    assert "parcel" in parcels("tables", "create", "--sql").out
    assert parcels("tables", "create").out == "made parcel\n"
    assert "every declared table is there already" in parcels("tables", "create").out
    database.execute("insert into parcel (weight) values (1), (40), (2), (50)")
    ran = parcels("tables", "run", "parcel", "--json", "--until-empty")
    assert (ran.code, json.loads(ran.out)) == (1, {"table": "parcel", "done": 2, "failed": 2})
    [state] = json.loads(parcels("tables", "list", "--json").out)
    assert (state["counts"]["waiting"], state["counts"]["quarantined"]) == (0, 2)
    rows = json.loads(parcels("tables", "quarantine", "parcel", "--json").out)
    assert [json.loads(row["data"])["weight"] for row in rows] == [50, 40]
    told = parcels("tables", "errors", "parcel", "--row", rows[1]["key"]).out
    assert "ValueError: too heavy" in told
    assert "INFO sending 40" in told
    assert "raise ValueError" in told
    assert parcels("tables", "release", "parcel", str(rows[0]["id"])).code == 0
    assert parcels("tables", "discard", "parcel", str(rows[1]["id"]), "--by", "kim").code == 0
    assert parcels("tables", "release", "parcel", str(rows[1]["id"])).code == 1
    assert "waiting              1" in parcels("tables", "show", "parcel").out
    history = parcels("tables", "history", "parcel").out
    assert "discarded" in history
    assert "by kim" in history


@pytest.mark.accepts("O12")
def test_mistakes_are_told_with_what_there_is(parcels: CommandLine) -> None:
    """A table, a processor, a record that is not there."""
    parcels("tables", "create")
    for words, text in (
        (("run", "parcell"), "did you mean parcel"),
        (("choose", "parcel", "sned"), "no processor of parcel: there are send"),
        (("errors", "letters"), "there is no table letters"),
        (("create", "letters"), "no queue table 'letters' is declared here"),
        (("run", "parcel", "--parallelism", "0"), "--parallelism"),
    ):
        done = parcels("tables", *words)
        assert (done.code, text in done.err) == (2, True), done
