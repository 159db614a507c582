"""Starting a server of our own: a folder, a port, an unprivileged user, and an end that never leaves it behind."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypedDict

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends to a process when its parent dies."""

ROOM_IN_MEMORY = 1 << 30
"""Bytes that /dev/shm must have free before tests use it; containers often give it 64 MB only."""


class ServerUnavailable(Exception):
    """A server that a test needs can't be had on this machine; the message says what would help."""


def fast_folder() -> Path:
    """Where temporary databases go: memory if there is enough, else the usual place."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - only the root of unique folders made by mkdtemp
    if shared_memory.is_dir() and shutil.disk_usage(shared_memory).free > ROOM_IN_MEMORY:
        return shared_memory
    return Path(tempfile.gettempdir())


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_user() -> str:
    """Who the server runs as: ourselves, or as root (which PostgreSQL refuses) an unprivileged user."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def server_folder(name: str) -> Path:
    """A new folder that belongs to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix=f"packhorse-{name}-", dir=fast_folder()))
    if os.getuid() == 0:
        shutil.chown(folder, server_user())
    return folder


def run_as_server_user(words: list[str]) -> None:
    """Run a program to its end as the server's user.

    Raises:
        ServerUnavailable: it failed; the message carries its output.
    """
    done = subprocess.run(words, **_identity(), capture_output=True, text=True, cwd="/", check=False)
    if done.returncode != 0:
        raise ServerUnavailable(f"{words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


def start_as_server_user(words: list[str], log: Path, *, death_signal: signal.Signals) -> subprocess.Popen[bytes]:
    """Start a server as its user; it gets `death_signal` should the tests die before they stop it."""
    with log.open("ab") as output:
        return subprocess.Popen(
            words,
            **_identity(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: _follow_parent(death_signal),  # noqa: PLW1509 - calls prctl only
        )


def stop(process: subprocess.Popen[bytes], how: signal.Signals, timeout: float = 20.0) -> None:
    """Send `how` to the process and wait for its end; kill it when it takes longer than `timeout` seconds."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a server's log, for messages."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else "(no log)"


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _identity() -> _Identity:
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(server_user())
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _follow_parent(death_signal: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
