"""examples/ordering: its README is followed word for word, and what it shows is what is printed and answered."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.command import ROOT, CommandLine, Running, packhorse
from tests.acceptance.shown import is_shown, steps
from tests.waiting import wait_until

README = "examples/ordering/README.md"
PAGE_SERVER = "localhost:8000"
LOOKING = ("list", "show")


class Reader:
    """Somebody who types what the page says, in the example's folder."""

    def __init__(self, folder: Path, url: str) -> None:
        environ = {"PACKHORSE_APP": "ordering:app", "PACKHORSE_DATABASE_URL": url, "COLUMNS": "120"}
        self.shell = CommandLine(folder, environ)
        web = (sys.executable, "-m", "uvicorn", "--port", "0")
        self.web = CommandLine(folder / "web", {**environ, "PYTHONPATH": f"{folder}:{ROOT}"}, web)
        self.web.folder.mkdir()
        self.server: Running | None = None

    def type(self, words: list[str], shown: str) -> None:
        """Type a command; what only looks is typed again until the workers have come as far as the page."""
        match words:
            case ["export" | "kill", *_]:
                return
            case ["uvicorn", *rest, "&"]:
                self.server = self.web.start(*rest)
            case ["packhorse", "worker", *_]:
                self.shell.start("worker")
            case ["curl", *rest]:
                follow(lambda: f"{self.curl(rest)}\n", shown, is_looking="-X" not in rest)
            case ["packhorse", *rest]:
                command = [*packhorse(), *rest]
                follow(lambda: printed(self.shell, command), shown, is_looking=rest[1:2] in ([one] for one in LOOKING))
            case ["python", *rest]:
                follow(lambda: printed(self.shell, [sys.executable, *rest]), shown, is_looking=False)
            case _:
                raise AssertionError(words)

    def curl(self, words: list[str]) -> str:
        """What is answered."""
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        header = words[words.index("-H") + 1] if "-H" in words else "X-User: nobody"
        name, _, value = header.partition(": ")
        assert words[-1].startswith(PAGE_SERVER)
        return httpx.request(method, self.address + words[-1][len(PAGE_SERVER) :], headers={name: value}).text

    @property
    def address(self) -> str:
        """Where the web application answers."""
        server = self.server
        assert server is not None
        found = wait_until(lambda: re.findall(r"running on (http://\S+)", server.log()), 30, "uvicorn to listen")
        return str(found[-1])


def follow(do: Callable[[], str], shown: str, *, is_looking: bool) -> None:
    """Do it, once or until the page's words come."""
    if is_looking:
        wait_until(lambda: is_shown(do(), shown), 30, f"this to be shown:\n{shown}")
    else:
        done = do()
        assert is_shown(done, shown), done


def printed(shell: CommandLine, command: list[str]) -> str:
    """What a command prints, the remark of an empty list included."""
    ended = shell.run(command)
    assert ended.code == 0, ended
    return ended.out or ended.err


@pytest.fixture
def reader(tmp_path: Path, database_url: str) -> Iterator[Reader]:
    """The reader, in a folder with the example's file."""
    shutil.copy(ROOT / "examples/ordering/ordering.py", tmp_path)
    reader = Reader(tmp_path, database_url)
    yield reader
    reader.web.stop_all()
    reader.shell.stop_all()


@pytest.mark.slow
@pytest.mark.accepts("T1", "T2", "T12", "T15")
def test_the_ordering_example_goes_as_its_readme_tells(reader: Reader) -> None:
    """Every command prints what stands there, every request is answered so, whoever the sessions are for."""
    for words, shown in steps(README):
        reader.type(words, shown)
