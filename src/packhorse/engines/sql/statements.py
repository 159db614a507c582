"""The statements, read from `.sql` files and rendered once.

A file is named after the one method that runs it, and holds one or more statements, separated by `;` at the end of a
line. `{slot}` stands for what differs between dialects or installations: identifiers and bits of syntax. A line that
ends with `-- with :option` is there only when that option is given (with several, all of them), one that ends with
`-- without :option` only when it is not; alone on a line, such a mark is about all lines up to `-- end`. Comments are
for readers of the file and are never sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

_SLOT = re.compile(r"\{([a-z_]+)\}")
_FRAGMENT = re.compile(r"\{([a-z_]+)\(((?:[^{}]|\{[a-z_]+\})*)\)\}")
_ABOUT = re.compile(r"-- \(([a-z_, ]+)\)")
_MARK = re.compile(r"--\s*(with|without)((?: :\w+)+)\s*$")
_COMMENT = re.compile(r"\s*--.*$")
_BLOCK_END = "-- end"
_END = re.compile(r";\n")


def render(text: str, slots: Mapping[str, str]) -> str:
    """The text with its slots filled.

    Raises:
        KeyError: a slot that this dialect does not have.
    """
    return _SLOT.sub(lambda slot: slots[slot[1]], text)


class Statements:
    """The statements of one dialect.

    Args:
        package: the dialect's package; its `queries` folder goes before the shared one.
        slots: what to put for each `{slot}`.
    """

    def __init__(self, package: str, slots: Mapping[str, str]) -> None:
        self._packages = [files(name) for name in (package, "packhorse.engines.sql")]
        self._slots = slots
        self._rendered: dict[tuple[str, ...], tuple[str, ...]] = {}

    def get(self, name: str, *options: str) -> tuple[str, ...]:
        """The texts of `name`.sql, in order, with the lines and statements that these options leave."""
        key = (name, *options)
        if key not in self._rendered:
            text = render(self._filled(_select(self._read("queries", name), options), options), self._slots)
            self._rendered[key] = tuple(_END.split(text.removesuffix(";")))
        return self._rendered[key]

    def _filled(self, text: str, options: tuple[str, ...]) -> str:
        """The text with its fragments, and those that they are made of."""
        return _FRAGMENT.sub(lambda found: self._fragment(found[1], found[2].split(", "), options), text)

    def _fragment(self, name: str, given: list[str], options: tuple[str, ...]) -> str:
        text = self._read("fragments", name)
        about = _ABOUT.match(text)
        if about is None:
            raise LookupError(f"{name}.sql does not begin with what it is about")
        subjects = dict(zip(about[1].split(", "), given, strict=True))
        named = _SLOT.sub(lambda slot: subjects.get(slot[1], slot[0]), _select(text, options))
        return self._filled(named, options)

    def _read(self, folder: str, name: str) -> str:
        for package in self._packages:
            path = package / folder / f"{name}.sql"
            if path.is_file():
                return path.read_text(encoding="utf-8")
        raise LookupError(f"no {folder}/{name}.sql")


def _select(text: str, options: tuple[str, ...]) -> str:
    """The lines that these options leave, without comments."""
    lines: list[str] = []
    is_open = True
    for line in text.splitlines():
        sql = _COMMENT.sub("", line).strip()
        mark = _MARK.search(line)
        is_wanted = mark is None or _holds(mark, options)
        if not sql and mark:
            is_open = is_wanted
        elif line.strip() == _BLOCK_END:
            is_open = True
        elif sql and is_open and is_wanted:
            lines.append(sql)
    return "\n".join(lines)


def _holds(mark: re.Match[str], options: tuple[str, ...]) -> bool:
    named = {option.removeprefix(":") for option in mark[2].split()}
    return named <= set(options) if mark[1] == "with" else named.isdisjoint(options)
