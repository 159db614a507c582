"""What may not be interrupted in the middle, though its coroutine may be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: Awaitable[T]) -> T:
    """What it gives, when it is done; a cancellation that comes meanwhile waits until then."""
    doing, cancelled = asyncio.ensure_future(work), None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as error:
            cancelled = error
    value = doing.result()
    if cancelled is not None:
        raise cancelled
    return value
