"""`Turns`: who is next of those that wait for one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import msgspec

from packhorse.domain.decide import UNRUN, Ack
from packhorse.engines.sql.base import Command, Params
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.operations import SqlOperations
from packhorse.statement import Row
from packhorse.turns import Admitted

FAIR_WINDOW = 32
"""How many jobs of each group are let into a fair queue ahead: what a newcomer may find before it, for each group."""
MOST_PROMOTED = 1000


class Turn(NamedTuple):
    """A key whose jobs take turns."""

    scope: str
    queue: str
    key: str


FIRST = Turn("", "", "")
"""Before all others."""


class SqlTurns(SqlOperations):
    """`packhorse.turns.Turns` by statements, but for `release_followers`."""

    _forgotten_up_to: Turn = FIRST

    def admit_jobs(self, limit: int) -> Admitted:
        with self._settling() as run:
            taken = run(_take_turns(limit))
            if new := [Turn(*row[:3]) for row in taken if row[3] is None]:
                run(_make_turns(new))
                taken = run(_take_turns(limit))
            turns = sorted(Turn(*row[:3]) for row in taken if row[3] is not None)
            if not turns:
                return Admitted(0, 0)
            placed = run(_place_jobs(turns, limit, *(["late"] if any(row[3] for row in taken) else [])))
            keys, groups = _apart(turns)
            let_on = [row for command in _promote(keys, groups, "told") for row in run(command)]
            return Admitted(len(placed), len(let_on))

    def forget_turns(self, limit: int) -> int:
        list_turns = _list_turns(self._forgotten_up_to, limit)
        rows = self._read(list_turns.name, list_turns.params)
        self._forgotten_up_to = Turn(*rows[-1][:3]) if len(rows) == limit else FIRST
        idle = [Turn(*row[:3]) for row in rows if row[3]]
        if not idle:
            return 0
        with self._settling() as run:
            taken = [Turn(*row) for row in run(_take_idle_turns(idle))]
            return len(run(_forget_turns(taken))) if taken else 0

    @contextmanager
    def _settling(self) -> Iterator[Callable[[Command], list[Row]]]:
        """A transaction in which it is settled whose turn it is: what runs commands in it."""
        with self._transaction() as transaction:
            yield partial(self._run, transaction)


def settled(commands: Sequence[Command], acks: Sequence[Ack]) -> list[Command]:
    """The commands that record these acks, with what lets the next jobs of their keys go on.

    The keys are locked in one order, so that two batches never wait for each other in a circle.
    """
    keyed = [ack for ack in acks if ack.keys is not None]
    if not keyed:
        return list(commands)
    keys = sorted({key for ack in keyed if (key := ack.freed_key) is not None})
    groups = sorted({Turn("group", *group) for ack in keyed if (group := ack.freed_group) is not None})
    locking = [_lock_turns(groups)] if groups else []
    return [*_starts(keyed), *commands, *locking, *_promote(keys, groups)]


def announced(commands: Sequence[Command], ack: Ack) -> list[Command]:
    """The same for a handler's own transaction, whose snapshot may be too old to settle anything: others are told."""
    turns = [Turn("group", *ack.freed_group)] if ack.freed_group is not None else []
    turns += [Turn("serial", "", ack.freed_key)] if ack.freed_key is not None else []
    return [*_starts([ack]), *commands, *([_announce_ends(turns)] if turns else [])]


def _starts(acks: Sequence[Ack]) -> list[Command]:
    """What keeps the starts of jobs of groups in mind whose runs have ended."""
    ids: dict[int, list[int]] = {}
    for ack in acks:
        if ack.keys is not None and ack.keys[2] is not None and ack.outcome not in UNRUN:
            ids.setdefault(ack.lease.worker, []).append(ack.job_id)
    return [_log_starts(worker, ids[worker]) for worker in sorted(ids)]


def _take_turns(limit: int) -> Command:
    return Command("take_turns", {"limit": limit})


def _make_turns(turns: Sequence[Turn]) -> Command:
    return Command("make_turns", {"turns": turns_document(turns)})


def _place_jobs(turns: Sequence[Turn], limit: int, *options: str) -> Command:
    return Command("place_jobs", {"turns": turns_document(turns), "limit": limit}, options)


def _apart(turns: Sequence[Turn]) -> tuple[list[str], list[Turn]]:
    """Serial keys, and groups."""
    return [turn.key for turn in turns if turn.scope == "serial"], [turn for turn in turns if turn.scope == "group"]


def _promote(keys: Sequence[str], groups: Sequence[Turn], *options: str) -> list[Command]:
    """What lets the next jobs of these keys go on. Groups come first, as in the order in which keys are locked."""
    promoting = [_promote_groups(groups, options)] if groups else []
    return [*promoting, _promote_serial(keys, options)] if keys else promoting


def _promote_groups(groups: Sequence[Turn], options: tuple[str, ...]) -> Command:
    params: Params = {"turns": turns_document(groups), "limit": MOST_PROMOTED, "window": FAIR_WINDOW}
    return Command("promote_groups", params, options)


def _promote_serial(keys: Sequence[str], options: tuple[str, ...]) -> Command:
    return Command("promote_serial", {"names": list_document(keys)}, options)


def _lock_turns(turns: Sequence[Turn]) -> Command:
    return Command("lock_turns", {"turns": turns_document(turns)})


def _announce_ends(turns: Sequence[Turn]) -> Command:
    return Command("announce_ends", {"turns": turns_document(turns)})


def _log_starts(worker: int, ids: Sequence[int]) -> Command:
    return Command("log_starts", {"worker": worker, "ids": list_document(ids)})


def _list_turns(after: Turn, limit: int) -> Command:
    return Command("list_turns", {**after._asdict(), "limit": limit})


def _take_idle_turns(turns: Sequence[Turn]) -> Command:
    return Command("take_idle_turns", {"turns": turns_document(turns)})


def _forget_turns(turns: Sequence[Turn]) -> Command:
    return Command("forget_turns", {"turns": turns_document(turns)})


def turns_document(turns: Sequence[Turn]) -> str:
    """Keys as a JSON array."""
    return msgspec.json.encode([turn._asdict() for turn in turns]).decode()
