"""The blocks of code on a page for readers, to be run as they are written.

The line that opens a block names its language, then the one engine that it is for, if it is not for all:
"sql postgresql". A block whose first line is a comment with the name of a file is that file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.acceptance.command import ROOT
from tests.engines import ENGINES

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w/]+\.py)\b")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code.

    Attributes:
        line: where its code begins on the page, from 1.
        engines: which ones it is for.
        heading: the nearest one above.
    """

    language: str
    code: str
    line: int
    engines: Sequence[str]
    heading: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        found = FILE.match(self.code)
        return found[1] if found else None

    @property
    def commands(self) -> list[str]:
        """What its lines behind a prompt tell the reader to type."""
        return [line.removeprefix("$ ").split(" #")[0].strip() for line in self.code.splitlines() if line[0] == "$"]


def blocks(page: str, language: str = "", engine: str = "") -> list[Block]:
    """The page's blocks in order; those in one language, and for one engine, if these are given."""
    text = (ROOT / page).read_text()
    return [
        one
        for one in (_block(found, text) for found in BLOCK.finditer(text))
        if language in ("", one.language) and (not engine or engine in one.engines)
    ]


def _block(found: re.Match[str], text: str) -> Block:
    above = text[: found.start()]
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", above), re.MULTILINE)
    engines = found[2].split() or ENGINES
    assert set(engines) <= set(ENGINES), f"{found[0]}: no such engine"
    return Block(found[1], found[3], above.count("\n") + 2, engines, headings[-1] if headings else "")
