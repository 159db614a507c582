"""Record types: how a business record becomes a reference, and references become records again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable, iscoroutine
from typing import Any, NamedTuple, Protocol

from packhorse.domain.package import Reference
from packhorse.errors import ConfigurationError, UsageError

KeyOf = Callable[[Any], str]
"""The key of a record, as text."""
Load = Callable[[Any, Sequence[str]], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
"""Reads the records of these keys in a handler's transaction, by key; those that are not there are left out.

May be a coroutine function, for handlers that are."""
Lock = Callable[[Any, Sequence[str]], Awaitable[None] | None]
"""Locks the records of these keys in a handler's transaction until that ends."""
_TYPE_NAME = re.compile(r"[^:\x00-\x1f\x7f\ud800-\udfff]{1,100}")
_KEY = re.compile(r"[^\x00\ud800-\udfff]+")


class Loading(NamedTuple):
    """How the records of a class are known, read and locked."""

    key_of: KeyOf
    load: Load
    lock: Lock | None = None


class Named(Protocol):
    """What names the tenant of a record."""

    def __call__(self, record: Any, /) -> object:
        """The tenant."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordType:
    """One kind of business record.

    Attributes:
        name: what it is called in references, as `order` in `order:42`.
        model: the class of the records.
        key_of: a record's key.
        load: reads records by their keys.
        tenant_of: whose a record is; None where records have no tenant.
        lock: locks records by their keys; None where it is not known how.
    """

    name: str
    model: type
    key_of: KeyOf
    load: Load
    tenant_of: Named | None = None
    lock: Lock | None = None


class RecordTypes:
    """The kinds of records that an application has."""

    def __init__(self) -> None:
        self._by_name: dict[str, RecordType] = {}
        self._by_model: dict[type, RecordType] = {}

    def register(self, kind: RecordType) -> None:
        """Add a kind.

        Raises:
            ConfigurationError: its name is none, or its name or its class is registered already.
        """
        if not _TYPE_NAME.fullmatch(kind.name):
            raise ConfigurationError(
                f"{kind.name!r} is no name for a record type: "
                "it must have 1 to 100 characters, none of them a colon or a control"
            )
        if kind.name in self._by_name or kind.model in self._by_model:
            raise ConfigurationError(
                f"the record type {kind.name!r}, or {kind.model.__qualname__}, is registered already"
            )
        self._by_name[kind.name] = self._by_model[kind.model] = kind

    def get(self, name: str) -> RecordType:
        """The kind of that name.

        Raises:
            UsageError: there is none.
        """
        kind = self._by_name.get(name)
        if kind is None:
            known = ", ".join(sorted(self._by_name)) or "none"
            raise UsageError(
                f"no record type {name!r} is registered here (known: {known}): app.record_type({name!r}, …)"
            )
        return kind

    def find(self, model: type) -> RecordType | None:
        """The kind of a class, or of the nearest one above it; None where none is registered."""
        return next((self._by_model[cls] for cls in model.__mro__ if cls in self._by_model), None)

    def of(self, record: object) -> RecordType:
        """The kind of a record, by its class or the nearest one above that.

        Raises:
            UsageError: none is registered.
        """
        kind = self.find(type(record))
        if kind is not None:
            return kind
        name = type(record).__qualname__
        if isinstance(record, list | tuple | set | frozenset):
            raise UsageError(f"a {name} is no record; for its records: .add(*records)")
        raise UsageError(f"{name} is no registered record type: app.record_type('…', {name})")

    def reference(self, record: object) -> Reference:
        """The reference to a record; one that is a reference already is taken as it is.

        Raises:
            UsageError: its type is not registered, or it has no key yet.
        """
        if isinstance(record, Reference):
            return record
        kind = self.of(record)
        return Reference(kind.name, kind.key_of(record))

    @staticmethod
    def check(reference: Reference) -> Reference:
        """The reference, if every database can store it.

        Raises:
            UsageError: its type or its key is empty, or holds a control character.
        """
        if not (_TYPE_NAME.fullmatch(reference.type) and _KEY.fullmatch(reference.key)):
            raise UsageError(f"{reference!r} is no reference: its type or its key is empty or can't be stored")
        return reference

    def load(self, transaction: Any, references: Iterable[Reference]) -> dict[Reference, Any]:
        """The records that are there, one query for each type."""
        found: dict[Reference, Any] = {}
        for name, keys in _keys(references).items():
            loaded = self.get(name).load(transaction, keys)
            if isawaitable(loaded):
                if iscoroutine(loaded):
                    loaded.close()
                raise UsageError(f"records of type {name!r} are loaded by a coroutine: make the handler `async def`")
            found.update({Reference(name, key): record for key, record in loaded.items()})
        return found

    async def aload(self, transaction: Any, references: Iterable[Reference]) -> dict[Reference, Any]:
        """The same in a coroutine's transaction; what loads them may be one itself."""
        found: dict[Reference, Any] = {}
        for name, keys in _keys(references).items():
            loaded = self.get(name).load(transaction, keys)
            by_key = await loaded if isawaitable(loaded) else loaded
            found.update({Reference(name, key): record for key, record in by_key.items()})
        return found

    def tenant(self, reference: Reference, record: object) -> object:
        """Whose a record is; None where its type has no tenant."""
        tenant_of = self.get(reference.type).tenant_of
        return None if tenant_of is None else tenant_of(record)


def _keys(references: Iterable[Reference]) -> dict[str, list[str]]:
    """The keys of each type."""
    keys: dict[str, list[str]] = {}
    for reference in references:
        keys.setdefault(reference.type, []).append(reference.key)
    return keys
