"""Rules as the text that a database keeps: JSON objects, whose `rule` says which kind they are.

    {"rule":"cron","expression":"0 9 * * mon-fri","tz":"Europe/Berlin","last_day":"2026-12-31"}
    {"rule":"every","number":5,"unit":"minutes"}
    {"rule":"weekly","weekdays":["mon","thu"],"times":["09:00:00"],"weeks":2,"first_day":"2026-11-02"}

What is missing has its default, and `write_rule` leaves out what has it: equal rules have equal texts, and one that
does not use what a later version adds has the same text there. A field that is not known is refused, not ignored:
without it the rule would come due at other times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.every import Every
from packhorse.domain.schedule.weekly import Weekly
from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from packhorse.domain.schedule.rule import Rule

_decode: Final = msgspec.json.Decoder(Cron | Every | Weekly).decode
_LONGEST_SHOWN: Final = 200


def write_rule(rule: Rule) -> str:
    """The rule as text."""
    told = msgspec.to_builtins(rule)
    for field in msgspec.structs.fields(rule):
        if getattr(rule, field.name) == field.default:
            del told[field.name]
    return msgspec.json.encode(told).decode()


def read_rule(text: str) -> Rule:
    """The rule that a text holds.

    Raises:
        ConfigurationError: it holds none, or one that is refused; the message says what is wrong, and where.
    """
    try:
        rule: Rule = _decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        raise ConfigurationError(f"{shown!r} is not the rule of a schedule: {error}") from error
    return rule
