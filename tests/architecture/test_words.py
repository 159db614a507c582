"""The project stands alone: it names nothing of the machines, tools and folders that it was written with."""

import re

import pytest

from tests.architecture.source import place, project_files

# One letter of each word stands in brackets, so that this file does not name them either.
FORBIDDEN = {
    "a folder of one machine": r"/(?:wor[k]|roo[t]|home/\w+)/|/opt/py[p]i",
    "a folder outside the project": r"(?<![\w-])share[d]/(?:[A-Z]+\.md|reference|seeds|hooks)|\.\./share[d]",
    "the host of a package registry": r"py[p]i\.org|npm[j]s|pythonhoste[d]",
    "a writing tool": r"(?i)\b(?:chatgp[t]|copilo[t]|claud[e]|anthropi[c]|opena[i])\b",
    "how it was written": r"(?i)helper sessio[n]|language mode[l]",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    """No file of the project names it."""
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{place(path, number)}: {line.strip()}"
        for path in project_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]

    assert found == []
