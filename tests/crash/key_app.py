"""The application of the fleets whose jobs have keys: each run tells when it began and when it ended."""

import os
import time

from packhorse import Context, Packhorse

app = Packhorse(os.environ["ORACLE_DATABASE_URL"])
handle = os.open(os.environ["ORACLE_TRACES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def tell(*words: object) -> None:
    """Append a line in one write."""
    os.write(handle, f"{' '.join(map(str, words))}\n".encode())


@app.task(name="step")
def step(ctx: Context, key: str, n: int, seconds: float) -> None:
    """Take a while, as the n-th of its key."""
    tell("began", key, n, os.getpid(), time.time())
    time.sleep(seconds)
    tell("ended", key, n, os.getpid(), time.time())
