"""What a handler can't have meant: caught, because it would count as success and do nothing."""

from __future__ import annotations

import inspect
from typing import Any

from packhorse.context import Context
from packhorse.domain.outcome import ErrorInfo, Fail, Failure, Verdict
from packhorse.tasktransaction import AsyncTaskTransaction


def mistake_in(value: Any) -> Failure | None:
    """Why a returned value, other than an outcome, can't be a result; None when it can be one."""
    if isinstance(value, type) and issubclass(value, Verdict):
        return _failed(f"the handler returned the class {value.__name__}: write `return {value.__name__}('why')`")
    if not inspect.isawaitable(value):
        return None
    if inspect.iscoroutine(value):
        value.close()
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return _failed(
        f"the handler returned {name}(…), which nobody has awaited: "
        "make the handler `async def`, and write `return await …` in it"
    )


def mistake_with(context: Context) -> Failure | None:
    """What a handler that has returned left undone in its transaction; None when it is nothing."""
    forgotten = context.transaction.forgotten() if isinstance(context.transaction, AsyncTaskTransaction) else None
    if forgotten is None:
        return None
    return _failed(f"`ctx.tx.execute({forgotten!r:.80})` was never awaited, so it did nothing: write `await` before it")


def _failed(message: str) -> Failure:
    return Failure(ErrorInfo("UsageError", message), Fail("the handler is written wrongly"))
