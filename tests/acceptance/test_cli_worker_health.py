"""`packhorse worker --health-port`: what probes and scrapers are told, with one process and with several."""

import json
import os
import re
import signal
import socket
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from typing import Any

import pytest

from packhorse import Packhorse
from tests.acceptance.command import CommandLine, Running
from tests.servers import CutProxy
from tests.waiting import wait_until

LOCAL = "127.0.0.1"


def port_of(worker: Running) -> int:
    """The port that the worker has chosen, as its log says."""
    match = wait_until(lambda: re.search(r"health on http://127\.0\.0\.1:(\d+)/livez", worker.log()), 30, "the port")
    assert match is not None
    return int(match[1])


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, content type and body."""
    connection = HTTPConnection(LOCAL, port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def status(port: int, path: str) -> tuple[int, Any]:
    """Status, and the body read as JSON."""
    code, _, body = ask(port, path)
    return code, json.loads(body)


def wait_until_ready(port: int) -> None:
    """Wait until jobs are taken."""
    wait_until(lambda: status(port, "/readyz")[0] == 200, 30, "a worker that is ready")


def figures(port: int) -> dict[str, float]:
    """All samples, by name and labels, read as strictly as the format asks."""
    code, content_type, text = ask(port, "/metrics")
    assert (code, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert text.endswith("\n")
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) packhorse_[a-z_]+ .+", line)
        else:
            match = re.fullmatch(r'(packhorse_[a-z_]+(?:\{(?:[a-z_]+="[^"\n]*",?)*\})?) (-?[0-9.e+-]+)', line)
            assert match is not None, line
            assert match[1] not in samples
            samples[match[1]] = float(match[2])
    return samples


def total(port: int, name: str, **labels: str) -> float:
    """The sum of a figure over all processes."""
    wanted = [f'{label}="{text}"' for label, text in labels.items()]
    return sum(
        value for sample, value in figures(port).items() if sample.startswith(name) and all(w in sample for w in wanted)
    )


def test_the_state_of_a_worker_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """It lives, it is ready; quiet it is not ready, and says so; nor is it while it stops."""
    worker = shop_cli.start("worker", "--health-port", "0")
    port = port_of(worker)
    wait_until_ready(port)
    assert status(port, "/livez") == (200, {"status": "ok"})
    assert ask(port, "/livez", "HEAD") == (200, "application/json", "")
    assert status(port, "/nothing")[0] == 404

    worker.send(signal.SIGTSTP)
    wait_until(lambda: status(port, "/readyz")[0] == 503, 10, "a worker that is not ready")
    [reason] = status(port, "/readyz")[1]["reasons"]
    assert re.fullmatch(r"worker process \d+: is quiet", reason)
    assert status(port, "/livez")[0] == 200
    worker.send(signal.SIGCONT)
    wait_until_ready(port)

    sign = shop_cli.folder / "begun"
    shop.enqueue("shop.wait", 2, str(sign))
    wait_until(lambda: total(port, "packhorse_jobs_running") == 1, 30, "the run")
    assert total(port, "packhorse_jobs_buffered") == 0
    assert total(port, "packhorse_database_silence_seconds") < 10
    worker.send(signal.SIGTERM)
    wait_until(lambda: status(port, "/readyz")[0] == 503, 10, "a worker that is stopping")
    assert status(port, "/readyz")[1]["reasons"] == ["the worker is stopping"]
    assert status(port, "/livez")[0] == 200
    assert worker.wait() == 0


def test_a_process_that_stands_still_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Stopped by a signal it neither lives nor is ready; the other one is enough to be ready."""
    worker = shop_cli.start("worker", "--health-port", "0", "-p", "2")
    port = port_of(worker)
    wait_until(lambda: len(shop.list_workers()) == 2, 30, "both processes")
    pids = [int(one.name.rpartition(":")[2]) for one in shop.list_workers()]
    wait_until_ready(port)
    os.kill(pids[0], signal.SIGSTOP)
    wait_until(lambda: status(port, "/livez")[0] == 503, 10, "the stop to be seen")
    assert status(port, "/livez")[1]["reasons"] == [f"worker process {pids[0]}: is stopped by a signal"]
    wait_until_ready(port)
    os.kill(pids[0], signal.SIGCONT)
    wait_until(lambda: status(port, "/livez")[0] == 200, 10, "its going on to be seen")


