"""A small HTTP server for probes: /livez, /readyz and /metrics. No client, however slow, can hold it up."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from packhorse.errors import ConfigurationError
from packhorse.runtime.crew import Crew
from packhorse.runtime.health import ailments, obstacles
from packhorse.runtime.metrics import CONTENT_TYPE, metrics

log: logging.Logger = logging.getLogger("packhorse.supervisor")

MOST_CLIENTS = 16
"""Served at once; one more is turned away at once."""
CLIENT_SECONDS = 5.0
"""How long a client may take, all in all, before it is cut off."""
LOOK_SECONDS = 0.5

Answer = tuple[int, str, str]
"""Status, content type, body."""


class Probes(ThreadingHTTPServer):
    """Answers for a crew, in threads of its own.

    Args:
        host: the address to listen on.
        port: the port; 0 for any that is free.
        crew: whose state is told.

    Raises:
        ConfigurationError: it can't listen there.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, crew: Crew) -> None:
        self._crew = crew
        self._clients: dict[socket.socket, float] = {}
        self.address_family: int = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), Probe)
        except OSError as error:
            raise ConfigurationError(
                f"the health port {port} of {host} can't be opened: {error.strerror or error}; "
                "give another --health-port or --health-host, or --health-port 0 for any free port"
            ) from error

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self.serve_forever, args=(LOOK_SECONDS,), name="packhorse-probes", daemon=True).start()
        log.info("health on http://%s:%d/livez, /readyz and /metrics", *self.server_address[:2])

    def server_bind(self) -> None:
        """Listen, without the name of the host, which the library would look up first, perhaps for long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address: tuple[Any, ...] = self.socket.getsockname()
        self.server_name: str = str(self.server_address[0])
        self.server_port: int = int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more client."""
        if len(self._clients) >= MOST_CLIENTS:
            return False
        self._clients[request] = time.monotonic()
        return True

    def shutdown_request(self, request: Any) -> None:
        """A client has been served."""
        self._clients.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut off those who take too long."""
        for client, since in list(self._clients.items()):
            if time.monotonic() - since > CLIENT_SECONDS:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no news."""
        log.debug("a health probe failed")

    def answer(self, path: str) -> Answer:
        """What stands at a path."""
        pages: dict[str, Callable[[], Answer]] = {
            "/livez": lambda: _judgement(ailments(self._crew)),
            "/readyz": lambda: _judgement(obstacles(self._crew)),
            "/metrics": lambda: (200, CONTENT_TYPE, metrics(self._crew)),
        }
        page = pages.get(path.partition("?")[0])
        return page() if page else _json(404, {"status": "not found", "try": sorted(pages)})


class Probe(BaseHTTPRequestHandler):
    """One request, and one answer."""

    timeout: ClassVar[float | None] = CLIENT_SECONDS
    server_version = "packhorse"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:
        """Probes come every few seconds: nobody wants to read of them."""

    def _answer(self, *, with_body: bool) -> None:
        assert isinstance(self.server, Probes)  # noqa: S101 - nobody else makes one
        status, content_type, text = self.server.answer(self.path)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _judgement(reasons: list[str]) -> Answer:
    return _json(503, {"status": "unavailable", "reasons": reasons}) if reasons else _json(200, {"status": "ok"})


def _json(status: int, value: object) -> Answer:
    return status, "application/json", json.dumps(value) + "\n"
