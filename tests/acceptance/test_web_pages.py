"""docs/web.md and docs/sqlalchemy.md: their code runs as it is written."""

import sys
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.acceptance.run_page import adapted
from tests.acceptance.test_guide import write_files

ADDRESS = 'Packhorse("sqlite:///shop.db")'
WEB, SQLALCHEMY = "docs/web.md", "docs/sqlalchemy.md"


@pytest.fixture
def url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the reader's tables and jobs are: in the file that the pages name, or in a database on a server."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def reader(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """The reader's shell, in the folder of the page's files."""
    monkeypatch.setenv("PACKHORSE_DATABASE_URL", url)  # for what the pages' files are adapted to
    commands = CommandLine(tmp_path, {"PACKHORSE_DATABASE_URL": url})
    yield commands
    commands.stop_all()


def write(page: str, url: str, folder: Path) -> None:
    """The files of a page, with the address of the test's database."""
    engine = url.partition(":")[0]
    write_files(page, engine, folder)
    for file in (folder / "web.py", folder / "models.py"):
        if file.exists():
            file.write_text(adapted(file.read_text().replace(ADDRESS, f"Packhorse({url!r})"), engine))


@pytest.mark.parametrize("page", [WEB, SQLALCHEMY])
def test_the_page_runs_as_it_is_written(page: str, reader: CommandLine, url: str, tmp_path: Path) -> None:
    """Each assertion on it holds."""
    write(page, url, tmp_path)
    assert reader("migrate", "up").code == 0
    done = reader.run([sys.executable, "-m", "tests.acceptance.run_page", page, url.partition(":")[0]])
    assert done.code == 0, done.err


def test_alembic_follows_the_page(reader: CommandLine, url: str, tmp_path: Path) -> None:
    """The revision installs the schema, and a comparison asks for nothing but the page's own table."""
    write(SQLALCHEMY, url, tmp_path)
    config = Config(str(tmp_path / "alembic.ini"), stdout=StringIO())
    command.init(config, str(tmp_path / "new"))
    (tmp_path / "script.py.mako").write_text((tmp_path / "new/script.py.mako").read_text())
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {tmp_path}\npath_separator = os\n")

    for words in (["upgrade", "head"], ["revision", "--autogenerate", "-m", "orders"]):
        done = reader.run([sys.executable, "-m", "alembic", *words], PYTHONPATH=str(tmp_path))
        assert done.code == 0, done.err
    [made] = (tmp_path / "versions").glob("*_orders.py")
    assert "op.create_table('customer_order'" in made.read_text()
    assert "drop" not in made.read_text().partition("def downgrade")[0]
    with closing(Packhorse(url)) as app:
        app.engine.check_schema()
