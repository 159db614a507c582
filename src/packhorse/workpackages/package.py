"""`WorkPackage`: what the handler of a work package works on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from packhorse.behalf import acting
from packhorse.context import Context
from packhorse.domain.package import DONE, NOT_DONE, Element, Outcome, PackageRecord, Reference
from packhorse.domain.parameters import (
    MISSING,
    Parameter,
    decode_parameters,
    encode_parameters,
    parameter_of,
    read_from,
)
from packhorse.engine import Engine
from packhorse.errors import RecordMissing, UsageError, WrongTenant
from packhorse.records import RecordTypes

PAGE = 1000
"""How many elements are read at once, and records loaded."""


class WorkPackage:
    """A work package in its handler's hands: its records and its parameters.

    Args:
        context: the run's.
        engine: gives the database.
        records: what kinds of records there are.
    """

    def __init__(self, context: Context, engine: Callable[[], Engine], records: RecordTypes) -> None:
        self._context = context
        self._engine = engine
        self._records = records
        self._changed: dict[str, Parameter] = {}

    @property
    def id(self) -> int:
        """The number of its job."""
        return self._context.job.id

    @property
    def correlation(self) -> str | None:
        """By which whoever enqueued it knows it again."""
        return self._record.correlation

    def __len__(self) -> int:
        """How many records it is about."""
        return sum(self._record.counts.values())

    def count(self, outcome: Outcome | None) -> int:
        """Of how many records the run before had this outcome; with None, of how many it had none."""
        return self._record.counts.get(outcome, 0)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its parameters as they are stored: of an enum its code, of an id what that wraps."""
        return {name: parameter.value for name, parameter in self._parameters.items()}

    def param(self, name: str, wanted: Any = Any, default: Any = MISSING) -> Any:
        """A parameter, as the type that the handler wants.

        Args:
            name: what it is called.
            wanted: a plain type, an enum, an id's class; by default whatever is stored.
            default: what to return when it has none of that name.

        Raises:
            PayloadError: it holds no such value.
            UsageError: it has none of that name, and no default was given.
        """
        return read_from(self._parameters, name, wanted, default, self.id)

    def set_param(self, name: str, value: object) -> None:
        """Give it another parameter, or another value, which its next attempt finds, whatever becomes of this one.

        Raises:
            PayloadError: the value is of a type that no parameter can have, or the name is none.
        """
        self._changed[name] = self._parameters[name] = parameter_of(name, value)

    @property
    def is_changed(self) -> bool:
        """Whether the handler has changed a parameter; for the worker."""
        return bool(self._changed)

    @property
    def parameters_text(self) -> str:
        """All parameters as text; for the worker.

        Raises:
            PayloadError: together they are too large.
        """
        return encode_parameters(self._parameters)

    def forget_changes(self) -> None:
        """What the handler has changed is stored; for the worker."""
        self._changed.clear()

    def elements(self, *, is_open: bool | None = None) -> Iterator[Element]:
        """Its elements in order, read a thousand at a time.

        Args:
            is_open: only those that are not done yet, or only those that are; by default all.
        """
        for page in self.pages(is_open=is_open):
            yield from page

    def references(self) -> Iterator[Reference]:
        """The records that it is about, in order."""
        return (element.record for element in self.elements())

    def records(self, *, strict: bool = True, skip_scheduled: bool = False) -> Iterator[Any]:
        """The records themselves, in order, loaded a thousand at a time with one query for each type.

        Args:
            strict: whether one that is not there any more is an error; else it is left out, and said so in the log.
            skip_scheduled: leave those out that an older package of the same task is about, and is not done with.

        Raises:
            RecordMissing: a record is not there any more; it is named.
            WrongTenant: a record belongs to another tenant than that for whom the package was enqueued.
            UsageError: its type is not registered, or the task has no transaction to load it in.
        """
        for page in self.pages():
            wanted = self._unscheduled(page) if skip_scheduled else page
            loaded = self._records.load(self._context.tx, [element.record for element in wanted])
            yield from self._given_out(wanted, loaded, strict=strict)

    def note_lost_locks(self) -> None:
        """Say so in the log when it does not hold all the locks on records that it was enqueued with."""
        if self._record.locks_held < self._record.locks:
            held, locks = self._record.locks_held, self._record.locks
            self._context.log.warning("package %d holds %d of the %d locks that it had", self.id, held, locks)

    async def arecords(self, *, strict: bool = True, skip_scheduled: bool = False) -> AsyncIterator[Any]:
        """Do what `records` does, for coroutines: `async for order in package.arecords():`."""
        pages = self.pages()
        while page := await asyncio.to_thread(next, pages, None):
            wanted = await asyncio.to_thread(self._unscheduled, page) if skip_scheduled else page
            loaded = await self._records.aload(self._context.tx, [element.record for element in wanted])
            for record in self._given_out(wanted, loaded, strict=strict):
                yield record

    def _given_out(self, wanted: Sequence[Element], loaded: Mapping[Reference, Any], *, strict: bool) -> Iterator[Any]:
        for element in wanted:
            record = loaded.get(element.record)
            if record is not None:
                self.check_tenant(element.record, record)
                yield record
            elif strict:
                raise RecordMissing(f"{element.record} of package {self.id} is not there any more")
            else:
                self._context.log.info("%s is not there any more: left out", element.record)

    def pages(self, *, is_open: bool | None = None) -> Iterator[list[Element]]:
        """The same as lists of up to a thousand, each read when it is asked for; for the worker."""
        engine, after = self._engine(), -1
        outcomes = () if is_open is None else NOT_DONE if is_open else DONE
        while page := engine.list_elements(self.id, after, PAGE, outcomes=outcomes):
            yield page
            after = page[-1].position
        if after < 0:
            self._require()

    def _require(self) -> None:
        """Refuse a job that is no package, which has no records either."""
        _ = self._record

    def _unscheduled(self, page: list[Element]) -> list[Element]:
        hidden = self._engine().list_scheduled(self.id, [element.position for element in page])
        for element in page:
            if element.position in hidden:
                self._context.log.info("%s waits for an older package: left out", element.record)
        return [element for element in page if element.position not in hidden]

    def check_tenant(self, reference: Reference, record: object) -> None:
        """Refuse a record of another tenant than that for whom the package was enqueued, where both are known.

        Raises:
            WrongTenant: it is one.
        """
        theirs, ours = self._records.tenant(reference, record), acting().tenant
        if theirs is not None and ours is not None and theirs != ours:
            raise WrongTenant(f"{reference} belongs to tenant {theirs!r}, and package {self.id} to {ours!r}")

    @cached_property
    def _record(self) -> PackageRecord:
        found = self._engine().find_package(self.id)
        if found is None:
            raise UsageError(
                f"job {self.id} was enqueued as a plain job, without the records and parameters of a package: "
                "enqueue it with package(…).enqueue() of its task; in SQL, enqueue a job that does so"
            )
        return found

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return decode_parameters(self._record.parameters_text)
