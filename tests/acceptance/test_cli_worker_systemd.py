"""`packhorse worker` as a service of systemd with Type=notify: what it tells, and to whom."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhorse import Packhorse
from tests.acceptance.command import CommandLine
from tests.waiting import wait_until


class Listener:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(address)
        self._heard: list[str] = []

    def heard(self) -> list[str]:
        """Every message so far, in order."""
        while True:
            try:
                self._heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self._heard

    def find(self, start: str) -> str:
        """The first message that begins so; "" when there is none."""
        return next((message for message in self.heard() if message.startswith(start)), "")

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Listener]]:
    """A socket with a path, or an abstract one, and what is heard there."""
    name = str(tmp_path / "n") if request.param == "path" else f"@packhorse-{os.getpid()}-{tmp_path.name}"
    listener = Listener(name if request.param == "path" else f"\0{name[1:]}")
    yield name, listener
    listener.close()


def test_a_service_tells_its_way(shop_cli: CommandLine, shop: Packhorse, manager: tuple[str, Listener]) -> None:
    """READY when it takes jobs, STATUS in a line, RELOADING with a moment and READY again, STOPPING with its time."""
    address, listener = manager
    worker = shop_cli.start("worker", "--shutdown-timeout", "5s", NOTIFY_SOCKET=address)
    wait_until(lambda: listener.find("READY=1"), 30, "the readiness")
    assert len(shop.list_workers()) == 1
    assert not listener.find("WATCHDOG")
    assert shop.enqueue("shop.greet", "Ann").result(30) == "Hello Ann"
    wait_until(lambda: listener.find("STATUS=working; processes 1, jobs running 0, ended 1"), 10, "the status")

    asked_at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    worker.send(signal.SIGHUP)
    message = wait_until(lambda: listener.find("RELOADING=1"), 10, "the reload")
    match = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", message)
    assert match is not None
    assert int(match[1]) >= asked_at
    wait_until(lambda: listener.heard().count("READY=1") == 2, 30, "the end of the reload")

    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert listener.find("STOPPING=1") == "STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000"


def test_the_watchdog_is_fed_while_all_loops_move(
    shop_cli: CommandLine, shop: Packhorse, manager: tuple[str, Listener]
) -> None:
    """Twice in the time that it waits; not while a process stands still."""
    address, listener = manager
    shop_cli.start("worker", NOTIFY_SOCKET=address, WATCHDOG_USEC="400000")
    wait_until(lambda: listener.find("READY=1"), 30, "the readiness")
    wait_until(lambda: listener.heard().count("WATCHDOG=1") >= 3, 30, "signs of life")
    [pid] = [int(one.name.rpartition(":")[2]) for one in shop.list_workers()]
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: _falls_silent(listener), 10, "silence")
    os.kill(pid, signal.SIGCONT)
    fed = listener.heard().count("WATCHDOG=1")
    wait_until(lambda: listener.heard().count("WATCHDOG=1") > fed, 10, "another sign of life")


def _falls_silent(listener: Listener) -> bool:
    """Whether no sign of life comes in twice the time in which one must."""
    before, until = listener.heard().count("WATCHDOG=1"), time.monotonic() + 0.8
    wait_until(lambda: time.monotonic() >= until, 2)
    return listener.heard().count("WATCHDOG=1") == before


@pytest.mark.engines("sqlite")
def test_the_watchdog_of_another_process_is_not_fed(shop_cli: CommandLine, shop: Packhorse, tmp_path: Path) -> None:
    """WATCHDOG_PID names a process: only that one is to give signs of life."""
    listener = Listener(str(tmp_path / "n"))
    worker = shop_cli.start("worker", NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    wait_until(lambda: listener.find("READY=1"), 30, "the readiness")
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert not listener.find("WATCHDOG")
    listener.close()


@pytest.mark.engines("sqlite")
def test_handlers_do_not_speak_for_the_service(shop_cli: CommandLine, shop: Packhorse, tmp_path: Path) -> None:
    """The variables end at the supervisor: a program that a handler starts must not say that the service is ready."""
    listener = Listener(str(tmp_path / "n"))
    shop_cli.start("worker", NOTIFY_SOCKET=str(tmp_path / "n"), WATCHDOG_USEC="30000000")
    pid = shop.enqueue("shop.tell_process").result(30)
    names = {entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0")}
    assert names.isdisjoint({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    listener.close()
