"""What handlers log, and how far they are, on its way into the database: bounded, gathered, and in nobody's way.

A line waits in memory until a batch goes out, over a connection of its own and in its own short transaction: so it
survives the handler's rollback; and while the database is away, or an atomic handler has the only write lock, lines
wait and handlers go on. What does not fit is dropped, and counted in a line that stands where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from packhorse.context import find_current
from packhorse.domain.job import ClaimedJob
from packhorse.domain.joblog import NewLine, NewProgress
from packhorse.errors import DatabaseError
from packhorse.journal import JOB_LOGGER, LONGEST_NOTE, Journal, RunJournal, text_of
from packhorse.runtime.acker import PASSING
from packhorse.runtime.report import storable
from packhorse.runtime.service import Service

log: logging.Logger = logging.getLogger("packhorse.worker")

MOST_LINES, MOST_TEXT = 1_000, 256 * 1024
"""Lines, and characters in them, that are kept of each attempt: the first ones."""
LONGEST_LOGGER = 200
"""Characters kept of a logger's name."""
MOST_WAITING, MOST_WAITING_TEXT = 10_000, 16 * 1024 * 1024
"""Lines, and characters in them, that wait in memory at most; then the oldest are dropped."""
GOOD_BATCH, GOOD_BATCH_TEXT = 500, 512 * 1024
"""With this much a batch goes out: one statement. As many reports of progress go with it."""
USUAL_WAIT, SHORTEST_WAIT = 0.5, 0.1
"""Seconds from a line to its batch; and from one batch to the next when a run has ended, whose lines go out soon."""
OWN = "packhorse."
"""Our own loggers: what they say is about the worker. Lines of `ctx.log` come here directly."""

Store = Callable[[Sequence[NewLine], Sequence[NewProgress]], None]
Attempt = tuple[int, int]
"""A job and the number of its run."""


def now_us() -> int:
    """Microseconds since 1970, by this machine's clock."""
    return time.time_ns() // 1000


class RunLog:
    """`packhorse.journal.RunJournal`: what one run says, within its bounds."""

    def __init__(self, job: ClaimedJob, writer: JobLogWriter) -> None:
        self._attempt: Attempt = (job.id, job.attempt)
        self._writer = writer
        self._lock = threading.Lock()
        self._lines = self._text = self._sequence = self._dropped = 0
        self._full_at: int | None = None
        self._done = 0.0

    def line(self, level: int, logger: str, message: str) -> None:
        """Take a line, or count it if the log is full."""
        if self._full_at is None and (line := self._numbered(level, storable(logger[:LONGEST_LOGGER]), message)):
            self._writer.add(line)
        else:
            self._drop()

    def progress(self, done: float, total: float | None, note: str | None) -> None:
        """Take how far it has come; never less than before."""
        with self._lock:
            self._done = max(self._done, float(done))
            text = None if note is None else storable(note[:LONGEST_NOTE])
            self._writer.report(NewProgress(*self._attempt, self._done, None if total is None else float(total), text))

    def close(self) -> None:
        """Let the rest be stored soon."""
        self._writer.hurry()

    def remark(self) -> NewLine:
        """The line that stands where the log is full, with the count of now."""
        assert self._full_at is not None  # noqa: S101 - asked only of a log that is full
        more = f"{self._dropped:,} more lines" if self._dropped > 1 else "one more line"
        kept = f"{MOST_LINES:,} lines or {MOST_TEXT:,} characters of each attempt are kept"
        text = f"the log is full, {more} dropped: {kept}"
        return NewLine(*self._attempt, self._full_at, logging.WARNING, JOB_LOGGER, text)

    def _numbered(self, level: int, logger: str, message: str) -> NewLine | None:
        """The line with its place; None when it does not fit any more."""
        text = storable(message)
        with self._lock:
            self._sequence = max(self._sequence + 1, now_us())
            if self._lines == MOST_LINES or self._text + len(text) > MOST_TEXT:
                self._full_at = self._full_at or self._sequence
                return None
            self._lines += 1
            self._text += len(text)
            return NewLine(*self._attempt, self._sequence, level, logger, text)

    def _drop(self) -> None:
        with self._lock:
            self._dropped += 1
        self._writer.full(self)


