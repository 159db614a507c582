"""The example's Django project in a folder of its own, on each engine."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.acceptance.command import ROOT, CommandLine, Ended

EXAMPLE = ROOT / "examples/webshop"


class Project(CommandLine):
    """A copy of the project, whose database is the one of that address, unless it is a file of its own."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.place = folder / "webshop"
        shutil.copytree(EXAMPLE, self.place, ignore=shutil.ignore_patterns("*.sqlite3*", "__pycache__"))
        super().__init__(self.place, {"COLUMNS": "120", **({} if url is None else libpq(url))})

    def manage(self, *words: str, **environ: str) -> Ended:
        """`python manage.py …` to its end."""
        return self.run([sys.executable, "manage.py", *words], **environ)

    def done(self, *words: str, **environ: str) -> str:
        """What it printed; it must have gone well."""
        ended = self.manage(*words, **environ)
        assert ended.code == 0, ended.out + ended.err
        return ended.out

    def python(self, code: str, **environ: str) -> str:
        """What a program prints that uses the project."""
        return self.done("shell", "--verbosity=0", "--no-imports", "-c", code, **environ).strip()

    def set(self, text: str) -> None:
        """Add to the settings."""
        with (self.place / "webshop/settings.py").open("a") as settings:
            settings.write(f"\n{text}\n")


def libpq(url: str) -> Mapping[str, str]:
    """The variables that lead the driver to a database."""
    parts = urlsplit(url)
    given = {
        "PGDATABASE": parts.path[1:],
        "PGHOST": parts.hostname,
        "PGPORT": parts.port,
        "PGUSER": parts.username,
        "PGPASSWORD": unquote(parts.password or ""),
    }
    return {name: str(value) for name, value in given.items() if value}