def test_the_figures_are_right_over_all_processes(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Runs by outcome, claims, acknowledgements; what a process has done that was replaced still counts."""
    worker = shop_cli.start("worker", "--health-port", "0", "-p", "2")
    port = port_of(worker)
    wait_until(lambda: len(shop.list_workers()) == 2, 30, "both processes")
    for _ in range(60):
        shop.enqueue("shop.greet", "Ann")
    shop.enqueue("shop.tell_child")
    shop.named("shop.fail").using(max_attempts=1).enqueue("no paper")
    wait_until(lambda: total(port, "packhorse_jobs_total") == 62, 30, "all runs to be told")
    assert total(port, "packhorse_jobs_total", outcome="success") == 61
    assert total(port, "packhorse_jobs_total", outcome="fail") == 1
    assert total(port, "packhorse_claimed_jobs_total") == 62
    assert total(port, "packhorse_claims_total") >= 1
    assert 1 <= total(port, "packhorse_ack_seconds_count") <= 62
    assert total(port, "packhorse_ack_seconds_sum") > 0
    assert total(port, "packhorse_slots") == 2 * (16 + (os.cpu_count() or 1))
    assert total(port, "packhorse_memory_bytes") > 2 * 10_000_000
    assert total(port, "packhorse_ready") == 1
    assert total(port, "packhorse_worker_info") == 2

    worker.send(signal.SIGHUP)
    wait_until(lambda: total(port, "packhorse_process_starts_total") == 4, 30, "new processes")
    shop.enqueue("shop.greet", "Bob")
    wait_until(lambda: total(port, "packhorse_jobs_total") == 63, 30, "the run in a new process")


def test_slow_clients_keep_nobody_out(shop_cli: CommandLine, shop: Packhorse) -> None:
    """Those who connect and say nothing are cut off after a while; the probes go on being answered."""
    worker = shop_cli.start("worker", "--health-port", "0")
    port = port_of(worker)
    wait_until_ready(port)
    with ExitStack() as open_ones:
        slow = [open_ones.enter_context(socket.create_connection((LOCAL, port))) for _ in range(40)]
        for client in slow:
            with suppress(OSError):
                client.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        wait_until(lambda: _answers(port), 15, "an answer beside slow clients")
        slow[0].settimeout(10)
        with suppress(ConnectionError):
            assert slow[0].recv(1) == b""


def _answers(port: int) -> bool:
    try:
        return status(port, "/livez")[0] == 200
    except OSError:
        return False


def test_a_port_that_is_taken_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """In a line, with exit code 2, before any process is started."""
    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        done = shop_cli("worker", "--health-port", str(port))

    assert done.code == 2
    assert f"the health port {port} of 127.0.0.1 can't be opened: Address already in use" in done.complaint
    assert "--health-port 0" in done.err


@pytest.mark.engines("sqlite")
def test_a_host_that_is_not_ours_is_told(shop_cli: CommandLine, shop: Packhorse) -> None:
    """The same for an address that can't be listened on."""
    done = shop_cli("worker", "--health-port", "0", "--health-host", "no.such.host.invalid")

    assert done.code == 2
    assert "the health port 0 of no.such.host.invalid can't be opened" in done.complaint


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("trouble", ["refuse", pytest.param("blackhole", marks=pytest.mark.slow)])
def test_a_worker_without_its_database_lives_and_is_not_ready(
    shop_cli: CommandLine, shop: Packhorse, database_url: str, trouble: str
) -> None:
    """A restart would not help, so it lives; when the database is back, it is ready again by itself."""
    with CutProxy(database_url) as proxy:
        worker = shop_cli.start("worker", "--health-port", "0", PACKHORSE_DATABASE_URL=proxy.url(database_url))
        port = port_of(worker)
        wait_until_ready(port)
        getattr(proxy, trouble)()
        wait_until(lambda: status(port, "/readyz")[0] == 503, 30, "a worker that is not ready")
        [reason] = status(port, "/readyz")[1]["reasons"]
        assert re.fullmatch(r"worker process \d+: has not reached the database for \d+ s", reason)
        assert status(port, "/livez")[0] == 200
        proxy.restore()
        wait_until_ready(port)
        assert shop.enqueue("shop.greet", "Ann").result(30) == "Hello Ann"
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
