"""ASGI applications (FastAPI, Starlette, or none of them): opened and closed with the server, jobs bound to requests.

    web = FastAPI(lifespan=lifespan(app))
    web.add_middleware(PackhorseMiddleware, jobs=app, acting=lambda scope: Acting(user=scope["user"].id))

What an endpoint enqueues on its session, `using(conn=session)`, commits with that; this is the way to enqueue together
with data. The middleware is for what has no connection: it is stored when the response begins, if that is no error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from packhorse.app import Packhorse
from packhorse.behalf import acting_asked
from packhorse.domain.acting import Acting
from packhorse.gathering import Gathering
from packhorse.integrations.requests import Keeps, is_no_error
from packhorse.integrations.workers import WorkerThread
from packhorse.runtime.settings import WorkerSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
ActingOf = Callable[[Scope], Acting | None]

__all__ = ["PackhorseMiddleware", "lifespan"]


def lifespan(
    jobs: Packhorse, *, worker: bool | WorkerSettings = False
) -> Callable[..., AbstractAsyncContextManager[None]]:
    """What opens the application of jobs with the web server's process and closes it at its end.

        web = FastAPI(lifespan=lifespan(app))
        web = FastAPI(lifespan=lifespan(app, worker=True))  # for development: nothing else to start

    For a lifespan of your own, `async with lifespan(app)(web): yield`. The database is not asked at the beginning, so
    that a web application starts while its database does not.

    Args:
        jobs: the application of jobs.
        worker: whether a worker runs in threads of this process, as `True` says with the defaults; it ends with the
            server, its running jobs having `shutdown_timeout` to end. In production `packhorse worker` runs them: a
            handler that holds the interpreter, or kills its process, then takes no request with it.
    """
    settings = worker if isinstance(worker, WorkerSettings) else WorkerSettings()

    @asynccontextmanager
    async def opened(web: object = None) -> AsyncIterator[None]:
        runs = WorkerThread(jobs, settings) if worker else None
        if runs is not None:
            runs.start()
        try:
            yield
        finally:
            if runs is not None:
                await asyncio.to_thread(runs.end)
            await asyncio.to_thread(jobs.close)

    return opened


class PackhorseMiddleware:
    """Binds what a request enqueues without a connection to its success, and says on whose behalf it is enqueued.

    The jobs are stored in one transaction when the response begins, before its first byte, if `keeps` takes its status;
    otherwise, and when the handler raises or is cancelled, none of them is. Should the database refuse them, the
    response does not begin: the error is raised in the handler's place, and becomes the server's status 500. From then
    on, in a streamed body or a background task, each enqueue is stored at once; so it is on a websocket.

    A job of a request has no id before that. Arguments are checked at the enqueue.

    Args:
        web: the ASGI application inside.
        jobs: the application of jobs.
        acting: gives of the request's (or websocket's) scope on whose behalf it is done, or None; asked anew by every
            enqueue, with or without a connection, so that it sees what authentication has found by then.
        keeps: whether the jobs are stored for this status of the response; below 400.
    """

    def __init__(
        self, web: AsgiApplication, jobs: Packhorse, *, acting: ActingOf | None = None, keeps: Keeps = is_no_error
    ) -> None:
        self._web = web
        self._jobs = jobs
        self._acting = acting
        self._keeps = keeps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, serve a websocket, or let the server's lifespan through."""
        acting = self._acting
        with nullcontext() if acting is None else acting_asked(lambda: acting(scope)):
            if scope["type"] == "http":
                await self._bound(scope, receive, send)
            else:
                await self._web(scope, receive, send)

    async def _bound(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._jobs.gathering() as gathered:

            async def settling(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await self._settle(gathered, message["status"])
                await send(message)

            await self._web(scope, receive, settling)

    async def _settle(self, gathered: Gathering, status: int) -> None:
        if self._keeps(status) and gathered.end():
            await asyncio.to_thread(gathered.store)
        else:
            gathered.drop()
