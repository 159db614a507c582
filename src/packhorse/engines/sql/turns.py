"""`Turns`: who is next of those that wait for one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from packhorse.domain.decide import Ack
from packhorse.engines.sql.base import Command, Params
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.operations import SqlOperations
from packhorse.statement import Row, Statement, Transaction
from packhorse.turns import Admitted

FAIR_WINDOW = 32
"""How many jobs of each group are let into a fair queue ahead: what a newcomer may find before it, for each group."""
MOST_PROMOTED = 1000


class Turn(NamedTuple):
    """A key whose jobs take turns."""

    scope: str
    queue: str
    key: str


class SqlTurns(SqlOperations):
    """`packhorse.turns.Turns` by statements."""

    def admit_jobs(self, limit: int) -> Admitted:
        transaction = self.begin()
        admitted = Admitted(0, 0)
        try:
            turns = [Turn(*row) for row in self._run(transaction, Command("take_turns", {"limit": limit}))]
            if turns:
                document = turns_document(turns)
                placed = self._run(transaction, Command("place_jobs", {"turns": document, "limit": limit}))
                let_on = self._run(transaction, promotion(turns, document, "told"))
                admitted = Admitted(len(placed), len(let_on))
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()
        return admitted

    def release_followers(self, limit: int) -> int:
        transaction = self.begin()
        params: Params = {"limit": limit}
        try:
            if heard := self._run(transaction, Command("hear_ends", params)):
                self._run(transaction, Command("look_again", {"ids": list_document(row[0] for row in heard)}))
                self._run(transaction, Command("wake_turns", {"turns": turns_document(_turns_in(heard))}))
            self._run(transaction, Command("await_jobs", params))
            released = [row[0] for row in self._run(transaction, Command("release_followers", params))]
            if released:
                self._run(transaction, Command("forget_dependencies", {"ids": list_document(released)}))
            hopeless = self._run(transaction, Command("list_hopeless_followers", params))
            self._run(transaction, Command("rest_followers", params))
        except BaseException:
            transaction.rollback()
            raise
        transaction.commit()
        for id, on_id in hopeless:
            self.cancel_jobs([id], why=f"it waited for the success of job {on_id}, which was given up", running=False)
        return len(released)

    def _run(self, transaction: Transaction, command: Command) -> list[Row]:
        texts = self._statements.get(command.name, *command.options)
        return [row for text in texts for row in transaction.run(Statement(text, command.params))]


def turns_of(acks: Iterable[Ack]) -> list[Turn]:
    """The keys whose next jobs may go on when these acks are through, in the one order in which they are locked."""
    return sorted({Turn(*turn) for ack in acks for turn in ack.turns})


def settled(commands: Sequence[Command], acks: Sequence[Ack]) -> list[Command]:
    """The commands that record these acks, with what lets the next jobs of their keys go on."""
    turns = turns_of(acks)
    if not turns:
        return list(commands)
    document = turns_document(turns)
    started = [ack.job_id for ack in acks if ack.turns and ack.outcome != "unstarted"]
    log = (
        [Command("log_starts", {"ids": list_document(started)})] if any(turn.scope == "group" for turn in turns) else []
    )
    return [*log, *commands, Command("lock_turns", {"turns": document}), promotion(turns, document)]


def promotion(turns: Sequence[Turn], document: str, *options: str) -> Command:
    """What lets the next jobs of these keys go on, which are locked."""
    if any(turn.scope == "group" for turn in turns):
        params: Params = {"turns": document, "limit": MOST_PROMOTED, "window": FAIR_WINDOW}
        return Command("promote_jobs", params, (*options, "groups"))
    return Command("promote_jobs", {"turns": document}, options)


def _turns_in(heard: Sequence[Row]) -> list[Turn]:
    serial = {Turn("serial", "", row[2]) for row in heard if row[2] is not None}
    return sorted(serial | {Turn("group", row[1], row[3]) for row in heard if row[3] is not None})


def turns_document(turns: Sequence[Turn]) -> str:
    """Keys as a JSON array."""
    return msgspec.json.encode([turn._asdict() for turn in turns]).decode()
