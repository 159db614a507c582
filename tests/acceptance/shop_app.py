"""A small application for the tests of the command line; its address comes from the environment."""

import logging
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from packhorse import Backoff, Context, Packhorse, UserError


def greet(name: str, loud: bool = False) -> str:
    """Answer a greeting."""
    return f"Hello {name}{'!' if loud else ''}"


def fail(message: str) -> None:
    """Raise."""
    raise ValueError(message)


def refuse(customer: int) -> None:
    """Find a mistake in the data."""
    raise UserError(f"customer {customer} has no address", "fill it in")


def wait(seconds: float, sign: str | None = None) -> None:
    """Take a while; the file `sign` appears when it has begun."""
    if sign is not None:
        Path(sign).touch()
    time.sleep(seconds)


def tell_process() -> int:
    """The number of the process that the handler runs in."""
    return os.getpid()


def kill() -> None:
    """End the process that the handler runs in, as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def talk(ctx: Context, sign: str, message: str = "talking") -> None:
    """Say something until the file `sign` is there, then fail; the second attempt succeeds."""
    ctx.progress(1, 4, "a quarter")
    logging.getLogger("shop.talk").info(message)
    while not Path(sign).exists():
        time.sleep(0.01)
    ctx.log.error("the %s is there", "sign")
    if ctx.job.attempt == 1:
        raise ValueError(message)


def whisper() -> None:
    """Log a line that few care about, and one that many do."""
    logging.getLogger("shop").debug("whispered")
    logging.getLogger("shop").info("said")


def make_app(url: str | None = None) -> Packhorse:
    """The application; the tests make one of their own beside the one that commands load."""
    made = Packhorse(url, worker="processes")
    made.task(name="shop.greet", queue="mail")(greet)
    made.task(name="shop.fail", max_attempts=2, backoff=Backoff(first=timedelta(0)))(fail)
    made.task(name="shop.refuse", responsible="kim")(refuse)
    made.task(name="shop.refuse_apart", isolation="process")(refuse)
    made.task(name="shop.wait")(wait)
    made.task(name="shop.talk", max_attempts=2, backoff=Backoff(first=timedelta(0)))(talk)
    made.task(name="shop.whisper")(whisper)
    made.task(name="shop.whisper_isolated", isolation="process")(whisper)
    made.task(name="shop.tell_process")(tell_process)
    made.task(name="shop.tell_child", isolation="process")(tell_process)
    made.task(name="shop.kill", isolation="process")(kill)
    return made


app = make_app()
