"""How a deferred call runs: its records are read again, those that are gone are dropped, and the method is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from packhorse.context import Context
from packhorse.deferred.methods import Method
from packhorse.domain.frames import calls_handlers
from packhorse.domain.package import Reference
from packhorse.records import RecordType, RecordTypes

MOST_NAMED: Final = 20
"""So many of the records that are gone are named in the log."""


def runner(method: Method, kind: RecordType) -> Callable[..., Any]:
    """What a worker calls: `run(ctx, keys, *args, **kwargs)`, where the method is a coroutine function one as well.

    Args:
        method: the method.
        kind: reads the records.
    """
    types = RecordTypes()
    types.register(kind)

    def run(ctx: Context, keys: str | list[str], *args: Any, **kwargs: Any) -> Any:
        found = types.load(ctx.tx, _references(kind, keys))
        return _call(method, _present(ctx, kind, keys, found), keys, args, kwargs)

    async def arun(ctx: Context, keys: str | list[str], *args: Any, **kwargs: Any) -> Any:
        found = await types.aload(ctx.tx, _references(kind, keys))
        return await _acall(method, _present(ctx, kind, keys, found), keys, args, kwargs)

    return arun if method.is_async else run


@calls_handlers
def _call(method: Method, records: Sequence[Any], keys: str | list[str], args: Any, kwargs: Any) -> Any:
    """A single record's method gives the call its result; that of each of a list has none."""
    if not records:
        return None
    if isinstance(keys, str):
        return method.called_on(records[0])(*args, **kwargs)
    if method.kind == "class":
        return method.called_on(records)(*args, **kwargs)
    for record in records:
        method.called_on(record)(*args, **kwargs)
    return None


@calls_handlers
async def _acall(method: Method, records: Sequence[Any], keys: str | list[str], args: Any, kwargs: Any) -> Any:
    if not records:
        return None
    if isinstance(keys, str):
        return await method.called_on(records[0])(*args, **kwargs)
    if method.kind == "class":
        return await method.called_on(records)(*args, **kwargs)
    for record in records:
        await method.called_on(record)(*args, **kwargs)
    return None


def _references(kind: RecordType, keys: str | list[str]) -> list[Reference]:
    return [Reference(kind.name, key) for key in ([keys] if isinstance(keys, str) else keys)]


def _present(ctx: Context, kind: RecordType, keys: str | list[str], found: dict[Reference, Any]) -> list[Any]:
    """The records that are there, in order."""
    wanted = _references(kind, keys)
    gone = [str(record) for record in wanted if record not in found]
    if gone:
        named = ", ".join(gone[:MOST_NAMED]) + (", …" if len(gone) > MOST_NAMED else "")
        ending = ": the method is not called" if len(gone) == len(wanted) else ""
        ctx.log.info("%d of %d records are not there any more (%s)%s", len(gone), len(wanted), named, ending)
    return [found[record] for record in wanted if record in found]
