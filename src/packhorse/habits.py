"""What somebody writes out of habit, as other queues call it, and what to write here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

LATER = "delay send defer kiq submit"
LATER_ASYNC = "defer_async adelay"
WITH_OPTIONS = "apply_async send_with_options configure options schedule"
AS_VALUE = "s si signature message"
"""How other queues call it: to enqueue a call, that from a coroutine, one with options, and the call as a value."""


class Advising:
    """What tells, where it is asked for what it does not have, what to write instead of it."""

    instead: ClassVar[Mapping[str, str]] = {}
    """By the name that is not there: what to write behind the object's own."""

    def spoken(self) -> str:
        """What the object is most likely called where somebody writes that."""
        raise NotImplementedError

    if not TYPE_CHECKING:  # hidden, so that a type checker says as well that there is no such attribute

        def __getattr__(self, name: str) -> object:
            """Refuse it, in the words of what to write instead where that is known."""
            if name not in type(self).instead:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            spoken = self.spoken()
            raise AttributeError(f"there is no {spoken}.{name}: write {spoken}{type(self).instead[name]}")


def written(*pairs: tuple[str, str]) -> Mapping[str, str]:
    """For each pair of names and words: the words by each of the names."""
    return {name: words for names, words in pairs for name in names.split()}


def spoken_of(name: str) -> str:
    """The last part of a task's name, which mostly is the function's."""
    return name.rpartition(".")[2]
