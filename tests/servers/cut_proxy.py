"""A TCP proxy that misbehaves on command: it cuts, goes silent, refuses, or cuts at a chosen moment."""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65536


class CutProxy:
    """Passes connections on to a server until told otherwise; use it as a context manager.

    Args:
        server_url: the address of the server behind it.
    """

    def __init__(self, server_url: str) -> None:
        server = urlsplit(server_url)
        self._target = (server.hostname or "127.0.0.1", server.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._is_refusing = False
        self._swallowed = b""
        self._trap: _Trap | None = None
        self.accepted = 0
        """How many connections it has taken so far."""
        threading.Thread(target=self._accept, name="cut-proxy", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def url(self, server_url: str) -> str:
        """The same address by way of this proxy."""
        parts = urlsplit(server_url)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.port}" if user else f"127.0.0.1:{self.port}"))

    @property
    def connections(self) -> int:
        """How many connections are open through it now."""
        with self._lock:
            return len(self._links)

    def cut(self) -> int:
        """Reset every open connection, both ends; new ones are taken. Returns how many were cut."""
        with self._lock:
            links = list(self._links)
            self._links.clear()
        for link in links:
            link.reset()
        return len(links)

    def blackhole(self) -> None:
        """Keep every connection open, take new ones, and pass nothing on until `restore`."""
        self._open.clear()

    def refuse(self) -> None:
        """Cut every connection, and reset each new one at once until `restore`."""
        self._is_refusing = True
        self.cut()

    def restore(self) -> None:
        """Be a plain proxy again; what a black hole held back is passed on."""
        self._is_refusing = False
        self._swallowed = b""
        self._trap = None
        self._open.set()

    def swallow(self, words: bytes) -> None:
        """Pass on nothing of what the server sends in one go with these words in it, until `restore`."""
        self._swallowed = words

    def cut_at(self, words: bytes, *, delivered: bool) -> threading.Event:
        """Cut the first connection whose client sends `words`, once.

        Args:
            words: bytes to look for within one chunk that the client sent, e.g. `b"COMMIT"`.
            delivered: whether the server still gets them, while the client never sees the answer.

        Returns:
            An event that is set when it has happened.
        """
        self._trap = _Trap(words, delivered)
        return self._trap.sprung

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._listener.close()
        self._open.set()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._is_refusing:
                _reset(client)
            else:
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=10)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        link = _Link(client, server)
        with self._lock:
            self._links.add(link)
        threading.Thread(target=self._pump, args=(link, client, server), name="cut-proxy-up", daemon=True).start()
        threading.Thread(target=self._pump, args=(link, server, client), name="cut-proxy-down", daemon=True).start()

    def _pump(self, link: "_Link", source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK):
                self._open.wait()
                if source is link.client and self._springs(link, chunk):
                    break
                if source is link.server and self._swallowed and self._swallowed in chunk:
                    continue
                sink.sendall(chunk)
        with self._lock:
            self._links.discard(link)
        link.close()

    def _springs(self, link: "_Link", chunk: bytes) -> bool:
        trap = self._trap
        if trap is None or trap.words not in chunk:
            return False
        self._trap = None
        if trap.delivered:
            _deliver(chunk, link)
        link.reset()
        trap.sprung.set()
        return True


class _Trap:
    def __init__(self, words: bytes, delivered: bool) -> None:
        self.words = words
        self.delivered = delivered
        self.sprung = threading.Event()


class _Link:
    """One connection through the proxy: the client's socket and the server's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server

    def reset(self) -> None:
        _reset(self.client)
        _reset(self.server)

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _deliver(chunk: bytes, link: _Link) -> None:
    """Reset the client first, so that it never sees the answer; then let the server read all that was sent."""
    _reset(link.client)
    with contextlib.suppress(OSError):  # the other direction's thread closes the link once it sees the answer
        link.server.sendall(chunk)
        link.server.shutdown(socket.SHUT_WR)
        while link.server.recv(CHUNK):
            pass


def _reset(end: socket.socket) -> None:
    """Close with RST, as a firewall does; a blocked reader of the socket is woken first."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)
    end.close()
