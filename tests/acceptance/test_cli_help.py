"""Help that starts at once and teaches, and answers to mistyped names."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from packhorse.cli.main import packhorse as root
from tests.acceptance.command import ROOT, CommandLine

HEAVY = {"asyncio", "asyncpg", "django", "msgspec", "psycopg", "sqlalchemy", "sqlite3", "ssl", "tempfile"}
"""What `packhorse --help` must not import; with it, a start takes several times as long."""
OURS_LEFT_OUT = ("packhorse.app", "packhorse.engine", "packhorse.runtime", "packhorse.task")


def commands_of(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    """The words of every command below a group, the group's own first; hidden ones are left out."""
    context = click.Context(group)
    found = [path]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += commands_of(command, *path, name)
        elif not command.hidden:
            found.append((*path, name))
    return found


COMMANDS = commands_of(root)


def test_help_imports_nothing_heavy(cli: CommandLine) -> None:
    """`packhorse --help` starts fast: drivers, encoders and event loops are left to the commands that use them."""
    script = "import sys; from packhorse.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = cli.run([sys.executable, "-c", script])
    imported = set(done.err.split())

    assert "packhorse.cli.worker" in imported
    assert {name for name in imported if name.partition(".")[0] in HEAVY} == set()
    assert {name for name in imported if name.startswith(OURS_LEFT_OUT)} == set()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(words: tuple[str, ...]) -> None:
    """Each command's help says what it is for in a sentence, and shows a command line to copy."""
    command: click.Command | None = root
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    assert command.help is not None
    first, *others = command.help.split("\n\n")

    assert first.endswith(".")
    assert any(re.search(r"^\x08\n {4}.*packhorse", one) for one in others), "examples that are filled into a paragraph"


def test_help_of_a_command_keeps_its_examples_line_by_line(cli: CommandLine) -> None:
    """Examples are not filled into a paragraph."""
    done = cli("jobs", "--help")

    assert done.code == 0
    assert re.search(r"^ +packhorse jobs show 42 ", done.out, re.MULTILINE)


def test_every_flag_of_the_worker_names_its_variable(cli: CommandLine) -> None:
    """A worker in a container is set up by its environment; the help says how."""
    text = " ".join(cli("worker", "--help").out.split())

    for flag in ("QUEUES", "PROCESSES", "CONCURRENCY", "COROUTINES", "POLL", "LEASE", "SHUTDOWN_TIMEOUT", "LOG_LEVEL"):
        assert f"PACKHORSE_WORKER_{flag}" in text
    assert "PACKHORSE_APP" in text
    assert "incarnation" not in text


def test_without_a_command_the_help_is_shown(cli: CommandLine) -> None:
    """It is a usage error all the same, for scripts."""
    alone, group = cli(), cli("jobs")

    assert (alone.code, group.code) == (2, 2)
    assert "worker" in alone.out
    assert "retry" in group.out


