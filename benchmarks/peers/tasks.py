"""Our own application: what `packhorse worker -A benchmarks.peers.tasks:app` serves in a benchmark."""

from __future__ import annotations

from benchmarks.peers.handling import handle
from packhorse import Packhorse

app = Packhorse()


@app.task(name="nothing")
def nothing(n: int, note: str) -> None:
    """Do nothing but be counted."""
    handle(n)
