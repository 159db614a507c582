"""Settings: from keywords, then the environment, then a file."""

from pathlib import Path

import pytest

from packhorse import ConfigurationError, Packhorse, Settings
from packhorse.engines.sqlite.address import database_path


def load(folder: Path, environ: dict[str, str] | None = None, **given: object) -> Settings:
    """Settings as they are found in this folder and this environment."""
    return Settings.load(environ=environ or {}, folder=folder, **given)


def test_the_defaults(tmp_path: Path) -> None:
    """Without anything."""
    assert load(tmp_path) == Settings(database_url=None, schema="packhorse", worker="processes", app=None)


def test_what_is_nearer_wins(tmp_path: Path) -> None:
    """Keyword, then environment, then file, each setting by itself."""
    (tmp_path / "packhorse.toml").write_text('schema = "of_file"\nworker = "inline"\ndatabase_url = "sqlite:///f.db"\n')
    environ = {"PACKHORSE_SCHEMA": "of_environment", "PACKHORSE_DATABASE_URL": "sqlite:///e.db"}

    settings = load(tmp_path, environ, database_url="sqlite:///k.db", schema=None)

    assert settings == Settings(database_url="sqlite:///k.db", schema="of_environment", worker="inline")


def test_pyproject_has_a_table_for_us(tmp_path: Path) -> None:
    """[tool.packhorse], in the folder or one above it."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n[tool.packhorse]\napp = "shop.jobs:app"\n')
    below = tmp_path / "src" / "shop"
    below.mkdir(parents=True)

    assert load(below).app == "shop.jobs:app"


def test_our_own_file_goes_before_pyproject(tmp_path: Path) -> None:
    """They are not mixed."""
    (tmp_path / "pyproject.toml").write_text('[tool.packhorse]\nschema = "of_pyproject"\napp = "shop:app"\n')
    (tmp_path / "packhorse.toml").write_text('schema = "ours"\n')

    assert load(tmp_path) == Settings(schema="ours")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DATABASE_URL": "sqlite:///d.db"}, "sqlite:///d.db"),
        ({"DATABASE_URL": "sqlite:///d.db", "PACKHORSE_DATABASE_URL": "sqlite:///p.db"}, "sqlite:///p.db"),
        ({"PACKHORSE_DATABASE_URL": ""}, None),
    ],
)
def test_database_url_is_the_last_resort(tmp_path: Path, environ: dict[str, str], expected: str | None) -> None:
    """What other programs call it; an empty variable is none."""
    assert load(tmp_path, environ).database_url == expected


def test_a_file_goes_before_database_url(tmp_path: Path) -> None:
    """It was written for us."""
    (tmp_path / "packhorse.toml").write_text('database_url = "sqlite:///f.db"\n')

    assert load(tmp_path, {"DATABASE_URL": "sqlite:///d.db"}).database_url == f"sqlite:///{tmp_path}/f.db"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('databse_url = "x"', r"packhorse\.toml.*'databse_url'; did you mean 'database_url'"),
        ("schema = 7", "schema must be a text"),
        ('schema = "No"', "lower-case"),
        ('schema = "pg_jobs"', "not with pg_"),
        ('schema = "public"', "neither public"),
        ('schema = "information_schema"', "nor information_schema"),
        ('worker = "inlne"', "did you mean 'inline'"),
        ("schema =", r"packhorse\.toml can't be read"),
        ("database_url = 3", "database_url must be a text"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With the place where it stands, and what was probably meant."""
    (tmp_path / "packhorse.toml").write_text(text)

    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path)


def test_a_wrong_keyword_is_refused(tmp_path: Path) -> None:
    """As in a file."""
    with pytest.raises(ConfigurationError, match="did you mean 'schema'"):
        load(tmp_path, shema="x")


def test_an_application_without_a_database_says_so_at_its_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is made: a module may make it before anything is configured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("PACKHORSE_DATABASE_URL", raising=False)
    app = Packhorse()

    with pytest.raises(ConfigurationError, match="PACKHORSE_DATABASE_URL"):
        _ = app.engine


@pytest.mark.parametrize("url", ["mysql://localhost/shop", "shop.db", "http://x"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    """The message lists what there is."""
    with pytest.raises(ConfigurationError, match="sqlite:///, postgresql:// or django://"):
        _ = Packhorse(url).engine


@pytest.mark.parametrize(
    ("name", "text"),
    [("packhorse.toml", 'database_url = "{}"'), ("pyproject.toml", '[tool.packhorse]\ndatabase_url = "{}"')],
)
@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
def test_a_relative_file_lies_beside_the_settings_file(tmp_path: Path, name: str, text: str, scheme: str) -> None:
    """Not in the folder where a command happens to be started; the folder may be called anything."""
    folder = tmp_path / "my shop%20 #1"
    below = folder / "src" / "shop"
    below.mkdir(parents=True)
    (folder / name).write_text(text.format(f"{scheme}:///data/shop%20one.db"))
    url = load(below).database_url

    assert url is not None
    assert database_path(url) == folder / "data" / "shop one.db"


@pytest.mark.parametrize(
    "url",
    ["sqlite:////var/shop.db", "sqlite:///~/shop.db", "sqlite:///:memory:", "postgresql://db/shop", "sqlite:x.db"],
)
def test_any_other_address_in_a_file_stays_as_it_is(tmp_path: Path, url: str) -> None:
    """Absolute, under a home, on a server, or wrong: that is told later."""
    (tmp_path / "packhorse.toml").write_text(f'database_url = "{url}"\n')

    assert load(tmp_path).database_url == url


def test_a_relative_file_elsewhere_is_that_of_the_current_folder(tmp_path: Path) -> None:
    """A keyword and the environment name no folder."""
    assert load(tmp_path, {"PACKHORSE_DATABASE_URL": "sqlite:///e.db"}).database_url == "sqlite:///e.db"
    assert load(tmp_path, database_url="sqlite:///k.db").database_url == "sqlite:///k.db"
