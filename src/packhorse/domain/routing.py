"""Routing rules: which queue the jobs of a task go into, by patterns over the task's name.

Of the rules that fit, the one with the longest pattern counts, whatever order they were made in: `shop.reports.daily`
before `shop.reports.*` before `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate

from packhorse.errors import ConfigurationError

PATTERN = re.compile(r"[^\s\x00-\x1f\[\]]{1,200}")
MOST_REMEMBERED = 10_000
"""For so many tasks the answer is remembered."""


class Rules:
    """Some rules, ready to be asked.

    Args:
        rules: for each pattern the queue.
    """

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = [(re.compile(translate(pattern)), rules[pattern]) for pattern in by_length(rules)]
        self._known: dict[str, str | None] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._rules)

    def queue_for(self, task: str) -> str | None:
        """The queue that the rules lead this task into; None when no rule fits."""
        if not self._rules:
            return None
        if task not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[task] = next((queue for fits, queue in self._rules if fits.match(task)), None)
        return self._known[task]


def by_length(patterns: Iterable[str]) -> list[str]:
    """Patterns in the order in which they are tried."""
    return sorted(patterns, key=lambda pattern: (-len(pattern), pattern))


def check_pattern(pattern: object) -> str:
    """The pattern, when it is one.

    Raises:
        ConfigurationError: it is not.
    """
    if not isinstance(pattern, str) or not PATTERN.fullmatch(pattern):
        raise ConfigurationError(
            f"{pattern!r} is no pattern: write a task's name, with * for any characters and ? for one, as in "
            "'shop.reports.*'"
        )
    return pattern


NO_RULES = Rules({})
