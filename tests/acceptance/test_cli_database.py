"""Databases that can't be worked with: what each command says, and with which code it ends."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.acceptance.command import APP, CommandLine
from tests.crash.conftest import connected
from tests.servers.processes import free_port

NEEDING = (
    ("check",),
    ("enqueue", "shop.greet", "Ann"),
    ("jobs", "list"),
    ("jobs", "retry", "1"),
    ("queues", "list"),
    ("stats",),
    ("worker",),
)
"""Commands that need a database with the right schema."""

EACH = [pytest.param(words, marks=[pytest.mark.slow] if words != ("jobs", "list") else []) for words in NEEDING]
"""The same for a table of many reasons, which `make quick` looks through with one command."""

RENUMBER = "update {} set number = number + 90, oldest_supported = {oldest_supported} where number > 1"
FORGET = "delete from {} where number > 1"
"""What makes the installed schema one of a later, or of an earlier version."""


def told(done_text: str) -> str:
    """The complaint, wherever the command puts it."""
    assert "Traceback" not in done_text
    return done_text


def not_a_database(folder: Path) -> str:
    """A file that is something else."""
    (folder / "notes.txt").write_text("no database at all, but long enough to be looked into\n" * 50)
    return "sqlite:///notes.txt"


def a_folder(folder: Path) -> str:
    """A folder where a file should be."""
    (folder / "folder.db").mkdir()
    return "sqlite:///folder.db"


def no_folder(folder: Path) -> str:
    """A file in a folder that does not exist."""
    return "sqlite:///nowhere/shop.db"


def nobody_listens(folder: Path) -> str:
    """A server that is down."""
    return f"postgresql://shop:secret@127.0.0.1:{free_port()}/shop"


def no_such_host(folder: Path) -> str:
    """A host that does not exist."""
    return "postgresql://shop:secret@no-such-host.invalid/shop"


@pytest.mark.parametrize("words", EACH, ids=" ".join)
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (not_a_database, "is no SQLite database"),
        (a_folder, "is a folder"),
        (no_folder, "nowhere does not exist: create it, or correct the path"),
        (nobody_listens, "Connection refused; Is the server running"),
        (no_such_host, "no-such-host.invalid"),
    ],
)
def test_a_database_that_cannot_be_reached_ends_with_3(
    cli: CommandLine, words: tuple[str, ...], make: Callable[[Path], str], why: str
) -> None:
    """A line says what is wrong and what to do; no traceback, and no password."""
    done = cli(*words, PACKHORSE_APP=APP, PACKHORSE_DATABASE_URL=make(cli.folder))

    assert done.code == 3
    assert why in told(done.out + done.err)
    assert "secret" not in done.out + done.err
    assert (done.out + done.err).lower().count("is the server running") <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://db/shop", "mysql"),
        ("sqlite://shop.db", "write sqlite:///relative.db"),
        ("sqlite:shop.db", "write sqlite:///relative.db"),
        ("postgresql://shop:pw@ZZret@db/shop", "percent-encode an @ in the password"),
        ("sqlite:///:memory:", "needs a SQLite file"),
        ("postgresql://shop:sec%ZZret@db:port/shop", "special characters in the password as %XX"),
    ],
)
def test_an_address_that_makes_no_sense_ends_with_2(cli: CommandLine, url: str, why: str) -> None:
    """It is a mistake in the configuration, not a database that is away."""
    for words in (["check"], ["enqueue", "t"], ["migrate", "up"], ["bench"]):
        done = cli(*words, "--database-url", url)
        assert done.code == 2
        assert why in told(done.out + done.err)
        assert "ZZret" not in done.out + done.err


def test_a_schema_name_that_makes_no_sense_ends_with_2(cli: CommandLine) -> None:
    """It is refused before it reaches a server."""
    done = cli("jobs", "list", "--database-url", "postgresql://db/shop", "--schema", 'x"; drop table y; --')

    assert done.code == 2
    assert "lower-case letters" in done.complaint


def test_looking_creates_nothing(cli: CommandLine) -> None:
    """A mistyped file name is told, not made into an empty database."""
    for words in (["jobs", "list"], ["queues", "list"], ["stats"], ["check"], ["migrate", "status"]):
        assert cli(*words, "--database-url", "sqlite:///shpo.db").code == 3
    assert list(cli.folder.iterdir()) == []


@pytest.mark.engines("sqlite")
def test_looking_installs_nothing_in_the_application_s_own_file(cli: CommandLine) -> None:
    """A SQLite file without our tables stays without them until a job, a worker or `migrate up` needs them."""
    with connected(f"sqlite:///{cli.folder / 'shop.db'}") as db:
        db.execute("create table orders (id integer)")
    done = cli("jobs", "list", "--database-url", "sqlite:///shop.db")

    assert done.code == 4
    assert "run `packhorse migrate up --database-url sqlite:///shop.db`" in done.complaint
    with connected(f"sqlite:///{cli.folder / 'shop.db'}") as db:
        assert db.execute("select name from sqlite_master").fetchall() == [("orders",)]


def test_a_suggested_command_reaches_the_same_database(cli: CommandLine, database_url: str) -> None:
    """With the options that the failed one was given, it does what was missing."""
    words = ["--database-url", database_url]
    refused = cli("jobs", "list", *words)
    suggested = re.search("`packhorse ([^`]+)`", refused.complaint)

    assert suggested is not None
    assert cli(*shlex.split(suggested[1])).code == 0
    assert cli("jobs", "list", *words).code == 0


@pytest.mark.accepts("C22")
@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("words", NEEDING, ids=" ".join)
def test_a_missing_schema_ends_with_4(shop_cli: CommandLine, words: tuple[str, ...]) -> None:
    """On PostgreSQL, where nothing is installed unasked; SQLite has the test above."""
    done = shop_cli(*words)

    assert done.code == 4
    assert "run `packhorse migrate up`" in told(done.out + done.err)


@pytest.fixture
def migrations(engine_name: str) -> str:
    """The table that records the migrations."""
    return "packhorse_migration" if engine_name == "sqlite" else "packhorse.migration"


@pytest.mark.accepts("C22")
@pytest.mark.parametrize("words", NEEDING, ids=" ".join)
def test_an_older_or_a_newer_schema_ends_with_4(
    shop_cli: CommandLine, shop: Packhorse, database_url: str, migrations: str, words: tuple[str, ...]
) -> None:
    """An older one is never upgraded unasked, a newer one never used by software that it no longer supports."""
    with connected(database_url) as db:
        db.execute(RENUMBER.format(migrations, oldest_supported=91))
    newer = shop_cli(*words)
    with connected(database_url) as db:
        db.execute(FORGET.format(migrations))
    older = shop_cli(*words)

    assert (newer.code, older.code) == (4, 4)
    assert "install a newer version of packhorse" in told(newer.out + newer.err)
    assert "run `packhorse migrate up`" in told(older.out + older.err)
    assert shop.engine.list_workers() == []


@pytest.mark.accepts("C22")
def test_a_newer_schema_that_supports_this_version_is_used(
    shop_cli: CommandLine, shop: Packhorse, database_url: str, migrations: str
) -> None:
    """Workers go on while the schema is migrated under them."""
    with connected(database_url) as db:
        db.execute(RENUMBER.format(migrations, oldest_supported=1))

    assert shop_cli("enqueue", "shop.greet", "Ann").code == 0
    assert shop_cli("check").code == 0


@pytest.mark.accepts("C22")
def test_migrate_up_installs_and_repeats_without_harm(shop_cli: CommandLine, database_url: str) -> None:
    """It names what it ran; status and exit code tell whether there is anything to do."""
    missing = shop_cli("migrate", "status", "--json")
    first, second = shop_cli("migrate", "up"), shop_cli("migrate", "up")
    status = shop_cli("migrate", "status", "--json")

    assert missing.code in (3, 4)
    assert (first.code, second.code, status.code) == (0, 0, 0)
    assert first.out.startswith("ran 001_")
    assert "is up to date" in second.out
    assert status.json["fits"] is True
    assert status.json["current"] == status.json["latest"] > 0
    assert shop_cli("check").code == 0


@pytest.mark.accepts("C22")
def test_migrate_up_refuses_a_schema_that_is_too_new(
    shop_cli: CommandLine, shop: Packhorse, database_url: str, migrations: str
) -> None:
    """It is not up to date, it is beyond this version: the words and the exit code are those of `migrate status`."""
    with connected(database_url) as db:
        db.execute(RENUMBER.format(migrations, oldest_supported=99))
    refused, status = shop_cli("migrate", "up"), shop_cli("migrate", "status")

    assert (refused.code, status.code) == (4, 4)
    assert refused.complaint == f"packhorse: {status.out.splitlines()[-1]}\n"
    assert "install a newer version of packhorse" in refused.complaint


@pytest.mark.accepts("C22")
def test_migrate_can_go_step_by_step(shop_cli: CommandLine) -> None:
    """--to stops early; status then ends with 4 and names what is missing."""
    assert shop_cli("migrate", "up", "--to", "1").out.count("ran ") == 1
    status = shop_cli("migrate", "status")

    assert status.code == 4
    assert "missing: 002_" in status.out
    assert shop_cli("migrate", "up").out.startswith("ran 002_")


@pytest.mark.accepts("C22")
def test_migrate_sql_prints_what_another_tool_can_run(shop_cli: CommandLine, database_url: str, tmp_path: Path) -> None:
    """The printed statements, run by the database's own client, install the schema."""
    script = shop_cli("migrate", "sql").out
    with connected(database_url) as db:
        (db.executescript if hasattr(db, "executescript") else db.execute)(script)

    assert shop_cli("migrate", "status").code == 0
    assert shop_cli("enqueue", "shop.greet", "Ann").code == 0
    assert 0 < len(shop_cli("migrate", "sql", "--since", "1").out) < len(script)

    nothing = shop_cli("migrate", "sql", "--since", "99")
    assert (nothing.code, nothing.out) == (0, "")
    assert "no migration is newer than 99" in nothing.complaint


