"""An exception and what is behind it."""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what it was raised from, each once: a chain may lead back to itself (`raise e from e`).

    `orig` is where a library that wraps a driver keeps the driver's own exception.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        seen.add(id(cause))
        original = getattr(cause, "orig", None)
        is_wrapper = isinstance(original, BaseException) and id(original) not in seen
        cause = original if is_wrapper else cause.__cause__
