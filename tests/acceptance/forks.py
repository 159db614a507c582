"""Commands without the time that their imports take: each is a fork of a process that has imported them already.

As `python -m tests.acceptance.forks FD`. Each message on the socket FD brings the words of a `python -m` command, its
folder, its environment, its three standard files, and a pipe that is told its pid and then how it has ended.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import packhorse

ROOT = Path(__file__).resolve().parents[2]
LARGEST_REQUEST = 128 * 1024
MODULES = ("packhorse", "tests.acceptance.run_page")
"""What is run so: what else a test starts, and may find modules of any name in its folder, begins from nothing."""
LEFT_OUT = ("packhorse.__main__", "packhorse.integrations", "packhorse.testing", "packhorse.bench")
AT_START = ("PYTHON", "LC_", "LANG")
"""What an interpreter reads when it starts; a command with such variables of its own gets one of its own."""


class Forks:
    """The process that forks, seen from the tests."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.acceptance.forks", str(theirs.fileno())]
            self._process = subprocess.Popen(words, cwd=ROOT, env=environ, pass_fds=[theirs.fileno()])

    def run(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str], stdin: bytes, timeout: float
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `python -m …` to its end, as `subprocess.run` does.

        Raises:
            subprocess.TimeoutExpired: it took too long, and was killed.
        """
        with ExitStack() as stack:
            files: list[BinaryIO] = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(stdin)
            files[0].seek(0)
            told, telling = os.pipe()
            report = stack.enter_context(os.fdopen(told, "rb"))
            request = json.dumps({"words": words[2:], "folder": str(folder), "environ": dict(environ)}).encode()
            socket.send_fds(self._door, [request], [*(file.fileno() for file in files), telling])
            os.close(telling)
            pid = int(report.readline())
            if not select.select([report], [], [], timeout)[0]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(words, timeout)
            code = int(report.readline())
            for file in files:
                file.seek(0)
            return subprocess.CompletedProcess(words, code, files[1].read(), files[2].read())

    @staticmethod
    def suits(words: Sequence[str], own: Mapping[str, str]) -> bool:
        """Whether a command with these variables of its own can be run so."""
        is_ours = list(words[:2]) == [sys.executable, "-m"] and words[2] in MODULES
        return is_ours and not any(name.startswith(AT_START) for name in own)

    def close(self) -> None:
        """End the process."""
        self._door.close()
        self._process.wait()


def preload() -> None:
    """Import what the commands need, but for what only some of them do."""
    for found in pkgutil.walk_packages(packhorse.__path__, "packhorse."):
        if not found.name.startswith(LEFT_OUT):
            importlib.import_module(found.name)
    gc.collect()
    gc.freeze()  # what is not looked at is not copied


def serve(door: socket.socket) -> Mapping[str, Any]:
    """Fork for each request; returns in each command's process, with the request that it is for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, fds, _, _ = socket.recv_fds(door, LARGEST_REQUEST, 4)
        if not request:
            sys.exit()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            door.close()
            mind(fds)
            asked: Mapping[str, Any] = json.loads(request)
            return asked
        for fd in fds:
            os.close(fd)


def mind(fds: Sequence[int]) -> None:
    """Fork once more, for the command alone, which returns; this one tells of it, and ends with it."""
    *files, pipe = fds
    pid = os.fork()
    if pid == 0:
        os.close(pipe)
        for number, fd in enumerate(files):
            os.dup2(fd, number)
            os.close(fd)
        return
    for fd in files:
        os.close(fd)
    os.write(pipe, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def become(request: Mapping[str, Any]) -> None:
    """Be as an interpreter that was started so."""
    base = [entry for entry in sys.path if Path(entry) != ROOT]
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [request["folder"], *given, *base]
    importlib.invalidate_caches()
    sys.stdin, sys.stdout, sys.stderr = _anew(sys.stdin), _anew(sys.stdout), _anew(sys.stderr)
    module, *sys.argv[1:] = request["words"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _anew(stream: TextIO) -> TextIO:
    """The same stream over what its number stands for now."""
    mode, is_told = "r" if stream is sys.stdin else "w", stream is sys.stderr
    number, encoding = stream.fileno(), stream.encoding
    return io.TextIOWrapper(os.fdopen(number, f"{mode}b", closefd=False), encoding, stream.errors, None, is_told)


if __name__ == "__main__":
    preload()
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
