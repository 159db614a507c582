"""Many jobs in one transaction: by COPY, which costs the server half of an INSERT, and runs while more are prepared.

COPY returns no ids, so some are taken from the sequence before; those that are left over are never used.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import psycopg

from packhorse.domain.job import NewJob
from packhorse.engines.sql.documents import unstorable

MOST_COPIED = 20_000
"""How many jobs one COPY stores at most, unless one parcel has more."""
MOST_BYTES = 4 * 1024 * 1024
"""After how many bytes a COPY ends: a server may be far away, and a statement may run only so long."""


class Reserved(NamedTuple):
    """What must be known before a COPY begins."""

    ids: Iterator[int]
    moment: str
    """The database's now, in the one form that every server reads alike."""


class Bulk:
    """Stores parcels of jobs on a connection, in its open transaction.

    Args:
        connection: where; its encoding is UTF-8.
        copy: the COPY statement.
        seconds: after how long a COPY ends; its time includes that in which parcels are prepared.
        reserve: takes so many ids.
        insert: stores jobs by a statement; for those that have a time of their own, which only the database can tell
            from its now.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        copy: str,
        seconds: float,
        reserve: Callable[[int], Reserved],
        insert: Callable[[Sequence[NewJob]], list[int]],
    ) -> None:
        self._connection = connection
        self._copy = copy.encode()
        self._seconds = seconds
        self._reserve = reserve
        self._insert = insert

    def store(self, parcels: Iterable[Sequence[NewJob]], count: int) -> list[int]:
        """Store `count` jobs; their ids, in order. The parcels are taken one by one."""
        ids, waiting = list[int](), (parcel for parcel in parcels if parcel)
        parcel = next(waiting, ())
        while parcel:
            if _are_plain(parcel):
                parcel = self._copy_some(parcel, waiting, ids, count - len(ids))
            else:
                ids += self._insert(parcel)
                parcel = next(waiting, ())
        return ids

    def _copy_some(
        self, parcel: Sequence[NewJob], waiting: Iterator[Sequence[NewJob]], ids: list[int], left: int
    ) -> Sequence[NewJob]:
        """Copy this parcel and what follows it, as far as one COPY goes; the parcel that is next."""
        room, size = max(min(left, MOST_COPIED), len(parcel)), 0
        free, moment = self._reserve(room)
        ends_at = time.monotonic() + self._seconds
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            while len(parcel) <= room and size < MOST_BYTES and time.monotonic() < ends_at:
                taken = list(islice(free, len(parcel)))
                lines = _lines(taken, parcel, moment)
                copy.write(lines)
                ids += taken
                room, size = room - len(parcel), size + len(lines)
                parcel = next(waiting, ())
                if not parcel or not _are_plain(parcel):
                    break
        return parcel


def _are_plain(parcel: Sequence[NewJob]) -> bool:
    return all(job.is_plain for job in parcel)


def _lines(ids: Sequence[int], jobs: Sequence[NewJob], moment: str) -> bytes:
    """The jobs in COPY's text format (https://www.postgresql.org/docs/current/sql-copy.html)."""
    text = "".join(
        f"{id}\t{_name(job.task)}\t{_name(job.queue)}\tavailable\t{job.priority:d}\t{moment}\t{moment}"
        f"\t{_text(job.args)}\t{_nullable(job.kwargs)}\t{_nullable(job.meta)}"
        f"\t{_NULL if job.max_attempts is None else job.max_attempts}\n"
        for id, job in zip(ids, jobs, strict=True)
    )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise unstorable(error) from None


def _nullable(text: str | None) -> str:
    return _NULL if text is None else _text(text)


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


_NULL = r"\N"
_name = functools.lru_cache(maxsize=256)(_text)
