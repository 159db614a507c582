"""What a request of an ASGI application enqueues belongs to the request: FastAPI, Starlette, and none of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from packhorse import Acting, Packhorse, acting_as
from packhorse.errors import PackhorseError
from packhorse.integrations.asgi import PackhorseMiddleware
from tests.integration.web.kit import get, notes, task_of, users

Endpoint = Callable[[Request], Awaitable[Response]]


def starlette(app: Packhorse, endpoint: Endpoint, **options: Any) -> Starlette:
    """An application of one endpoint, behind the middleware."""
    web = Starlette(routes=[Route("/", endpoint)])
    web.add_middleware(PackhorseMiddleware, jobs=app, **options)
    return web


def answering(app: Packhorse, response: Response) -> Endpoint:
    """An endpoint that enqueues, and answers."""

    async def endpoint(request: Request) -> Response:
        await task_of(app).aenqueue("a")
        assert notes(app) == []
        return response

    return endpoint


@pytest.mark.parametrize(
    ("response", "is_stored"),
    [
        (PlainTextResponse("made"), True),
        (RedirectResponse("/elsewhere"), True),
        (PlainTextResponse("no such order", 404), False),
        (PlainTextResponse("away", 503), False),
    ],
    ids=["200", "307", "404", "503"],
)
def test_the_status_decides(app: Packhorse, response: Response, is_stored: bool) -> None:
    """Jobs are stored for a response that is no error."""
    asyncio.run(get(starlette(app, answering(app, response))))
    assert notes(app) == (["a"] if is_stored else [])


def test_the_application_may_decide_otherwise(app: Packhorse) -> None:
    """`keeps` is asked of the status."""
    web = starlette(app, answering(app, PlainTextResponse("no", 404)), keeps=lambda status: status < 500)
    asyncio.run(get(web))
    assert notes(app) == ["a"]


def test_an_error_of_the_handler_leaves_nothing(app: Packhorse) -> None:
    """The framework makes a response of it further out."""

    async def endpoint(request: Request) -> Response:
        await task_of(app).aenqueue("a")
        raise ValueError("wrong")

    assert asyncio.run(get(starlette(app, endpoint))).status_code == 500
    assert notes(app) == []


def test_jobs_are_there_before_the_client_is_answered(app: Packhorse) -> None:
    """When the response begins they are stored already."""
    seen = list[tuple[str, list[str]]]()

    async def send(message: Message) -> None:
        seen.append((message["type"], notes(app)))

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        task_of(app).enqueue("a")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    asyncio.run(PackhorseMiddleware(plain, app)({"type": "http"}, receive, send))
    assert seen == [("http.response.start", ["a"]), ("http.response.body", ["a"])]


async def receive() -> Message:
    """Nothing that the tests' applications ask for."""
    return {"type": "http.request", "body": b"", "more_body": False}


def test_a_database_that_refuses_makes_an_error_of_the_response(app: Packhorse) -> None:
    """Nobody is told of a success without the jobs."""
    once = task_of(app).using(unique_key="once", on_duplicate="refuse")
    once.enqueue("first")

    async def endpoint(request: Request) -> Response:
        once.enqueue("again")
        return PlainTextResponse("made")

    assert asyncio.run(get(starlette(app, endpoint))).status_code == 500
    assert notes(app) == ["first"]


def test_what_comes_after_the_response_began_is_stored_at_once(app: Packhorse) -> None:
    """In a streamed body and in a background task; what fails there takes nothing back."""

    async def body() -> AsyncIterator[bytes]:
        assert notes(app) == ["a"]
        await task_of(app).aenqueue("b")
        assert notes(app) == ["a", "b"]
        yield b"1"

    async def background() -> None:
        await task_of(app).aenqueue("c")
        raise ValueError("wrong")

    response = StreamingResponse(body(), background=BackgroundTask(background))
    assert asyncio.run(get(starlette(app, answering(app, response)))).status_code == 200
    assert notes(app) == ["a", "b", "c"]


def test_a_cancelled_request_leaves_nothing(app: Packhorse) -> None:
    """Its client has gone, or it took too long."""

    async def cancel() -> None:
        is_in, never = asyncio.Event(), asyncio.Event()

        async def endpoint(request: Request) -> Response:
            await task_of(app).aenqueue("a")
            is_in.set()
            await never.wait()
            return PlainTextResponse("made")

        request = asyncio.create_task(get(starlette(app, endpoint)))
        await is_in.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(cancel())
    assert notes(app) == []


def test_endpoints_in_threads_belong_to_the_request_too(app: Packhorse) -> None:
    """FastAPI calls `def` endpoints in threads, and makes a response of a refusal."""
    web = FastAPI()
    web.add_middleware(PackhorseMiddleware, jobs=app, acting=lambda scope: Acting(user=scope["path"]))

    @web.get("/{kind}")
    def endpoint(kind: str) -> str:
        task_of(app).enqueue(kind)
        if kind == "refused":
            raise HTTPException(409)
        return kind

    assert [asyncio.run(get(web, path)).status_code for path in ("/refused", "/taken")] == [409, 200]
    assert (notes(app), users(app)) == (["taken"], ["/taken"])


