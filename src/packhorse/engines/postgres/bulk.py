"""Many jobs in one transaction: by COPY, which costs the server half of an INSERT, and runs while more are prepared.

COPY returns no ids, so some are taken from the sequence before; those that are left over are never used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import psycopg

from packhorse.domain.job import NewJob
from packhorse.errors import PayloadError

MOST_COPIED = 20_000
"""How many jobs one COPY stores at most, as a statement may run only so long."""


class Reserved(NamedTuple):
    """What must be known before a COPY begins."""

    ids: Iterator[int]
    moment: str
    """The database's now, in the one form that every server reads alike."""


class Bulk:
    """Stores parcels of jobs on a connection, in its open transaction.

    Args:
        connection: where.
        copy: the COPY statement.
        reserve: takes so many ids.
        insert: stores jobs by a statement; for those that have a time of their own, which only the database can tell
            from its now.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        copy: str,
        reserve: Callable[[int], Reserved],
        insert: Callable[[Sequence[NewJob]], list[int]],
    ) -> None:
        self._connection = connection
        self._copy = copy.encode()
        self._reserve = reserve
        self._insert = insert

    def store(self, parcels: Iterable[Sequence[NewJob]], count: int) -> list[int]:
        """Store `count` jobs; their ids, in order. The parcels are taken one by one."""
        ids, waiting = list[int](), iter(parcels)
        parcel = next(waiting, ())
        while parcel:
            if _are_wanted_at_once(parcel):
                parcel = self._copy_some(parcel, waiting, ids, max(count - len(ids), len(parcel)))
            else:
                ids += self._insert(parcel)
                parcel = next(waiting, ())
        return ids

    def _copy_some(
        self, parcel: Sequence[NewJob], waiting: Iterator[Sequence[NewJob]], ids: list[int], left: int
    ) -> Sequence[NewJob]:
        """Copy this parcel and what follows it, as far as one COPY goes; the parcel that is next."""
        room = max(min(left, MOST_COPIED), len(parcel))
        free, moment = self._reserve(room)
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            while parcel and len(parcel) <= room and _are_wanted_at_once(parcel):
                taken = list(islice(free, len(parcel)))
                copy.write(_lines(taken, parcel, moment))
                ids += taken
                room -= len(parcel)
                parcel = next(waiting, ())
        return parcel


def _are_wanted_at_once(parcel: Sequence[NewJob]) -> bool:
    return all(job.is_wanted_at_once for job in parcel)


def _lines(ids: Sequence[int], jobs: Sequence[NewJob], moment: str) -> str:
    """The jobs in COPY's text format (https://www.postgresql.org/docs/current/sql-copy.html)."""
    text = "".join(
        f"{id}\t{_name(job.task)}\t{_name(job.queue)}\tavailable\t{job.priority}\t{moment}\t{moment}"
        f"\t{_text(job.args)}\t{_nullable(job.kwargs)}\t{_nullable(job.meta)}"
        f"\t{_NULL if job.max_attempts is None else job.max_attempts}\n"
        for id, job in zip(ids, jobs, strict=True)
    )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PayloadError("a job's text holds a lone surrogate; it can't be stored") from None
    return text


def _nullable(text: str | None) -> str:
    return _NULL if text is None else _text(text)


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


_NULL = r"\N"
_name = functools.lru_cache(maxsize=256)(_text)
