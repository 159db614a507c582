"""The acker: sends acknowledgements in batches, as soon as the one before is through, and never loses one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from msgspec.structs import replace

from packhorse.domain.decide import Ack
from packhorse.domain.outcome import ErrorInfo
from packhorse.domain.state import JobState
from packhorse.errors import DatabaseBusy, DatabaseError, DatabaseFull, DatabaseReadOnly, DatabaseUnreachable
from packhorse.runtime.report import report_lost
from packhorse.runtime.service import Service
from packhorse.runtime.tally import Meter
from packhorse.runtime.withdrawal import AckStore, send_acks

log: logging.Logger = logging.getLogger("packhorse.worker")

LARGEST_BATCH = 1000
GOOD_BATCH = 500
"""With this many there is no point in letting more gather."""
LINGER_SECONDS = 0.008
"""For how long acks gather while other jobs wait to be run; an ack goes out within 20 ms."""
FULL = 2000
"""With this many waiting, the producer claims nothing more."""
PASSING = (DatabaseUnreachable, DatabaseBusy, DatabaseFull, DatabaseReadOnly)
"""Trouble that is not the ack's own fault: the batch is sent again."""


class Acker(Service):
    """Collects acks and sends them in batches.

    At low load each goes out at once; while jobs wait to be run, those of a few milliseconds go together: a message
    costs as much as a hundred acks. A batch that could not be sent is sent again until it is through; the lease makes
    that harmless.
    """

    name: str = "acker"
    interval: float = 1.0

    def __init__(
        self, store: AckStore, idle: Callable[[], None], is_more_coming: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__()
        self._store = store
        self._idle = idle
        self._is_more_coming = is_more_coming
        self._lock = threading.Condition()
        self._gathered = threading.Event()
        self._waiting: list[Ack] = []
        self._sending: list[Ack] = []
        self._resent = False
        self.on_turns: Callable[[], None] = lambda: None
        """Called when jobs that waited for others may have become available."""
        self.meter: Meter = Meter()

    def put(self, ack: Ack, each: bool = False) -> None:
        """Take an ack; with `each`, return only when it is stored."""
        if each and self._send_alone(ack):
            return
        self._waiting.append(ack)
        if len(self._waiting) == GOOD_BATCH:
            self._gathered.set()
        self.wake()

    def is_idle(self) -> bool:
        """Whether every ack is through."""
        return not self._waiting and not self._sending

    def job_ids(self) -> frozenset[int]:
        """The jobs whose acks are not through."""
        with self._lock:
            return frozenset(ack.job_id for ack in (*self._waiting, *self._sending))

    def is_full(self) -> bool:
        """Whether so many are waiting that nothing more should be claimed."""
        return len(self._waiting) >= FULL

    def flush(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until every ack is through; whether they are."""
        until = time.monotonic() + timeout
        with self._lock:
            while not self.is_idle():
                if not self._lock.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    return False
        return True

    def run_once(self) -> float | None:
        """Send what has gathered, and first let more gather while more is sure to come."""
        if self._waiting and self._is_more_coming():
            self._gathered.wait(LINGER_SECONDS)
        with self._lock:
            if not self._sending:
                self._sending = self._waiting[:LARGEST_BATCH]
                del self._waiting[:LARGEST_BATCH]
                self._gathered.clear()
        if self._sending:
            self._send()
        return 0.0 if self._waiting else None

    def _send(self) -> None:
        try:
            with self.meter.measured():
                accepted = send_acks(self._store, self._sending)
        except PASSING:
            self._resent = True
            raise
        except Exception:
            log.exception("a batch of acknowledgements was refused; they are sent one by one")
            accepted = self._store_each()
        self._sent(accepted)

    def _sent(self, accepted: set[int]) -> None:
        for ack in self._sending:
            if ack.job_id not in accepted and ack.outcome != "unstarted" and not self._resent:
                report_lost(ack.job_id)
        lets_others_on = any(ack.lets_others_on for ack in self._sending)
        with self._lock:
            self._sending, self._resent = [], False
            self._lock.notify_all()
        self._idle()
        if lets_others_on:
            self.on_turns()

    def _send_alone(self, ack: Ack) -> bool:
        try:
            if not send_acks(self._store, [ack]):
                report_lost(ack.job_id)
            if ack.lets_others_on:
                self.on_turns()
        except Exception as error:
            if not isinstance(error, DatabaseError):
                log.exception("the acknowledgement of job %d was refused", ack.job_id)
            return False
        return True

    def _store_each(self) -> set[int]:
        """Store a refused batch one by one; after trouble on the way, its first ones are sent again."""
        was_resent, self._resent = self._resent, True
        accepted = {ack.job_id for ack in self._sending if self._store_one(ack)}
        self._resent = was_resent
        return accepted

    def _store_one(self, ack: Ack) -> bool:
        """Store one ack of a refused batch; what can't be stored as it is becomes a failure that says so."""
        try:
            return bool(send_acks(self._store, [ack]))
        except PASSING:
            raise
        except Exception as error:
            log.exception("the acknowledgement of job %d was refused", ack.job_id)
            return bool(send_acks(self._store, [_unstorable(ack, error)]))


def _unstorable(ack: Ack, error: Exception) -> Ack:
    info = ErrorInfo(
        "UnstorableOutcome", f"how the run ended ({ack.outcome}) could not be stored: {type(error).__name__}"
    )
    return replace(ack, state=JobState.FAILED, outcome="fail", delay=None, reason=None, result=None, error=info)
