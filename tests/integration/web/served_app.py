"""A web application with a worker in its process, as `uvicorn tests.integration.web.served_app:web` serves it."""

import os
import time
from pathlib import Path

from fastapi import FastAPI

from packhorse import Context, Packhorse
from packhorse.integrations.asgi import lifespan
from packhorse.runtime.settings import WorkerSettings

app = Packhorse()
web = FastAPI(lifespan=lifespan(app, worker=WorkerSettings(threads=2, shutdown_timeout=20)))


@app.task(name="work")
def work(ctx: Context, folder: str) -> int:
    """Say that it has begun, and end when it may, or when it is to be stopped."""
    (Path(folder) / "begun").touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.01)
    return os.getpid()


@web.get("/")
def index() -> int:
    """Which process answers."""
    return os.getpid()
