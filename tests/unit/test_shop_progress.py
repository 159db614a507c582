"""The example shop's progress bar."""

import io
import time

import pytest

from shop.progress import Progress


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """What it shows."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the bar looks at, and a terminal that can draw it."""
    monkeypatch.setenv("TERM", "xterm")
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


def test_a_terminal_shows_a_bar_with_rate_and_time_left(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, which is written over."""
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    progress = Progress("invoices", 1200, out)

    progress.show(0)
    clock.now += 1
    progress.show(300)
    progress.show(301)

    assert out.getvalue() == (
        f"\r\x1b[K{'·' * 40} invoices 0 of 1,200\r\x1b[K{'█' * 10}{'·' * 30} invoices 300 of 1,200, 300/s, 3 s left"
    )


def test_a_narrow_terminal_shows_no_bar(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line never wraps."""
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()

    Progress("invoices", 1200, out).show(300)

    assert out.getvalue() == "\r\x1b[Kinvoices 300 of 1,2"


def test_a_terminal_that_can_do_nothing_gets_plain_lines(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM=dumb says so: no control characters."""
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()

    Progress("invoices", 1200, out).show(300)

    assert out.getvalue() == "invoices 300 of 1,200\n"


def test_a_file_gets_a_line_now_and_then(clock: Clock) -> None:
    """Without control characters; the last line always comes."""
    out = io.StringIO()
    progress = Progress("invoices", 100, out)

    for done in range(0, 100, 10):
        progress.show(done)
        clock.now += 1
    progress.say("a worker was killed")
    progress.show(100, is_last=True)

    assert out.getvalue().splitlines() == [
        "invoices 0 of 100",
        "invoices 50 of 100, 10/s, 5 s left",
        "a worker was killed",
        "invoices 100 of 100",
    ]


def test_a_message_stands_above_the_bar(clock: Clock) -> None:
    """The bar's line is cleared for it, and the bar drawn again."""
    out = Terminal()
    progress = Progress("invoices", 100, out)

    progress.show(10)
    progress.say("a worker was killed")
    progress.show(10, is_last=True)

    assert "\r\x1b[Ka worker was killed\n\r\x1b[K" in out.getvalue()
    assert out.getvalue().endswith("invoices 10 of 100\n")