def test_check_tells_what_it_found(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The database, its schema, that it takes a job, which is rolled back, and that a worker may run."""
    done = shop_cli("check")
    found = shop_cli("check", "--json").json

    assert done.code == 0
    assert {one["what"] for one in found} == {"database", "schema", "writing", "worker"}
    assert {one["result"] for one in found} <= {"ok", "note"}
    assert sum(shop.count_jobs().values()) == 0


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("words", [*NEEDING, ("migrate", "up"), ("bench",)], ids=" ".join)
def test_a_read_only_folder_ends_with_3(cli: CommandLine, namespace: list[str], words: tuple[str, ...]) -> None:
    """SQLite needs to write beside the file; the complaint names the folder."""
    folder = cli.folder / "data"
    folder.mkdir()
    assert cli("enqueue", "shop.greet", "--database-url", "sqlite:///data/shop.db").code == 0
    mount = 'mount --bind data data && mount -o remount,bind,ro data && exec "$@"'
    command = [*namespace, "sh", "-c", mount, "sh", *cli.words(*words)]
    done = cli.run(command, PACKHORSE_APP=APP, PACKHORSE_DATABASE_URL="sqlite:///data/shop.db")

    assert done.code == 3
    assert str(folder) in told(done.out + done.err)
    assert "write" in done.out + done.err


@pytest.mark.engines("postgresql")
def test_a_server_that_takes_no_writes_ends_with_3(shop_cli: CommandLine, shop: Packhorse, database_url: str) -> None:
    """As a standby answers; reading goes on."""
    with connected(database_url) as db:
        db.execute(f"alter database {database_url.rpartition('/')[2]} set default_transaction_read_only = on")
    enqueued, checked = shop_cli("enqueue", "shop.greet", "Ann"), shop_cli("check")

    assert (enqueued.code, checked.code) == (3, 3)
    assert "takes no writes" in enqueued.complaint
    assert "takes no writes" in told(checked.out)
    assert shop_cli("jobs", "list").out == "no jobs\n"


@pytest.mark.engines("sqlite")
def test_a_full_disk_loses_nothing(cli: CommandLine, namespace: list[str]) -> None:
    """What does not fit is refused with 3 and a plain word; what was stored before stays, and runs."""
    (cli.folder / "small").mkdir()
    url = "sqlite:///small/shop.db"
    fill = """
        mount -t tmpfs -o size=760k none small
        for size in 1 200000 200000 1; do
            "$@" enqueue shop.greet - <"$size.json"; echo "code $?"
        done
        mount -o remount,size=40m small
        "$@" jobs list --json
    """
    for size in (1, 200_000):
        (cli.folder / f"{size}.json").write_text(f'"{"x" * size}"\n')
    done = cli.run([*namespace, "sh", "-c", fill, "sh", *cli.words()], PACKHORSE_DATABASE_URL=url)
    codes = [int(line.split()[1]) for line in done.out.splitlines() if line.startswith("code")]

    assert codes[0] == 0
    assert 3 in codes
    assert "disk is full" in told(done.err)
    assert done.out.count('"state": "available"') == codes.count(0)


@pytest.mark.slow
@pytest.mark.engines("sqlite")
def test_a_worker_on_a_full_disk_goes_on_when_there_is_room(cli: CommandLine, namespace: list[str]) -> None:
    """It says what is wrong, keeps the outcome of what ran, and records it as soon as it can."""
    (cli.folder / "small").mkdir()
    script = """
        mount -t tmpfs -o size=2m none small
        "$@" enqueue shop.wait 2
        "$@" worker >log 2>&1 & worker=$!
        for try in $(seq 50); do "$@" stats --json | grep -q '"executing": 1' && break; sleep 0.1; done
        dd if=/dev/zero of=small/filler bs=1k count=2000 2>/dev/null
        for try in $(seq 100); do grep -q 'disk is full' log && break; sleep 0.1; done
        rm small/filler
        for try in $(seq 50); do "$@" stats --json | grep -q '"succeeded": 1' && break; sleep 0.1; done
        "$@" stats --json
        kill $worker; wait $worker; echo "code $?"
    """
    done = cli.run(
        [*namespace, "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", *cli.words()],
        PACKHORSE_APP=APP,
        PACKHORSE_DATABASE_URL="sqlite:///small/shop.db",
    )

    assert "disk is full" in told((cli.folder / "log").read_text())
    assert '"succeeded": 1' in done.out
    assert "code 0" in done.out
