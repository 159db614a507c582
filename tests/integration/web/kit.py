"""What the tests of web applications share: a task, and requests."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from packhorse import Packhorse, Task


def jobs_app(url: str) -> Packhorse:
    """An application with the task `note`."""
    app = Packhorse(url)
    app.task(name="note")(note)
    return app


def note(text: str) -> str:
    """The handler."""
    return text


def task_of(app: Packhorse) -> "Task[[str], str]":
    """Its task `note`."""
    return app.registry.get("note")


def notes(app: Packhorse) -> list[str]:
    """What `note` was enqueued with, whatever has become of it."""
    return [json.loads(job.args)[0] for job in reversed(app.list_jobs(task="note"))]


def users(app: Packhorse) -> list[Any]:
    """On whose behalf."""
    return [json.loads(job.meta)["packhorse.acting"].get("user") if job.meta else None for job in app.list_jobs()][::-1]


async def get(web: Callable[..., Any], path: str = "/", **headers: str) -> httpx.Response:
    """What a browser is answered; a server makes status 500 of what the application raises."""
    transport = httpx.ASGITransport(app=web, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        return await client.get(path, headers=headers)