def test_the_session_of_an_endpoint_wins(app: Packhorse, database_url: str) -> None:
    """Its commit decides, not the response."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    web = FastAPI()
    web.add_middleware(PackhorseMiddleware, jobs=app, acting=lambda scope: Acting(user=7))

    def session() -> Any:
        with Session(engine) as opened:
            yield opened

    @web.get("/{kind}")
    def endpoint(kind: str, session: Session = Depends(session)) -> int:  # noqa: B008 - as FastAPI wants it
        job = task_of(app).using(conn=session).enqueue(kind)
        if kind == "committed":
            session.commit()
            raise HTTPException(409)
        return job.id

    asyncio.run(get(web, "/committed"))
    asyncio.run(get(web, "/forgotten"))
    assert (notes(app), users(app)) == (["committed"], [7])
    engine.dispose()


@pytest.mark.parametrize("is_inside", [False, True])
def test_middleware_that_runs_the_application_in_a_task_of_its_own_changes_nothing(
    app: Packhorse, is_inside: bool
) -> None:
    """As Starlette's base class does, around ours or inside it."""

    class Passing(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            return await call_next(request)

    web = Starlette(routes=[Route("/{status:int}", status_of_path(app))])
    if is_inside:
        web.add_middleware(Passing)
    web.add_middleware(PackhorseMiddleware, jobs=app, acting=lambda scope: Acting(user=7))
    if not is_inside:
        web.add_middleware(Passing)
    for path in ("/200", "/404"):
        asyncio.run(get(web, path))
    assert (notes(app), users(app)) == (["200"], [7])


def status_of_path(app: Packhorse) -> Endpoint:
    """An endpoint that enqueues, and answers with the status that the path names."""

    async def endpoint(request: Request) -> Response:
        status = request.path_params["status"]
        await task_of(app).aenqueue(str(status))
        return PlainTextResponse("", status)

    return endpoint


def test_requests_at_the_same_time_keep_apart(app: Packhorse) -> None:
    """Each has its own jobs and its own user."""

    async def endpoint(request: Request) -> Response:
        await asyncio.sleep(0)
        with acting_as(role="clerk"):
            await task_of(app).aenqueue(request.headers["user"])
        await asyncio.sleep(0)
        return PlainTextResponse("", int(request.headers["status"]))

    web = starlette(app, endpoint, acting=lambda scope: Acting(user=dict(scope["headers"])[b"user"].decode()))

    async def requests() -> None:
        await asyncio.gather(*(get(web, user=str(n), status="200" if n % 2 else "400") for n in range(10)))

    asyncio.run(requests())
    assert sorted(notes(app)) == sorted(users(app)) == ["1", "3", "5", "7", "9"]


def test_the_user_is_asked_for_when_somebody_enqueues(app: Packhorse) -> None:
    """Authentication runs behind the middleware; without a user it is nobody's, or whose the application says."""

    async def endpoint(request: Request) -> Response:
        await task_of(app).aenqueue("before")
        request.scope["user"] = 7
        await task_of(app).aenqueue("after")
        return PlainTextResponse("")

    asked = starlette(app, endpoint, acting=lambda scope: Acting(user=scope["user"]) if "user" in scope else None)
    asyncio.run(get(asked))
    app.acting_from(lambda: Acting(user="cron"))
    asyncio.run(get(asked))
    assert users(app) == [None, 7, "cron", 7]


def test_a_user_that_is_not_found_is_an_error(app: Packhorse) -> None:
    """Nothing is stored for nobody because somebody was looked for in the wrong place."""
    web = starlette(app, answering(app, PlainTextResponse("")), acting=lambda scope: Acting(user=scope["user"]))
    assert asyncio.run(get(web)).status_code == 500
    assert app.list_jobs() == []


def test_a_websocket_stores_at_once(app: Packhorse) -> None:
    """It may be open for hours; its user is known all the same."""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await task_of(app).aenqueue("a")
        assert notes(app) == ["a"]
        await websocket.close()

    web = Starlette(routes=[WebSocketRoute("/", endpoint)])
    web.add_middleware(PackhorseMiddleware, jobs=app, acting=lambda scope: Acting(user=scope["path"]))

    async def connect() -> None:
        arriving: Iterator[Message] = iter(
            [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
        )

        async def receive() -> Message:
            return next(arriving)

        async def send(message: Message) -> None:
            return None

        scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "subprotocols": []}
        await web(scope, receive, send)

    asyncio.run(connect())
    assert users(app) == ["/"]


def test_an_error_that_the_application_answers_itself_is_one(app: Packhorse) -> None:
    """Storing fails; the application catches that and answers with another status: nothing is stored twice."""
    statuses = list[int]()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    once = task_of(app).using(unique_key="once", on_duplicate="refuse")
    once.enqueue("first")

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        once.enqueue("again")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except PackhorseError:
            await send({"type": "http.response.start", "status": 503, "headers": []})

    asyncio.run(PackhorseMiddleware(plain, app)({"type": "http"}, receive, send))
    assert (statuses, notes(app)) == ([503], ["first"])
