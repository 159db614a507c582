"""Finding the application: where it is looked for, and what is said when it can't be loaded."""

import pytest

from tests.acceptance.command import CommandLine, installed

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
        "tasks": APP + "other = app\n@app.task(name='t')\ndef invoice(): open('called', 'w')\n",
        "calls": "class Shop:\n    def __init__(self): open('called', 'w')\n    __call__ = __init__\n"
        "def make(name): open('called', 'w')\nasync def amake(): open('called', 'w')\n"
        "def number(): return 8\n" + APP,
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
        ("shop.jobs:shop", "did you mean shop.jobs:app?"),
        ("shop/jobs.py", "write package.module:attribute"),
        ("shop.broken:app", "NameError: name 'undefined_name' is not defined (shop/broken.py:3)"),
        ("shop.syntax:app", "SyntaxError: invalid syntax (shop/syntax.py:1)"),
        ("shop.missing_import:app", "No module named 'no_such_library' (shop/missing_import.py:1)"),
        ("shop.exits:app", "SystemExit: leave me alone (shop/exits.py:2)"),
        ("shop.wrong:app", "shop.wrong:app is an int, not an app"),
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


@pytest.mark.parametrize("words", [["jobs", "list"], ["queues", "list"], ["stats"], ["inbox", "list"], ["check"]])
def test_whoever_needs_the_database_alone_goes_on_without_broken_code(
    folder_cli: CommandLine, words: list[str]
) -> None:
    """Where the environment names both: with a line that says why, and which database it is."""
    environ = {"PACKHORSE_APP": "shop.broken:app", "PACKHORSE_DATABASE_URL": "sqlite:///shop.db"}
    assert folder_cli("migrate", "up", "-A", "shop.jobs:app").code == 0
    done = folder_cli(*words, **environ)

    assert done.code == 0
    assert done.out
    assert "note: importing shop.broken failed: NameError" in done.complaint
    assert f"this is about {folder_cli.folder / 'shop.db'}" in done.complaint


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["stats"], {"PACKHORSE_APP": "shop.broken:app"}),
        (["stats", "-A", "shop.broken:app"], {"PACKHORSE_DATABASE_URL": "sqlite:///shop.db"}),
        (["enqueue", "t"], {"PACKHORSE_APP": "shop.broken:app", "PACKHORSE_DATABASE_URL": "sqlite:///shop.db"}),
        (["worker"], {"PACKHORSE_APP": "shop.broken:app", "PACKHORSE_DATABASE_URL": "sqlite:///shop.db"}),
    ],
)
def test_broken_code_ends_what_can_not_do_without_it(
    folder_cli: CommandLine, words: list[str], environ: dict[str, str]
) -> None:
    """What is named on the command line is meant; no database is known without the code, or the code has to check."""
    done = folder_cli(*words, **environ)

    assert done.code == 2
    assert done.complaint.startswith("packhorse: importing shop.broken failed")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("shop.tasks:invoice", "is a task, not an app; did you mean shop.tasks:app or shop.tasks:other?"),
        ("shop.tasks:invoice.enqueue", "is a method, not an app; did you mean shop.tasks:app"),
        ("shop.calls:Shop", "is a class, not an app; did you mean shop.calls:app?"),
        ("shop.calls:make", "is a function that takes name; one that makes an app takes nothing; did you mean"),
        ("shop.calls:amake", "is a coroutine function, not an app; did you mean shop.calls:app?"),
        ("shop.calls:number", "what shop.calls:number() returned is an int, not an app; did you mean shop.calls:app?"),
    ],
)
def test_what_makes_no_application_is_not_called(folder_cli: CommandLine, path: str, why: str) -> None:
    """A task above all, which would do its work; the applications of the module are named instead."""
    for words in (["worker"], ["stats"]):
        done = folder_cli(*words, "-A", path)
        assert done.code == 2
        assert why in done.complaint
    assert not (folder_cli.folder / "called").exists()


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


def test_a_file_in_the_settings_lies_beside_them(cli: CommandLine) -> None:
    """Wherever below a command is started, it reaches the same database."""
    (cli.folder / "pyproject.toml").write_text('[tool.packhorse]\ndatabase_url = "sqlite:///shop.db"\n')
    (cli.folder / "below").mkdir()
    below = CommandLine(cli.folder / "below", {})

    assert cli("enqueue", "t").code == 0
    assert [job["task"] for job in below("jobs", "list", "--json").json] == ["t"]
    assert list(below.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["stats", "--database-url", ""], "Invalid value for '--database-url': it is empty"),
        (["stats", "-A", " "], "it is empty"),
        (["stats", "-A", "shop.jobs:app", "--database-url", "sqlite:///other.db"], "give one of them"),
        (["stats", "-A", "shop.jobs:app", "--schema", "jobs"], "--schema goes with --database-url"),
        (["worker", "--database-url", "sqlite:///other.db"], "on the database that the application's own code names"),
        (["worker", "-A", "shop.jobs:app", "--schema", "jobs"], "set PACKHORSE_DATABASE_URL (and PACKHORSE_SCHEMA)"),
    ],
)
def test_options_that_contradict_each_other_are_refused(folder_cli: CommandLine, words: list[str], why: str) -> None:
    """None is passed over in silence, and an empty one is most likely a variable that is not set."""
    done = folder_cli(*words)

    assert done.code == 2
    assert why in done.complaint


