"""Cron expressions: five fields, checked, with a word for each mistake.

    minute   hour   day of the month   month   day of the week
     0-59    0-23         1-31          1-12      0-7 (0 and 7 are Sunday)

A field is `*`, a value, a range `9-17`, any of them with a step (`*/15`, `9-17/2`, `5/20`: from 5 on), or a list of
such terms. Months and weekdays have names (`jan`, `mon`). The day of the month may be `l`, the last, or `lw`, the
last from Monday to Friday; the day of the week `5l`, the month's last Friday, or `5#2`, its second. If one of the two
days begins with `*`, both must fit, else either is enough.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from packhorse.errors import ConfigurationError

LONGEST: Final = 100
"""How many characters an expression may have."""
MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ORDER: Final = "minute, hour, day of the month, month, day of the week"
_TERM: Final = re.compile(r"(?P<first>\*|[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?(?:/(?P<step>[0-9]+))?")


class Field(NamedTuple):
    """One of the five fields: its name, the values that it may have, names for the first of them, other forms."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    specials: str = "(?!)"


class Term(NamedTuple):
    """The values from `first` to `last`, each `step`th one; or, with `special`, what that letter means."""

    first: int
    last: int
    step: int = 1
    special: str = ""

    @property
    def values(self) -> range:
        """The values."""
        return range(self.first, self.last + 1, self.step)


MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: Final = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31, specials="lw?"),
    Field("month", 1, 12, MONTHS),
    Field("day of the week", 0, 7, DAYS, specials=f"[0-7]l|(?:[0-7]|{'|'.join(DAYS)})#[1-5]"),
)


def normal_form(expression: str) -> str:
    """The expression in lower case, its fields one space apart, a macro such as `@daily` written out.

    Raises:
        ConfigurationError: it is no cron expression; the message says what is wrong, where, and what would be right.
    """
    if type(expression) is str and len(expression) > LONGEST:
        raise ConfigurationError(f"cron expression {_shown(expression)} has more than {LONGEST} characters")
    if type(expression) is not str or not expression.strip():
        raise ConfigurationError(f"a cron expression is a text of five fields ({_ORDER}), not {expression!r}")
    if not (expression.isascii() and expression.isprintable()):
        raise ConfigurationError(f"cron expression {expression!r} may have letters, digits, spaces and * , - / # only")
    text = expression.lower().strip()
    if text.startswith("@"):
        return _written_out(text)
    parse(text)
    return " ".join(text.split())


def parse(expression: str) -> list[list[Term]]:
    """The terms of each of the five fields.

    Raises:
        ConfigurationError: as above.
    """
    parts = expression.split()
    if len(parts) != len(FIELDS):
        seconds = "; for seconds, use an interval" if len(parts) == len(FIELDS) + 1 else ""
        raise ConfigurationError(
            f"cron expression {expression!r} must have five fields, not {len(parts)}: {_ORDER}{seconds}"
        )
    return [
        [_term(term, field, expression) for term in part.split(",")] for part, field in zip(parts, FIELDS, strict=True)
    ]


def _written_out(macro: str) -> str:
    if macro not in MACROS:
        raise ConfigurationError(f"no cron macro {_shown(macro)}: there are {', '.join(MACROS)}")
    return MACROS[macro]


def _term(text: str, field: Field, expression: str) -> Term:
    if re.fullmatch(field.specials, text):
        return Term(field.lowest, field.highest, special=text)
    where = f"in the cron expression {expression!r}"
    found = _TERM.fullmatch(text)
    if not found:
        raise ConfigurationError(f"{field.name} {text!r} {where}: {_forms(field)}")
    if found["first"] == "*":
        if found["last"]:
            raise ConfigurationError(f"{field.name} {text!r} {where}: {_forms(field)}")
        first, last = field.lowest, field.highest
    else:
        first, last = _ends(found, field, where)
    return Term(first, last, _step(found, field, where))


def _ends(found: re.Match[str], field: Field, where: str) -> tuple[int, int]:
    first = _value(found["first"], field, where)
    if not found["last"]:
        return first, field.highest if found["step"] else first
    last = _value(found["last"], field, where)
    if last < first:
        turned = f"{found['first']}-{field.highest},{field.lowest}-{found['last']}"
        advice = "its values one by one" if found["step"] else turned
        raise ConfigurationError(f"{field.name} {found[0]!r} {where} runs backwards: write {advice}")
    if last == first and found["step"]:
        raise ConfigurationError(f"{field.name} {found[0]!r} {where} is one value with a step: write {found['first']}")
    return first, last


def _value(text: str, field: Field, where: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.lowest
    if not text.isdigit():
        raise ConfigurationError(f"{field.name} {text!r} {where}: {_forms(field)}")
    if not field.lowest <= int(text) <= field.highest:
        raise ConfigurationError(f"{field.name} {text} {where}: it goes from {field.lowest} to {field.highest}")
    return int(text)


def _step(found: re.Match[str], field: Field, where: str) -> int:
    most = field.highest - field.lowest
    step = int(found["step"] or 1)
    if not 1 <= step <= most:
        raise ConfigurationError(f"step {step} of the {field.name} {found[0]!r} {where}: it goes from 1 to {most}")
    return step


def _forms(field: Field) -> str:
    example = f" ({field.names[0]}, {field.names[1]}, …)" if field.names else ""
    span = f"{field.lowest}-{field.highest}"
    return f"write *, a number of {span}{example}, a range such as {span}, a step such as */2, or a list of them"


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
