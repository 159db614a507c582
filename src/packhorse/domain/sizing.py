"""Priority by size: the more packages a producer enqueues in a row, the less urgent are the later ones."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, Self

import msgspec

from packhorse.domain.order import DEFAULT_PRIORITY, PRIORITIES

_START: Final = re.compile(r"\s*[0-9]{1,18}\s*")
_SHOWN: Final = 60


class SizeSteps(msgspec.Struct, frozen=True):
    """From which package in a row on which priority holds.

    Attributes:
        steps: pairs of a start and a priority, each start once, in order.
        warnings: what was ignored in the configuration, and why, a sentence each; for the log.
    """

    steps: tuple[tuple[int, int], ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def parse(cls, configured: Mapping[str, str]) -> Self:
        """The steps of a configuration: `{"1": "urgent", "2": "high", "16": "low"}`, in any order and any case.

        An entry that is misspelt, or whose start was given before, is ignored with a warning.
        """
        steps: dict[int, int] = {}
        warnings: list[str] = []
        for start, name in configured.items():
            step = _step(start, name)
            if step is None:
                warnings.append(
                    f"ignored the step {_short(start)}: {_short(name)}: "
                    f"it must be a whole number and one of {', '.join(PRIORITIES)}"
                )
            elif step[0] in steps:
                warnings.append(f"ignored the step {_short(start)}: {_short(name)}: there is one from {step[0]} on")
            else:
                steps[step[0]] = step[1]
        return cls(tuple(sorted(steps.items())), tuple(warnings))

    def priority_of(self, number: int) -> int:
        """The priority of the package of this number in a row, counted from 1.

        That of the step with the greatest start that is not above the number; before the first step, of that one;
        without any, medium.
        """
        if not self.steps:
            return DEFAULT_PRIORITY
        at = bisect_right(self.steps, number, key=lambda step: step[0])
        return self.steps[max(0, at - 1)][1]


def _step(start: object, name: object) -> tuple[int, int] | None:
    text, called = str(start), str(name).strip().lower()
    if not _START.fullmatch(text) or called not in PRIORITIES:
        return None
    return int(text), PRIORITIES[called]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