def test_the_version_is_told(cli: CommandLine) -> None:
    """`packhorse --version` names the installed version."""
    assert cli("--version").out.strip() == f"packhorse {version('packhorse')}"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["wroker"], "'worker'"),
        (["job", "list"], "'jobs'"),
        (["jobs", "lits"], "'list'"),
        (["migrate", "stauts"], "'status'"),
        (["jobs", "list", "--stat", "failed"], "'--state'"),
        (["worker", "--concurency", "4"], "--concurrency"),
        (["jobs", "list", "--state", "faild"], "'failed'"),
        (["completion", "bsh"], "'bash'"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_right_one(cli: CommandLine, words: list[str], hint: str) -> None:
    """Commands, options and choices that do not exist end with 2 and name what was probably meant."""
    done = cli(*words)

    assert done.code == 2
    assert hint in done.complaint
    assert "--help`" in done.complaint


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["packages"], "`packhorse jobs list --record order:42`"),
        (["listen", "import-7"], "app.listen(CORRELATION)"),
        (["batches", "close", "7"], "app.close_batch(ID)"),
    ],
)
def test_what_is_no_command_is_told_where_it_is(cli: CommandLine, words: list[str], where: str) -> None:
    """Packages are looked for among jobs, and what only code can do is named."""
    done = cli(*words)

    assert done.code == 2
    assert where in done.complaint


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["worker", "-q", "bad name"], "'bad name' is no name for a queue"),
        (["worker", "-q", "mail:0"], "needs at least 1 slot"),
        (["worker", "-q", "billing:x"], "'x' in 'billing:x' is no number of slots; write billing:10"),
        (["worker", "-q", ""], "leave the option out to serve all queues"),
        (["worker", "-q", "a,,b"], "a queue without a name in 'a,,b'"),
        (["worker", "-q", "a", "-q", "b,a:2"], "queue 'a' is named twice"),
        (["worker", "-c", "0"], "0 is not in the range: it must be from 1 to 1000"),
        (["worker", "-p", "x"], "'x' is not a valid integer."),
        (["worker", "--lease", "0s"], "'0s' is not in the range: it must be from 1s to 1d"),
        (["worker", "--poll", "0"], "it must be from 10ms to 60s"),
        (["stats", "--watch", "--interval", "0"], "'0' is not in the range: it must be from 100ms to 1d"),
        (["stats", "--interval", "2s"], "--interval goes with --watch"),
        (["migrate", "up", "--to", "99", "--database-url", "sqlite:///shop.db"], "there is no migration 99"),
        (["migrate", "up", "--to", "0"], "it must be at least 1"),
        (["worker", "--poll", "soon"], "'soon' is no duration"),
        (["worker", "--lease", "99999999999999d"], "too long"),
        (["jobs", "show", "none"], "'none' is not a valid integer"),
        (["jobs", "show", "99999999999999999999"], "not in the range"),
        (["jobs", "list", "--limit", "-1"], "not in the range"),
        (["enqueue", "t", "--at", "2026-12-24T18:00"], "names no time zone"),
        (["enqueue", "t", "--at", "tomorrow"], "is no moment"),
        (["enqueue", "t", "--priority", "urgnt"], "unknown priority 'urgnt'"),
        (["enqueue", "t", "--priority", "99999"], "outside"),
        (["enqueue", "t", "-1"], "No such option '-1'. Put -- before arguments that begin with a dash."),
        (["enqueue", "t", "--max-attempts", "x"], "'x' is not a valid integer."),
        (["--database-url", "sqlite:///a.db", "stats"], "behind the command: packhorse COMMAND --database-url …"),
        (["jobs", "-A", "shop", "list"], "behind the command: packhorse jobs COMMAND -A …"),
        (["completion"], "Choose from: bash, zsh, fish"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(cli: CommandLine, words: list[str], why: str) -> None:
    """The complaint says which value of which option, and what would be right."""
    done = cli(*words)

    assert done.code == 2
    assert why in done.complaint


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(cli: CommandLine, shell: str) -> None:
    """The script calls `packhorse` back for the words; where the shell is installed, it reads the script."""
    done = cli("completion", shell)

    assert done.code == 0
    assert f"_PACKHORSE_COMPLETE={shell}_complete" in done.out
    if shutil.which(shell):
        assert cli.run([shell, "-n"], stdin=done.out).code == 0


def test_completion_knows_commands_options_and_choices(cli: CommandLine) -> None:
    """What the script asks for is answered without loading an application."""

    def completions(line: str) -> list[str]:
        words = line.split(" ")
        environ = {"_PACKHORSE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        return cli(**environ).out.split()

    assert completions("packhorse jo") == ["plain,jobs"]
    assert completions("packhorse jobs list --st") == ["plain,--state"]
    assert completions("packhorse jobs list --state fa") == ["plain,failed"]


def test_the_page_of_the_commands_is_up_to_date() -> None:
    """docs/cli.md says what `--help` says; `python tools/cli_page.py` writes it."""
    done = subprocess.run(
        [sys.executable, "tools/cli_page.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
