"""docs/testing.md: a reader's tests, copied from the page, pass as they are written."""

import re
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import CommandLine
from tests.acceptance.pages import blocks
from tests.acceptance.test_guide import write_files

PAGE = "docs/testing.md"
SERVER = "postgresql://user@host/shop_test"
WITHOUT_TABLES = ["--noconftest", "--ignore=test_orders.py"]
"""What leaves out the files that bring tables of the reader's own."""
WRONG = """
from jobs import pay, send_receipt


def test_it(packhorse_kit):
    pay(42)
    packhorse_kit.assert_enqueued(send_receipt, 43)
"""


@pytest.mark.slow
@pytest.mark.accepts("C25")
def test_the_page_on_testing_runs_as_it_is_written(engine_name: str, database_url: str, tmp_path: Path) -> None:
    """First without tables of the reader's own, on PostgreSQL with the option; then beside them, with a wrong test."""
    [settings] = blocks(PAGE, "toml")
    [(plain,), (with_option,)] = [block.commands for block in blocks(PAGE, "console")]
    write_files(PAGE, engine_name, tmp_path)
    (tmp_path / "pyproject.toml").write_text(settings.code)
    reader = CommandLine(tmp_path, {"SHOP_TEST_URL": database_url})
    command = plain if engine_name == "sqlite" else with_option.replace(SERVER, database_url)

    assert SERVER in with_option
    first = reader.run([sys.executable, "-m", *command.split(), *WITHOUT_TABLES])
    assert (first.code, "7 passed" in first.out) == (0, True), first.out
    (tmp_path / "test_wrong.py").write_text(WRONG)
    second = reader.run([sys.executable, "-m", *plain.split()])
    assert "1 failed, 8 passed" in second.out, second.out
    [message] = blocks(PAGE, "text")
    for line in timeless(message.code).splitlines():
        assert line in timeless(second.out), second.out
    assert not (tmp_path / "shop.db").exists()


def timeless(text: str) -> str:
    """The text without what is different each time."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "…", text)