@pytest.mark.parametrize("variable", ["PACKHORSE_DATABASE_URL", "DATABASE_URL"])
def test_the_environment_names_the_database(cli: CommandLine, variable: str) -> None:
    """PACKHORSE_DATABASE_URL or DATABASE_URL is all that an operator's shell needs."""
    assert cli("migrate", "up", **{variable: "sqlite:///here.db"}).code == 0
    assert (cli.folder / "here.db").exists()


DJANGO_APP = 'from packhorse import Packhorse\napp = Packhorse("django://default")\n'
DJANGO_MODELS = "from django.db import models\n\n\nclass Order(models.Model):\n    paid = models.BooleanField()\n"
DJANGO_SETTINGS = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}}\n'


@pytest.fixture
def django_cli(cli: CommandLine) -> CommandLine:
    """The command line in a folder with settings of Django and an application that uses them.

    It is started as the installed script is, whose modules come from its own folder and not from the current one.
    """
    (cli.folder / "shop.py").write_text(DJANGO_APP)
    (cli.folder / "shop_settings.py").write_text(DJANGO_SETTINGS)
    (cli.folder / "broken_settings.py").write_text("DATABASES = undefined_name\n")
    return CommandLine(cli.folder, {}, program=installed())


USING_DJANGO = (["--database-url", "django://default"], ["-A", "shop:app"])


@pytest.mark.slow
@pytest.mark.parametrize("words", USING_DJANGO, ids=" ".join)
def test_django_s_settings_are_found_in_the_current_folder(django_cli: CommandLine, words: list[str]) -> None:
    """As modules of `-A` are."""
    environ = {"DJANGO_SETTINGS_MODULE": "shop_settings"}

    assert django_cli("migrate", "up", *words, **environ).code == 0
    assert django_cli("check", *words, **environ).code == 0
    assert (django_cli.folder / "django.db").exists()


def test_an_application_among_django_s_models_is_found(django_cli: CommandLine) -> None:
    """Django is set up before the module is imported, which can then use them."""
    (django_cli.folder / "orders").mkdir()
    (django_cli.folder / "orders" / "__init__.py").touch()
    (django_cli.folder / "orders" / "models.py").write_text(DJANGO_MODELS)
    (django_cli.folder / "orders" / "jobs.py").write_text(f"from orders.models import Order\n{DJANGO_APP}")
    (django_cli.folder / "shop_settings.py").write_text(DJANGO_SETTINGS + 'INSTALLED_APPS = ["orders"]\n')

    assert django_cli("migrate", "up", "-A", "orders.jobs:app", DJANGO_SETTINGS_MODULE="shop_settings").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("words", USING_DJANGO, ids=" ".join)
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("", "set DJANGO_SETTINGS_MODULE, as in DJANGO_SETTINGS_MODULE=shop.settings"),
        ("no_settings", "ModuleNotFoundError: No module named 'no_settings'"),
        ("broken_settings", "NameError: name 'undefined_name' is not defined"),
    ],
)
def test_django_s_settings_that_cannot_be_loaded_are_explained(
    django_cli: CommandLine, words: list[str], settings: str, why: str
) -> None:
    """In one line that names the variable, whatever the command."""
    for command in (["stats"], ["workers", "list"], ["migrate", "up"]):
        done = django_cli(*command, *words, DJANGO_SETTINGS_MODULE=settings)
        assert done.code == 2
        assert why in done.complaint
        assert len(done.err.splitlines()) == 1


def test_a_database_of_django_s_in_memory_is_refused(django_cli: CommandLine) -> None:
    """Nobody else could reach it, and its name would be taken for a file's."""
    (django_cli.folder / "shop_settings.py").write_text(DJANGO_SETTINGS.replace('django.db"}', ':memory:"}'))
    done = django_cli("stats", "--database-url", "django://default", DJANGO_SETTINGS_MODULE="shop_settings")

    assert done.code == 2
    assert "a database in memory can't be shared with Packhorse: name a file" in done.complaint


def test_a_wrong_alias_of_django_s_is_told_with_the_right_ones(django_cli: CommandLine) -> None:
    """They are those of DATABASES."""
    done = django_cli("stats", "--database-url", "django://other", DJANGO_SETTINGS_MODULE="shop_settings")

    assert done.code == 2
    assert "Django's DATABASES has no 'other'; there are default" in done.complaint


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "url", "install"),
    [
        ("django", "django://default", "pip install 'packhorse[django]'"),
        ("psycopg", "postgresql://127.0.0.1/shop", "pip install 'packhorse[postgres]'"),
    ],
)
def test_a_library_that_is_not_installed_is_named(cli: CommandLine, library: str, url: str, install: str) -> None:
    """With the words that install it."""
    missing = cli.folder / "missing" / library
    missing.mkdir(parents=True)
    (missing / "__init__.py").write_text(f"raise ModuleNotFoundError('No module named {library}', name='{library}')\n")
    for command in (["stats"], ["enqueue", "t"]):
        done = cli(*command, "--database-url", url, PYTHONPATH=str(missing.parent))
        assert done.code == 2
        assert install in done.complaint
