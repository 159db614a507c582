"""Links on the project's pages lead somewhere: to a file that is there, and to a heading that it has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, place

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|[`*]")
ELSEWHERE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Whoever renames a heading or moves a file mends the links to it."""
    assert [link for link in links_of(page.read_text()) if not leads_somewhere(link, page)] == []


def links_of(text: str) -> Iterator[str]:
    """The links inside the project that stand on a page, outside code."""
    for link in LINK.findall(CODE.sub("", text)):
        if not link.startswith(ELSEWHERE):
            yield link


def leads_somewhere(link: str, page: Path) -> bool:
    """Whether there is such a file and, where one is named, such a heading in it."""
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors_of(target.read_text()))


def anchors_of(text: str) -> set[str]:
    """What the headings of a page are called in links, as hosts of repositories make it: repeated ones get a number."""
    anchors, without_blocks = set[str](), re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for heading in HEADING.findall(without_blocks):
        words = MARKUP.sub(r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = next(number for number in range(len(anchors) + 1) if _numbered(name, number) not in anchors)
        anchors.add(_numbered(name, number))
    return anchors


def _numbered(name: str, number: int) -> str:
    return f"{name}-{number}" if number else name
