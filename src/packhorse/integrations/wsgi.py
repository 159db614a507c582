"""WSGI applications (Flask, or any other): jobs bound to requests.

    web = Flask(__name__)
    web.wsgi_app = PackhorseMiddleware(web.wsgi_app, jobs=app, acting=lambda environ: Acting(user=g.user.id))

What a view enqueues on its session, `using(conn=session)`, commits with that; this is the way to enqueue together with
data. The middleware is for what has no connection: it is stored when the view has ended, if the status is no error.
Nothing is to be opened or closed, and a server that forks may import the application before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import Any

from packhorse.app import Packhorse
from packhorse.behalf import ask_here
from packhorse.domain.acting import Acting
from packhorse.gathering import gather_here
from packhorse.integrations.requests import Keeps, is_no_error

Environ = dict[str, Any]
WsgiApplication = Callable[[Any, Any], Iterable[bytes]]
"""Of its environment and its `start_response`; every framework types them in its own way."""
ActingOf = Callable[[Environ], Acting | None]

__all__ = ["PackhorseMiddleware"]


class PackhorseMiddleware:
    """Binds what a request enqueues without a connection to its success, and says on whose behalf it is enqueued.

    The jobs are stored in one transaction when the application has returned its response and its status is known,
    before the first byte, if `keeps` takes that; otherwise, and when the application raises, none of them is. Should
    the database refuse them, the error is raised to the server, which answers with status 500. From then on, in a
    streamed body, each enqueue is stored at once.

    A job of a request has no id before that. Arguments are checked at the enqueue.

    Args:
        web: the WSGI application inside.
        jobs: the application of jobs.
        acting: gives of the request's environment on whose behalf it is done, or None; asked anew by every enqueue,
            with or without a connection, so that it sees what authentication has found by then.
        keeps: whether the jobs are stored for this status of the response; below 400.
    """

    def __init__(
        self, web: WsgiApplication, jobs: Packhorse, *, acting: ActingOf | None = None, keeps: Keeps = is_no_error
    ) -> None:
        self._web = web
        self._jobs = jobs
        self._acting = acting
        self._keeps = keeps

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        request = _Request(self._jobs, self._keeps)
        return request.answer(self._web, environ, start_response, self._acting)


class _Request:
    """One request, its body included, which is made after the application has returned.

    All of the application's code runs in one context, which is ours: nothing of it is left in the server's thread.
    """

    def __init__(self, jobs: Packhorse, keeps: Keeps) -> None:
        self._keeps = keeps
        self._status: int | None = None
        self._context = copy_context()
        self._gathered = jobs.new_gathering()
        self._context.run(gather_here, self._gathered)

    def answer(
        self, web: WsgiApplication, environ: Environ, start_response: Callable[..., Any], acting: ActingOf | None
    ) -> Iterable[bytes]:
        def started(status: str, *more: Any) -> Callable[[bytes], object]:
            self._status = int(status[:3])
            write = start_response(status, *more)
            return lambda chunk: self._written(write, chunk)

        try:
            if acting is not None:
                self._context.run(ask_here, lambda: acting(environ))
            body = self._context.run(web, environ, started)
            self._settle()
        except BaseException:
            self._gathered.drop()
            raise
        return body if _is_made(body, environ) else _Body(body, self)

    def next_of(self, chunks: Iterator[bytes]) -> bytes:
        """The next chunk; before the first one the jobs are stored, where the status is known only now."""
        try:
            chunk = self._context.run(next, chunks)
        except StopIteration:
            self._settle()
            raise
        except BaseException:
            self._gathered.drop()
            raise
        self._settle()
        return chunk

    def close(self, body: Iterable[bytes]) -> None:
        """Close the body, as the server wants it."""
        try:
            if (close := getattr(body, "close", None)) is not None:
                self._context.run(close)
        finally:
            self._gathered.drop()

    def _written(self, write: Callable[[bytes], object], chunk: bytes) -> None:
        self._settle()
        write(chunk)

    def _settle(self) -> None:
        if self._status is None:
            return
        if self._keeps(self._status):
            self._gathered.store()
        else:
            self._gathered.drop()


class _Body:
    """A body whose chunks are made by the application's code."""

    def __init__(self, body: Iterable[bytes], request: _Request) -> None:
        self._body = body
        self._chunks = iter(body)
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._request.next_of(self._chunks)

    def close(self) -> None:
        """End the request."""
        self._request.close(self._body)


def _is_made(body: Iterable[bytes], environ: Environ) -> bool:
    """Whether there is nothing to run in it: servers send such bodies in ways of their own."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(body, list | tuple) or (isinstance(wrapper, type) and isinstance(body, wrapper))
