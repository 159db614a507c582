"""Reads one CSV file record by record, and keeps what is wrong with it by file and line."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

T = TypeVar("T")

MOST_PROBLEMS_SHOWN = 20
WHY_NO_CSV = {
    "unexpected end of data": 'a quote (") that is opened here is never closed',
    "',' expected after '\"'": 'a quote (") stands inside a field: double it, and put the whole field in quotes',
}
"""The parser's messages in plain words; they concern the whole record that begins in the line."""
WIDE_MARKS = ("\udcff\udcfe", "\udcfe\udcff", "\0\0\udcfe\udcff")
"""What reading as UTF-8 makes of the byte order marks of UTF-16 and UTF-32."""
OTHER_SEPARATORS = (";", "\t", "|")

csv.field_size_limit(2**31 - 1)  # a quote that is never closed makes one long field of the rest: that is to be told


class BadInput(Exception):
    """The files can't be imported, and nothing of them was. The message shows the first twenty problems.

    Attributes:
        problems: every one as `file:line: what is wrong`.
    """

    def __init__(self, problems: list[str]) -> None:
        shown = problems[:MOST_PROBLEMS_SHOWN]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown):,} more")
        super().__init__("\n".join(shown))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a CSV file.

    Attributes:
        line: the number of the line that it begins in, from 1; a field in quotes may go on in the next one.
        fields: its values by the names in the header.
    """

    line: int
    fields: Mapping[str, str]


@dataclass(slots=True)
class CsvSource:
    """A CSV file that is being read, with what was found to be wrong so far.

    Attributes:
        path: the file: UTF-8 (a byte order mark is allowed), commas, quotes doubled inside quotes.
        header: the names that its first line must have, in any order.
        problems: what is wrong, as `file:line: …`.
        is_whole: whether every record could be taken apart; if not, what seems to be missing may be in the others.
    """

    path: Path
    header: tuple[str, ...]
    problems: list[str] = field(default_factory=list)
    is_whole: bool = True

    def records(self) -> Iterator[Record]:
        """The records that have as many fields as the header; others are noted as problems.

        Raises:
            BadInput: the file can't be read, or its header is another one.
        """
        try:
            with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                yield from self._records(text)
        except OSError as error:
            raise BadInput([f"{self.path}: can't be read: {error.strerror}"]) from error

    def converted(self, record: Record, convert: Callable[[Mapping[str, str]], T]) -> T | None:
        """What `convert` makes of a record's fields; None when it raises ValueError, which is noted as a problem."""
        try:
            return convert(record.fields)
        except ValueError as error:
            self.refuse(record.line, str(error))
            return None

    def refuse(self, line: int, what: str) -> None:
        """Note what is wrong in a line."""
        self.problems.append(f"{self.path}:{line}: {what}")

    def _records(self, text: TextIO) -> Iterator[Record]:
        rows = self._rows(text)
        line, first = next(rows, (1, []))
        names = [name.strip() for name in first]
        if sorted(names) != sorted(self.header):
            raise BadInput(self.problems or [f"{self.path}:{line}: {self._wrong_header(names)}"])
        for line, values in rows:
            if len(values) == len(names):
                yield Record(line, dict(zip(names, values, strict=True)))
            else:
                self.is_whole = False
                self.refuse(line, f"{len(values)} fields in place of {len(names)}")

    def _wrong_header(self, names: list[str]) -> str:
        """What is wrong with the first line, from what commonly is."""
        header, found = ",".join(self.header), ",".join(names)
        if not names:
            return f"this file is empty; it must begin with the line {header}"
        if found.startswith(WIDE_MARKS) or "\0" in found:
            return "this is no text in UTF-8 (UTF-16, or no text at all): save it as CSV in UTF-8"
        for separator in OTHER_SEPARATORS:
            if sorted(name.strip() for name in found.split(separator)) == sorted(self.header):
                return f"the fields are separated by {separator!r}: they must be separated by commas"
        return f"the header must be {header}, not {found[:200]!r}"

    def _rows(self, text: TextIO) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not blank, with the number of the line that it begins in."""
        reader = csv.reader(text, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except csv.Error as error:
                self.is_whole = False
                self.refuse(line, f"this is no CSV: {WHY_NO_CSV.get(str(error), str(error))}")
            except StopIteration:
                return
            else:
                if row:
                    yield line, row
