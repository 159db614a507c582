"""Finding the application: where it is looked for, and what is said when it can't be loaded."""

import pytest

from tests.acceptance.command import CommandLine

APP = 'from packhorse import Packhorse\napp = Packhorse("sqlite:///shop.db")\n'


@pytest.fixture
def folder_cli(cli: CommandLine) -> CommandLine:
    """The command line in a folder with a package `shop` of some good and some bad modules."""
    package = cli.folder / "shop"
    package.mkdir()
    modules = {
        "__init__": "",
        "jobs": APP,
        "factory": f"def make():\n    {APP.splitlines()[0]}\n    return Packhorse('sqlite:///made.db')\n",
        "broken": "import json\n\nx = undefined_name\n",
        "syntax": "def f(:\n    pass\n",
        "missing_import": "import no_such_library\n",
        "exits": "import sys\nsys.exit('leave me alone')\n",
        "wrong": "app = 3\n",
        "bad_factory": "def make():\n    raise RuntimeError('no\\nway')\n",
        "twice": APP + "@app.task(name='t')\ndef a(): ...\n@app.task(name='t')\ndef b(): ...\n",
    }
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text)
    return cli


@pytest.mark.parametrize("path", ["shop.jobs:app", "shop.jobs", "shop.factory:make"])
def test_the_application_is_found_in_the_current_folder(folder_cli: CommandLine, path: str) -> None:
    """By module and attribute, by module alone (`app` is then taken), or by the function that makes it."""
    assert folder_cli("migrate", "up", "-A", path).code == 0


def test_the_application_is_found_without_an_option(folder_cli: CommandLine) -> None:
    """PACKHORSE_APP names it, else `app` in packhorse.toml or under [tool.packhorse] in pyproject.toml."""
    assert folder_cli("migrate", "up", PACKHORSE_APP="shop.jobs:app").code == 0

    (folder_cli.folder / "pyproject.toml").write_text('[tool.packhorse]\napp = "shop.jobs:app"\n')
    assert "shop.db" in folder_cli("migrate", "up").out

    (folder_cli.folder / "packhorse.toml").write_text('app = "shop.factory:make"\n')
    assert folder_cli("migrate", "up").code == 0
    assert (folder_cli.folder / "made.db").exists()


def test_what_was_tried_is_listed_when_no_application_is_named(cli: CommandLine) -> None:
    """A worker needs code; the complaint lists the places where its name was looked for."""
    done = cli("worker")

    assert done.code == 2
    for place in ("-A", "PACKHORSE_APP", "packhorse.toml", "pyproject.toml", str(cli.folder)):
        assert place in done.complaint


def test_what_was_tried_is_listed_when_no_database_is_named(cli: CommandLine) -> None:
    """Commands that need only a database list where its address was looked for."""
    done = cli("jobs", "list")

    assert done.code == 2
    for place in ("--database-url", "-A", "PACKHORSE_DATABASE_URL", "DATABASE_URL", "pyproject.toml"):
        assert place in done.complaint


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("shop.jbos:app", "did you mean 'shop.jobs'?"),
        ("shpo.jobs:app", "did you mean 'shop'?"),
        ("shop.jobs:ap", "did you mean 'app'?"),
        ("shop/jobs.py", "write package.module:attribute"),
        ("shop.broken:app", "NameError: name 'undefined_name' is not defined (shop/broken.py:3)"),
        ("shop.syntax:app", "SyntaxError: invalid syntax (shop/syntax.py:1)"),
        ("shop.missing_import:app", "No module named 'no_such_library' (shop/missing_import.py:1)"),
        ("shop.exits:app", "SystemExit: leave me alone (shop/exits.py:2)"),
        ("shop.wrong:app", "is a int, no Packhorse application"),
        ("shop.bad_factory:make", "RuntimeError: no (shop/bad_factory.py:2)"),
        ("shop.twice:app", "DuplicateTask: task 't' is"),
    ],
)
def test_an_application_that_cannot_be_loaded_is_explained(folder_cli: CommandLine, path: str, why: str) -> None:
    """One line says what is wrong and in which file and line; no traceback, exit code 2."""
    done = folder_cli("worker", "-A", path)

    assert done.code == 2
    assert why in done.complaint
    assert len(done.err.splitlines()) == 1


def test_a_wrong_setting_is_told_with_its_place(cli: CommandLine) -> None:
    """A misspelt setting names the file and the right one."""
    (cli.folder / "packhorse.toml").write_text('databse_url = "sqlite:///shop.db"\n')
    done = cli("jobs", "list")

    assert done.code == 2
    assert "packhorse.toml" in done.complaint
    assert "did you mean 'database_url'?" in done.complaint


def test_an_address_is_enough_without_the_code(folder_cli: CommandLine) -> None:
    """With --database-url the application is not loaded, so that a broken one does not stop an operator."""
    done = folder_cli("migrate", "up", "--database-url", "sqlite:///other.db", PACKHORSE_APP="shop.broken:app")

    assert done.code == 0
    assert (folder_cli.folder / "other.db").exists()


@pytest.mark.parametrize("variable", ["PACKHORSE_DATABASE_URL", "DATABASE_URL"])
def test_the_environment_names_the_database(cli: CommandLine, variable: str) -> None:
    """PACKHORSE_DATABASE_URL or DATABASE_URL is all that an operator's shell needs."""
    assert cli("migrate", "up", **{variable: "sqlite:///here.db"}).code == 0
    assert (cli.folder / "here.db").exists()
