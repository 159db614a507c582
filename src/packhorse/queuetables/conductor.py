"""A worker's own runs of a processor: one after the other while there are rows, and a look now and then."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from packhorse.domain.queuetable import RowRun
from packhorse.errors import ConfigurationError
from packhorse.queuetables.balance import Balance
from packhorse.queuetables.finding import Finder
from packhorse.queuetables.lanes import Lanes, Totals
from packhorse.queuetables.processor import Dials, QueueProcessor
from packhorse.queuetables.work import RowRunner
from packhorse.rowstore import RowTable
from packhorse.runtime.side import Place, SideService

log: logging.Logger = logging.getLogger("packhorse.worker")

SHORTEST_POLL, LONGEST_POLL = 0.01, 0.08
"""Seconds between two looks where no wake-up comes: longer from look to look that finds nothing."""
LOOK_SECONDS = 1.0
"""How often a pause and the settings are looked at while there are rows."""
NOTE_SECONDS = 1.0
"""How often it is noted how the runs end."""
MOST_COUNTED = 10_000
"""Rows are counted up to this to set the dials: more make no difference."""
UNBOUND_SECONDS = 5.0
"""How long to wait where the table is not there."""
PRUNE_SECONDS, PRUNED_AT_ONCE = 60.0, 2_000
WEEK, MONTH = timedelta(days=7), timedelta(days=30)


class Conductor(SideService):
    """Runs a processor in a worker process whenever its table has rows.

    Args:
        processor: which one.
        place: where it runs.
        is_first: whether it works on the table when nobody has chosen another one.
    """

    interval: float = 1.0

    def __init__(self, processor: QueueProcessor[Any], place: Place, *, is_first: bool) -> None:
        super().__init__()
        self._is_first = is_first
        self._is_chosen = is_first
        self.name: str = f"processor {processor.name}"
        self._processor = processor
        self._place = place
        self._engine = place.runner.engine
        self._table: RowTable | None = None
        self._lanes: Lanes | None = None
        self._poll = SHORTEST_POLL
        self._dials = processor.dials
        self._balance = Balance(processor.dials)
        self._is_balanced = processor.is_balanced
        self._revision = -1
        self._keep = (WEEK, WEEK, MONTH)
        self._noted_at = 0.0
        self._unnoted = Totals()
        self._prune_at = 0.0

    @property
    def running(self) -> int:
        """How many transactions are open at this moment."""
        return 0 if self._lanes is None else self._lanes.running

    def run_once(self) -> float | None:
        """Look, and work while there are rows; seconds until the next look."""
        if self._table is None:
            try:
                self._table = self._bound()
            except ConfigurationError as error:
                log.warning("%s does not run: %s", self.name, error)
                return UNBOUND_SECONDS
        look = self._table.look_rows(self._processor.queue)
        if look.revision != self._revision:
            self._learn(look.revision)
        if look.has_condemned:
            self._table.quarantine_rows(self._place.name)
        self.is_drained: bool = not look.has_rows or look.is_paused or not self._is_chosen
        if look.is_paused or self.is_quiet or not self._is_chosen:
            return self.interval
        worked = self._work(self._table) if look.has_rows else 0
        if self._is_balanced and not look.has_rows:
            self._tune(self._table)
        self._tidy(self._table)
        if worked:
            self._poll = SHORTEST_POLL
            return 0.0
        return self._pause(look.due_in)

    def close(self) -> None:
        """End the lanes."""
        if self._lanes is not None:
            self._lanes.close()

    def _bound(self) -> RowTable:
        table = self._processor.table.bind(self._engine)
        table.declare_processor(self._processor.name, self._processor.queue)
        place, runner = self._place, self._place.runner
        self._lanes = Lanes(
            self._processor,
            table,
            runner,
            RowRunner(self._processor, table, runner, worker=place.worker, name=place.name),
            Finder(place.worker, is_batch=self._processor.is_batch, open_limit=self._processor.open_limit),
            is_stopping=lambda: self.is_stopping or self.is_quiet,
            is_lasting=True,
        )
        return table

    def _work(self, table: RowTable) -> int:
        """Runs, one after the other, until there are no rows or it is time to look; how many rows."""
        if self._lanes is None:
            raise AssertionError("a processor ran before its table was bound")
        until, worked = time.monotonic() + LOOK_SECONDS, 0
        while not self.is_stopping and not self.is_quiet:
            totals = self._lanes.run(self._balance.dials if self._is_balanced else self._dials)
            worked += totals.done + totals.failed
            self._count(totals)
            if self._is_balanced:
                self._balance.count(totals)
                self._tune(table)
            if totals.leaves:
                table.quarantine_rows(self._place.name)
            if totals.is_dry or time.monotonic() >= until:
                break
        return worked

    def _learn(self, revision: int) -> None:
        """Read what operators and the code say of the queue."""
        [*found] = self._engine.list_queue_settings(self._processor.queue)
        settings = found[0].settings if found else None
        chosen = settings.processor if settings is not None else None
        self._is_chosen = self._is_first if chosen is None else chosen == self._processor.name
        declared = self._processor.dials
        self._dials = Dials(
            batch_size=(settings and settings.batch_size) or declared.batch_size,
            parallelism=(settings and settings.slots) or declared.parallelism,
        )
        balanced = settings.load_balanced if settings is not None else None
        was_balanced, self._is_balanced = (
            self._is_balanced,
            self._processor.is_balanced if balanced is None else balanced,
        )
        if self._is_balanced and not was_balanced:
            self._balance = Balance(self._dials)
        if settings is not None:
            self._keep = (
                WEEK if settings.keep_succeeded is None else settings.keep_succeeded,
                WEEK if settings.keep_cancelled is None else settings.keep_cancelled,
                MONTH if settings.keep_failed is None else settings.keep_failed,
            )
        self._revision = revision

    def _tune(self, table: RowTable) -> None:
        """Set the dials by what the last runs came to, and say why."""
        if not self._balance.is_time():
            return
        if reason := self._balance.tune(table.count_rows(MOST_COUNTED).waiting):
            log.info("%s: %s", self.name, reason)

    def _count(self, totals: Totals) -> None:
        self._unnoted.done += totals.done
        self._unnoted.failed += totals.failed
        self._unnoted.busy += totals.busy
        self._unnoted.error = totals.error or self._unnoted.error

    def _tidy(self, table: RowTable) -> None:
        """Note how the runs ended, and forget what was kept for long enough; both now and then."""
        now, noted = time.monotonic(), self._unnoted
        if noted.done + noted.failed and now - self._noted_at >= NOTE_SECONDS:
            run = RowRun(processor=self._processor.name, worker=self._place.name, seconds=noted.busy)
            table.note_row_run(run, noted.done, noted.failed, noted.error)
            self._unnoted, self._noted_at = Totals(), now
        if now >= self._prune_at:
            pruned = table.prune_rows(*self._keep, PRUNED_AT_ONCE)
            self._prune_at = now + (0.0 if pruned >= PRUNED_AT_ONCE else PRUNE_SECONDS)

    def _pause(self, due_in: timedelta | None) -> float:
        self._poll = min(self._poll * 1.5, LONGEST_POLL)
        is_woken = self._processor.table.notify or not self._engine.features.notifications
        pause = self.interval if is_woken and self._place.hears() else self._poll
        return pause if due_in is None else max(0.0, min(pause, due_in.total_seconds()))
