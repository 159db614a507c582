"""What a request of a WSGI application enqueues belongs to the request: Flask, and none."""

from collections.abc import Iterable, Iterator
from contextvars import copy_context
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import flask
import pytest

from packhorse import Acting, Packhorse, acting
from packhorse.errors import DuplicateJob
from packhorse.integrations.wsgi import PackhorseMiddleware
from tests.integration.web.kit import notes, task_of, users


def serve(web: Any, **environ: Any) -> tuple[str, bytes]:
    """What a server would send."""
    setup_testing_defaults(environ)
    sent, status = list[bytes](), list[str]()

    def start_response(line: str, headers: Any, exc_info: Any = None) -> Any:
        status[:] = [line]
        return sent.append

    body = web(environ, start_response)
    try:
        sent.extend(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return status[0], b"".join(sent)


def flask_app(app: Packhorse) -> flask.Flask:
    """An application that enqueues, and answers with the status of its path."""
    web = flask.Flask("shop")

    @web.get("/<int:status>")
    def answer(status: int) -> tuple[str, int]:
        flask.g.user = status
        task_of(app).enqueue(str(status))
        assert notes(app) == []
        return "", status

    @web.get("/raise")
    def fail() -> str:
        task_of(app).enqueue("raised")
        raise ValueError("wrong")

    @web.get("/stream")
    def stream() -> flask.Response:
        task_of(app).enqueue("a")

        def body() -> Iterator[str]:
            assert notes(app) == ["a"]
            task_of(app).enqueue("b")
            assert notes(app) == ["a", "b"]
            yield "1"

        return flask.Response(flask.stream_with_context(body()))

    bound = PackhorseMiddleware(web.wsgi_app, app, acting=lambda environ: Acting(user=flask.g.get("user")))
    web.wsgi_app = bound  # type: ignore[method-assign]  # as Flask's documentation has it
    return web


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_the_status_decides(app: Packhorse, status: int) -> None:
    """Jobs are stored for a response that is no error, on behalf of whoever Flask's context says."""
    answer = flask_app(app).test_client().get(f"/{status}")
    assert answer.status_code == status
    assert users(app) == ([status] if status < 400 else [])


def test_an_error_of_the_view_leaves_nothing(app: Packhorse) -> None:
    """Flask makes a response of it."""
    assert flask_app(app).test_client().get("/raise").status_code == 500
    assert notes(app) == []


def test_what_comes_after_the_response_began_is_stored_at_once(app: Packhorse) -> None:
    """In a streamed body, which runs in the request's context."""
    answer = flask_app(app).test_client().get("/stream")
    assert (answer.data, notes(app)) == (b"1", ["a", "b"])


def test_an_application_that_is_a_generator_is_bound_to_its_first_chunk(app: Packhorse) -> None:
    """Nothing of it runs before; what fails before its first chunk leaves nothing."""

    def web(environ: Any, start_response: Any) -> Iterable[bytes]:
        task_of(app).enqueue(environ["NOTE"])
        start_response("200 OK", [])
        if environ["NOTE"] == "wrong":
            raise ValueError("wrong")
        assert notes(app) == []
        yield b"1"
        assert notes(app) == ["a"]
        yield str(acting().user).encode()

    bound = PackhorseMiddleware(web, app, acting=lambda environ: Acting(user=7))
    with pytest.raises(ValueError, match="wrong"):
        serve(bound, NOTE="wrong")
    assert serve(bound, NOTE="a") == ("200 OK", b"17")
    assert acting() == Acting()


def test_an_application_that_writes_is_bound_to_what_it_writes_first(app: Packhorse) -> None:
    """The old way: `start_response` gives a function that sends."""

    def web(environ: Any, start_response: Any) -> Iterable[bytes]:
        task_of(app).enqueue("a")
        write = start_response("200 OK", [])
        write(b"1")
        assert notes(app) == ["a"]
        return []

    assert serve(PackhorseMiddleware(web, app)) == ("200 OK", b"1")


def test_a_status_that_is_replaced_counts(app: Packhorse) -> None:
    """An application may say another one while nothing was sent."""

    def web(environ: Any, start_response: Any) -> Iterable[bytes]:
        task_of(app).enqueue("a")
        start_response("200 OK", [])
        start_response("500 Oh", [], (ValueError, ValueError(), None))
        return [b""]

    assert serve(PackhorseMiddleware(web, app))[0] == "500 Oh"
    assert notes(app) == []


def test_a_database_that_refuses_makes_an_error_of_the_response(app: Packhorse) -> None:
    """The server has sent nothing yet."""
    once = task_of(app).using(unique_key="once", on_duplicate="refuse")
    once.enqueue("first")

    def web(environ: Any, start_response: Any) -> Iterable[bytes]:
        once.enqueue("again")
        start_response("200 OK", [])
        return [b"made"]

    with pytest.raises(DuplicateJob):
        serve(PackhorseMiddleware(web, app))


def test_files_and_lists_reach_the_server_as_they_are(app: Packhorse) -> None:
    """It may send them faster than chunk by chunk."""
    bodies: list[Iterable[bytes]] = [[b"1"], FileWrapper(BytesIO(b"1"))]
    for body in bodies:

        def web(environ: Any, start_response: Any, body: Iterable[bytes] = body) -> Iterable[bytes]:
            start_response("200 OK", [])
            return body

        bound = PackhorseMiddleware(web, app)
        assert bound({"wsgi.file_wrapper": FileWrapper}, lambda *_: None) is body


def test_nothing_is_left_in_the_servers_thread(app: Packhorse) -> None:
    """A request whose body is never closed binds no later enqueue."""

    def web(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"1"

    before = dict(copy_context().items())
    next(iter(PackhorseMiddleware(web, app)({}, lambda *_: None)))
    assert dict(copy_context().items()) == before
    task_of(app).enqueue("a")
    assert notes(app) == ["a"]