class JobLogWriter(Service):
    """Gathers what runs say and stores it in batches. `packhorse.journal.Journal` for a whole worker.

    It sleeps while nothing is said. A batch that could not be sent is sent again until it is through, which its keys
    make harmless.

    Args:
        store: stores a batch; `JobLog.write_log` of an engine, or a pipe to the worker.
        wait: seconds from a line to its batch at most.
    """

    name: str = "job log"
    interval: float = 3600.0

    def __init__(self, store: Store, wait: float = USUAL_WAIT) -> None:
        super().__init__()
        self._store = store
        self._wait = wait
        self._lock = threading.Condition()
        self._lines: deque[NewLine] = deque()
        self._text = 0
        self._gaps: dict[Attempt, NewLine] = {}
        self._lost: dict[Attempt, int] = {}
        self._full: set[RunLog] = set()
        self._reports: dict[int, NewProgress] = {}
        self._sending: tuple[list[NewLine], list[NewProgress]] | None = None
        self._due: float | None = None
        self._last_sent = 0.0

    def open(self, job: ClaimedJob) -> RunLog:
        """A journal for one run."""
        return RunLog(job, self)

    def add(self, *lines: NewLine) -> None:
        """Take lines."""
        with self._lock:
            for line in lines:
                self._lines.append(line)
                self._text += len(line.message)
            while len(self._lines) > MOST_WAITING or self._text > MOST_WAITING_TEXT:
                self._lose(self._lines.popleft())
            is_batch = len(self._lines) >= GOOD_BATCH or self._text >= GOOD_BATCH_TEXT
            self._expect(0.0 if is_batch else self._wait)

    def report(self, *reports: NewProgress) -> None:
        """Take how far runs have come, in place of what each said before."""
        with self._lock:
            self._reports.update({report.job_id: report for report in reports})
            self._expect(0.0 if len(self._reports) >= GOOD_BATCH else self._wait)

    def take_over(self, lines: Sequence[NewLine], reports: Sequence[NewProgress]) -> None:
        """Take what a child process has gathered."""
        self.add(*lines)
        self.report(*reports)

    def full(self, run: RunLog) -> None:
        """Take note that a run's log has dropped a line."""
        if run not in self._full:
            with self._lock:
                self._full.add(run)
                self._expect(self._wait)

    def hurry(self) -> None:
        """A run has ended: send what there is soon."""
        with self._lock:
            if self._has_something():
                self._expect(max(0.0, min(SHORTEST_WAIT, self._wait) - (time.monotonic() - self._last_sent)))

    def flush(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until all that was said is stored; whether it is."""
        until = time.monotonic() + timeout
        with self._lock:
            while self._has_something():
                self._expect(0.0)
                if not self._lock.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    return False
        return True

    def drain(self) -> None:
        """Send all that was said, in this thread; where no thread of its own runs. What can't be sent is dropped."""
        with self._lock:
            if self._has_something():
                self._expect(0.0)
        try:
            self.run_once()
        except DatabaseError as error:
            self._sending = None
            log.warning("lines of jobs' logs could not be stored and are dropped: %s", error)

    def run_once(self) -> float | None:
        """Send what has gathered, once it is time."""
        while (pause := self._pause()) == 0.0:
            if self._sending is None:
                self._take()
            self._send()
        return pause

    def _pause(self) -> float | None:
        """Seconds until a batch is due; None when there is nothing."""
        with self._lock:
            if not self._has_something():
                self._due = None
                return None
            return 0.0 if self._due is None else max(0.0, self._due - time.monotonic())

    def _expect(self, seconds: float) -> None:
        """Have a batch go out in so many seconds at most; with the lock held."""
        due = time.monotonic() + seconds
        if self._due is None or due < self._due:
            self._due = due
            self.wake()

    def _has_something(self) -> bool:
        return bool(self._sending or self._lines or self._reports or self._full or self._gaps)

    def _lose(self, line: NewLine) -> None:
        """Drop a waiting line; another one in its place says how many were dropped."""
        self._text -= len(line.message)
        attempt = line.job_id, line.attempt
        self._lost[attempt] = lost = self._lost.get(attempt, 0) + 1
        text = f"{lost:,} lines up to here dropped: the database could not be reached for too long"
        self._gaps[attempt] = NewLine(*attempt, line.sequence, logging.WARNING, JOB_LOGGER, text)

    def _take(self) -> None:
        """Take a batch out of what waits."""
        with self._lock:
            lines = [*self._gaps.values(), *(run.remark() for run in self._full)]
            text = 0
            while self._lines and len(lines) < GOOD_BATCH and text < GOOD_BATCH_TEXT:
                line = self._lines.popleft()
                text += len(line.message)
                lines.append(line)
            self._text -= text
            reports = [self._reports.pop(job_id) for job_id in list(islice(self._reports, GOOD_BATCH))]
            self._sending = lines, reports
            self._gaps, self._lost, self._full = {}, {}, set()
            self._due = time.monotonic() if self._lines or self._reports else None

    def _send(self) -> None:
        lines, reports = self._sending or ([], [])
        try:
            self._store(lines, reports)
        except PASSING:
            raise
        except Exception:
            log.exception("%d lines of jobs' logs were refused and are dropped", len(lines))
        with self._lock:
            self._sending = None
            self._last_sent = time.monotonic()
            self._lock.notify_all()


class JobLogHandler(logging.Handler):
    """Gives each record that is made inside a run of this journal's worker to the job's log.

    Which run that is tells the context: of the handler's thread or coroutine, and of whatever starts in a copy of it.
    """

    def __init__(self, journal: Journal, level: int) -> None:
        super().__init__(level)
        self._journal = journal

    def handle(self, record: logging.LogRecord) -> bool:
        """Take the record, without the lock that handlers have: a run has one of its own."""
        context = find_current()
        if context is not None and context.journal is self._journal and not record.name.startswith(OWN):
            said: RunJournal = context.said
            said.line(record.levelno, record.name, text_of(record))
        self._stand_in(record)
        return True

    def install(self) -> None:
        """Listen to every logger. An application sets up its logging before, when it is imported."""
        logging.getLogger().addHandler(self)

    def remove(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self)

    def _stand_in(self, record: logging.LogRecord) -> None:
        """Where the application has set up no logging, let warnings go to standard error as without us."""
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and _is_alone(self):
            last.handle(record)


def _is_alone(handler: JobLogHandler) -> bool:
    """Whether it is the first of none but its own kind."""
    handlers = logging.getLogger().handlers
    return handlers[:1] == [handler] and all(isinstance(one, JobLogHandler) for one in handlers)
