"""Rules as the text that a database keeps: JSON objects, whose `rule` says which kind they are.

    {"rule":"cron","expression":"0 9 * * mon-fri","tz":"Europe/Berlin","first_day":null,"last_day":"2026-12-31"}
    {"rule":"every","number":5,"unit":"minutes"}
    {"rule":"weekly","weekdays":["mon","thu"],"times":["09:00:00"],"weeks":2,"first_day":"2026-11-02"}

What is missing has its default; `write_rule` writes everything, so that equal rules have equal texts.
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
    return msgspec.json.encode(rule).decode()


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
