"""Hints on PostgreSQL: LISTEN on a connection of its own, if notifications are seen to arrive on it.

Nothing depends on them. Behind a transaction pooler there are none: LISTEN would stay on whichever server connection it
met, so it is not even tried there.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
import uuid
from collections.abc import Callable
from importlib.resources import files

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

log: logging.Logger = logging.getLogger("packhorse.worker")

TEST_SECONDS = 2.0
"""How long the self-test waits for its own notification."""
PING_SECONDS = 30.0
"""After how much silence the connection is asked whether it is still there.

Rarely, since it costs a message of every idle worker: one that is lost unseen delays a job by a look's interval only.
"""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between two tries to connect: doubled from the first to the longest."""
NETWORK_LIMIT = "5000"
"""Milliseconds after which an unanswered ping ends the connection."""

ADVICE = (
    "let workers connect to PostgreSQL itself or by a pooler in session mode, or say --no-notifications, and --poll "
    "for how often to look"
)

_ASK_BACKEND = (files("packhorse.notifiers") / "queries" / "ask_backend.sql").read_bytes()


class _Unheard(Exception):
    """A notification of our own did not arrive."""


class PostgresNotifier:
    """`packhorse.notifier.Notifier` on one channel.

    Args:
        conninfo: the driver's connection string.
        channel: the channel on which the producers' hints go out.
    """

    def __init__(self, conninfo: str, channel: str) -> None:
        self._conninfo = conninfo
        self._channel = channel
        self._is_stopping = False
        self._is_warned = False
        self._thread: threading.Thread | None = None
        self._stop_end, self._stop_start = os.pipe()

    def listen(self, wake: Callable[[], None]) -> None:
        """Begin to call `wake`, from a thread of its own: once as soon as notifications arrive, and at each of them."""
        self._thread = threading.Thread(target=self._run, args=(wake,), name="packhorse-notifier", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop calling. Returns when no call is under way any more."""
        if self._is_stopping:
            return
        self._is_stopping = True
        os.close(self._stop_start)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        os.close(self._stop_end)

    def _run(self, wake: Callable[[], None]) -> None:
        pause = FIRST_PAUSE
        while not self._is_stopping:
            try:
                with self._connect() as connection:
                    if not _is_direct(connection):
                        log.warning(
                            "notifications can't be received: a pooler is in front of PostgreSQL, so jobs are looked "
                            "for at intervals; %s",
                            ADVICE,
                        )
                        return
                    self._start_listening(connection)
                    pause = FIRST_PAUSE
                    wake()
                    self._pass_on(connection, wake)
            except _Unheard:
                self._warn_once()
            except psycopg.Error as error:
                log.debug("no notifications: %s", error)
            self._wait(None, pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _connect(self) -> psycopg.Connection:
        conninfo = make_conninfo(self._conninfo, tcp_user_timeout=NETWORK_LIMIT)
        return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)

    def _start_listening(self, connection: psycopg.Connection) -> None:
        """Listen, and let another connection notify, as a producer would."""
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        token = uuid.uuid4().hex
        with self._connect() as producer:
            producer.execute(sql.SQL("NOTIFY {}, {}").format(sql.Identifier(self._channel), sql.Literal(token)))
        if not any(note.payload == token for note in connection.notifies(timeout=TEST_SECONDS)):
            raise _Unheard
        if self._is_warned:
            self._is_warned = False
            log.info("notifications on channel %s arrive again", self._channel)

    def _warn_once(self) -> None:
        """Say that the self-test failed; it is repeated in silence until it succeeds."""
        if self._is_warned:
            return
        self._is_warned = True
        log.warning(
            "notifications can't be received: one of our own on channel %s did not arrive within %g s, so jobs are "
            "looked for at intervals; %s",
            *(self._channel, TEST_SECONDS, ADVICE),
        )

    def _pass_on(self, connection: psycopg.Connection, wake: Callable[[], None]) -> None:
        """Call at every notification until the end, or until the connection breaks."""
        heard_at = time.monotonic()
        while self._wait(connection, PING_SECONDS):
            if any(True for _ in connection.notifies(timeout=0)):
                heard_at = time.monotonic()
                wake()
            elif time.monotonic() - heard_at >= PING_SECONDS:
                _ask_backend(connection)
                heard_at = time.monotonic()

    def _wait(self, connection: psycopg.Connection | None, seconds: float) -> bool:
        """Wait for news on the connection, for the time to pass, or for `close`; whether to go on."""
        poll = select.poll()
        poll.register(self._stop_end, select.POLLIN)
        if connection is not None:
            poll.register(connection.fileno(), select.POLLIN)
        poll.poll(seconds * 1000)
        return not self._is_stopping


def _is_direct(connection: psycopg.Connection) -> bool:
    """Whether the server process that answers is the one that we were told when we connected; a pooler makes one up."""
    return _ask_backend(connection) == connection.info.backend_pid


def _ask_backend(connection: psycopg.Connection) -> int:
    [pid] = connection.execute(_ASK_BACKEND).fetchone() or [0]
    return int(pid)
