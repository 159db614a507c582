"""On whose behalf a job is enqueued and runs: the tenant, the user, the role and what the application adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from packhorse.domain.strictjson import Refusal, check_json, check_texts, read_json
from packhorse.errors import PayloadError, UsageError

Id = str | int | None
"""What names a tenant, a user or a role; None is nobody."""

ACTING_KEY: Final = "packhorse.acting"
"""Where it stands in a job's `meta`; nobody else may use it."""

_IDS: Final = ("tenant", "organisation", "user", "role", "process", "creator")
_ID_TYPES: Final = (NoneType, str, int)


class Acting(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf something is done.

    Attributes:
        tenant: whose data it is about.
        organisation: the part of the tenant.
        user: who does it, or has it done.
        role: the role in which the user does it.
        process: the process of the application that it belongs to, such as a run of a report.
        creator: who counts as the user of a job that was enqueued without one.
        extra: what the application adds, plain JSON values by name.

    Raises:
        UsageError: one of them is neither a text nor a whole number nor None; or `extra` is no mapping.
    """

    tenant: Id = None
    organisation: Id = None
    user: Id = None
    role: Id = None
    process: Id = None
    creator: Id = None
    extra: Mapping[str, Any] = {}

    def __post_init__(self) -> None:
        for name in _IDS:
            if type(value := getattr(self, name)) not in _ID_TYPES:
                raise UsageError(f"{name} must be a text, a whole number or None, not {type(value).__qualname__}")
        if not isinstance(self.extra, Mapping):
            raise UsageError(f"extra must be a mapping of JSON values, not {type(self.extra).__qualname__}")


NOBODY: Final = Acting()
"""Of whatever nobody is known to have asked for."""

RolesOf = Callable[[Acting], Iterable[Id]]
"""Gives the roles that are valid for a user, the first one to be taken."""


def meta_of(acting: Acting) -> dict[str, Any] | None:
    """What a job's `meta` holds of it; None where there is nothing.

    Raises:
        PayloadError: something in `extra` would not survive.
    """
    tree: dict[str, Any] = {name: value for name in _IDS if (value := getattr(acting, name)) is not None}
    if acting.extra:
        tree["extra"] = dict(acting.extra)
    try:
        check_json(tree)
        check_texts(tree)
    except Refusal as refusal:
        raise refusal.at("acting") from refusal.__cause__
    return {ACTING_KEY: tree} if tree else None


def acting_in(meta: str | None) -> Acting:
    """On whose behalf a job with this `meta` was enqueued.

    Raises:
        PayloadError: it can't be read; it is never taken for nobody then.
    """
    if meta is None:
        return NOBODY
    try:
        tree = read_json(meta)
        if not isinstance(tree, dict):
            raise Refusal("is no JSON object")
        return msgspec.convert(tree[ACTING_KEY], Acting) if ACTING_KEY in tree else NOBODY
    except Refusal as refusal:
        raise refusal.at("the job's meta") from refusal.__cause__
    except msgspec.ValidationError as error:
        raise PayloadError(f"on whose behalf the job was enqueued can't be read: {error}") from error


def completed(acting: Acting, roles_of: RolesOf | None) -> Acting:
    """As a handler sees it: the user is the creator where there was none, the role the user's first one."""
    if acting.user is None and acting.creator is not None:
        acting = replace(acting, user=acting.creator)
    if acting.role is None and acting.user is not None and roles_of is not None:
        acting = replace(acting, role=next(iter(roles_of(acting)), None))
    return acting
