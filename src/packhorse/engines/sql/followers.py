"""`Turns.release_followers`, and the counting of batches: what follows from the ends of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from packhorse.engines.sql.base import Command
from packhorse.engines.sql.batches import SqlBatches, news_in
from packhorse.engines.sql.documents import list_document
from packhorse.engines.sql.turns import SqlTurns, Turn, turns_document
from packhorse.statement import Row, Transaction


class SqlFollowers(SqlTurns, SqlBatches):
    """What one at a time does with the news of ends, in one transaction."""

    def release_followers(self, limit: int) -> int:
        with self._transaction() as transaction:
            run = partial(self._run, transaction)
            if not run(_lead_followers()):
                return 0
            settled = self._hear(transaction, limit)
            run(_await_jobs(limit))
            released = [row[0] for row in run(_release_followers(limit))]
            if released:
                run(_forget_dependencies(released))
            hopeless = run(_list_hopeless_followers(limit))
            run(_rest_followers(limit))
        for id, on_id in hopeless:
            why = f"it waited for the success of job {on_id}, which was given up"
            self.cancel_jobs([id], by="packhorse", why=why, running=False)
        return settled + len(released) + len(hopeless)

    def count_batches(self, limit: int) -> int:
        with self._transaction() as transaction:
            return self._hear(transaction, limit) if self._run(transaction, _lead_followers()) else 0

    def _hear(self, transaction: Transaction, limit: int) -> int:
        """Take the news: have followers and keys looked at again, and count in batches; how much was counted."""
        run = partial(self._run, transaction)
        heard = run(_hear_ends(limit))
        if not heard:
            return 0
        news = news_in(heard)
        run(_look_again(news.jobs))
        run(_wake_turns(_turns_in(heard)))
        installation = self.installation_id()
        return self._count(run, lambda jobs: self._store_in(transaction.run, jobs, installation), news, limit)


def _hear_ends(limit: int) -> Command:
    return Command("hear_ends", {"limit": limit})


def _lead_followers() -> Command:
    return Command("lead_followers")


def _look_again(ids: Sequence[int]) -> Command:
    return Command("look_again", {"ids": list_document(ids)})


def _await_jobs(limit: int) -> Command:
    return Command("await_jobs", {"limit": limit})


def _release_followers(limit: int) -> Command:
    return Command("release_followers", {"limit": limit})


def _forget_dependencies(ids: Sequence[int]) -> Command:
    return Command("forget_dependencies", {"ids": list_document(ids)})


def _list_hopeless_followers(limit: int) -> Command:
    return Command("list_hopeless_followers", {"limit": limit})


def _rest_followers(limit: int) -> Command:
    return Command("rest_followers", {"limit": limit})


def _turns_in(heard: Sequence[Row]) -> list[Turn]:
    serial = {Turn("serial", "", row[2]) for row in heard if row[2] is not None}
    return sorted(serial | {Turn("group", row[1], row[3]) for row in heard if row[3] is not None})


def _wake_turns(turns: Sequence[Turn]) -> Command:
    return Command("wake_turns", {"turns": turns_document(turns)})
