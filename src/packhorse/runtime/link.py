"""The line between the supervisor and a worker process: orders go down, reports come up, a line of JSON each.

It is a socket pair that the worker process finds as its standard input. Its end means, on either side, that the other
one has died.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import Any, Generic, Literal, TypeVar

import msgspec

CHUNK = 1 << 16
SECONDS = 2
"""How long a worker process waits to be heard by a supervisor that does not listen."""


class Terms(msgspec.Struct, omit_defaults=True):
    """What a worker process is told before it begins."""

    quiet: bool = False
    """Whether it is to claim nothing until it is told to."""
    limited: bool = False
    """Whether it must have a permit for each job that it claims."""
    seeks_end: bool = False
    """Whether somebody waits for there to be nothing to do."""
    report_every: float = 1.0
    """Seconds from one report to the next."""


class Order(msgspec.Struct, omit_defaults=True):
    """What a worker process is told while it works.

    `quiet`: claim nothing more. `resume`: claim again. `retire`: end when what runs has ended, however long that
    takes. `dump`: write to standard error what every thread and coroutine does. `permit`: the answer to `Wish`.
    """

    kind: Literal["quiet", "resume", "retire", "dump", "permit"]
    permits: int = 0


class Wish(msgspec.Struct, tag="wish"):
    """A worker process would like to claim so many jobs more; less than none gives permits back, with no answer."""

    permits: int


class Figures(msgspec.Struct, omit_defaults=True):
    """What a worker process has done since its start."""

    ended: dict[str, int] = {}
    """How many runs ended, by outcome; what was handed back is not among them."""
    claims: int = 0
    claimed: int = 0
    acks: int = 0
    """How many batches of acknowledgements were stored."""
    ack_seconds: float = 0.0
    """How long the database took for them, all together."""

    def plus(self, other: Figures) -> Figures:
        """Both together."""
        names = self.ended | other.ended
        return Figures(
            ended={name: self.ended.get(name, 0) + other.ended.get(name, 0) for name in names},
            claims=self.claims + other.claims,
            claimed=self.claimed + other.claimed,
            acks=self.acks + other.acks,
            ack_seconds=self.ack_seconds + other.ack_seconds,
        )


class Report(msgspec.Struct, tag="report", omit_defaults=True):
    """How a worker process is."""

    address: str
    """Which database it works on."""
    figures: Figures
    is_registered: bool = False
    is_quiet: bool = False
    """Whether it was told to claim nothing, and the pass that was being made then is over."""
    is_ending: bool = False
    running: int = 0
    waiting: int = 0
    """How many jobs it holds that have not started."""
    slots: int = 0
    done: int = 0
    """How many of the jobs that it took have ended."""
    silence: float = 0.0
    """Seconds since the database last answered."""
    is_troubled: bool = False
    """Whether the last attempt to reach it failed, and it has been silent for a while."""
    idle: float = 0.0
    """Seconds since it last held a job."""
    is_drained: bool = False
    """Whether there was nothing for it to do when it last looked, and it has held no job since the report before."""
    stuck: str = ""
    """Which of its loops stands still, and for how long."""
    memory: int = 0
    """Bytes in main memory, with its isolated children."""


Up = Wish | Report
M = TypeVar("M")


class Link(Generic[M]):
    """One end of the line.

    Args:
        end: the socket.
        heard: what comes along it, a struct or a union of some.
    """

    def __init__(self, end: socket.socket, heard: Any) -> None:
        self._end = end
        self._heard: msgspec.json.Decoder[M] = msgspec.json.Decoder(heard)
        self._received = b""
        self.is_cut: bool = False
        """Whether the other side has gone."""

    def fileno(self) -> int:
        """For `select`; -1 once it is closed."""
        return self._end.fileno()

    def say(self, message: msgspec.Struct) -> None:
        """Send a message; it is lost when nobody is there to hear it, or takes it for long."""
        with suppress(OSError):
            self._end.sendall(msgspec.json.encode(message) + b"\n")

    def hear(self) -> list[M]:
        """What has come; waits for something, unless the socket does not."""
        try:
            chunk = self._end.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        self.is_cut = self.is_cut or not chunk
        *lines, self._received = (self._received + chunk).split(b"\n")
        return [message for line in lines if (message := self._understood(line)) is not None]

    def _understood(self, line: bytes) -> M | None:
        """What a line says; one of which a part was lost says nothing."""
        with suppress(msgspec.DecodeError):
            return self._heard.decode(line)
        return None

    def close(self) -> None:
        """Let go of it."""
        self._end.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """The supervisor's end, which never waits, and the one that a worker process is given as its standard input."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs


def up_link(end: socket.socket) -> Link[Up]:
    """The supervisor's side of the line."""
    return Link(end, Up)


def take_standard_input() -> socket.socket:
    """The line that this worker process was given; its standard input is empty from now on."""
    end = socket.socket(fileno=os.dup(0))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SECONDS, 0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return end
