"""What users type on the command line, read as values; and values as commands print them."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from packhorse.cli import values
from packhorse.cli.output import ago, counted, printable
from packhorse.cli.suggestions import completed, without_password
from packhorse.domain.durations import duration
from packhorse.runtime.endings import ending


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5s", 1.5), ("250ms", 0.25), ("5m", 300), ("5 min", 300), ("2H", 7200), ("1d", 86_400), (" 0 ", 0)],
)
def test_durations_carry_a_unit_or_are_seconds(text: str, seconds: float) -> None:
    """The units are those that people write."""
    assert values.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "m", "-5", "1w", "5 5", "1e3", "nan", "\u0665", "1" * 400])
def test_other_durations_are_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(click.BadParameter):
        values.duration(text)


@pytest.mark.parametrize(
    ("text", "queues"),
    [
        ("billing", {"billing": None}),
        ("billing:10, mail:5,reports", {"billing": 10, "mail": 5, "reports": None}),
        ("eu:billing:3", {"eu:billing": 3}),
        ("eu:billing:*", {"eu:billing": None}),
    ],
)
def test_queues_may_name_their_slots(text: str, queues: dict[str, int | None]) -> None:
    """A number after the last colon is the number of slots; the same text is written for the worker's processes."""
    assert values.queues(text) == queues
    assert values.queues(values.queues_text(queues)) == queues


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "a,,b", "a,", "a b", "mail:0", "mail:x", "mail:", "mail:-1", "eu:mail", "mail:1234567890"),
        *(":3", ":", "-x", "é", "m\nn", "x" * 64, "a,a", "a:1,a:2"),
    ],
)
def test_other_queues_are_refused(text: str) -> None:
    """A name that no job can have, an empty one, or what is no number of slots is a mistake."""
    with pytest.raises(click.BadParameter):
        values.queues(text)


def test_a_duration_has_bounds_where_an_option_has() -> None:
    """Both count as inside."""
    read = values.duration_between("1s", "2m")

    assert [read(text) for text in ("1", "120s")] == [timedelta(seconds=1), timedelta(minutes=2)]
    for text in ("0", "999ms", "121s"):
        with pytest.raises(click.BadParameter, match="from 1s to 2m"):
            read(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@db:6432/shop", "postgresql://ann:***@db:6432/shop"),
        ("postgresql://ann@db/shop", "postgresql://ann@db/shop"),
        (
            "postgresql:///shop?user=ann&password=s3cret&sslmode=require",
            "postgresql:///shop?user=ann&password=***&sslmode=require",
        ),
        ("postgresql://db/shop?sslpassword=s3cret", "postgresql://db/shop?sslpassword=***"),
        ("postgresql://ann:s3/cr@et@db/shop", "postgresql://ann:***@db/shop"),
        ("sqlite:////srv/shop.db", "sqlite:////srv/shop.db"),
    ],
)
def test_a_password_is_not_repeated(url: str, shown: str) -> None:
    """In doubt more is hidden than less."""
    assert without_password(url) == shown


def test_a_suggested_command_reaches_the_same_database() -> None:
    """The options follow it; a worker, which takes no address, gets its application; other texts stay as they are."""
    words = ["--database-url", "sqlite:///a.db"]

    def told(text: str, *words: str) -> str:
        return completed(text, words, lambda: "shop:app")

    assert told("run `packhorse migrate up` first", *words) == (
        "run `packhorse migrate up --database-url sqlite:///a.db` first"
    )
    assert told("see `packhorse worker -p 2` or `make`", *words) == "see `packhorse worker -p 2 -A shop:app` or `make`"
    assert told("`packhorse worker -A shop`, `packhorse workers list`") == (
        "`packhorse worker -A shop`, `packhorse workers list`"
    )
    assert told("run `packhorse migrate up`") == "run `packhorse migrate up`"


@pytest.mark.parametrize(
    ("code", "text"),
    [(3, "ended with status 3"), (-9, "was killed by signal 9 (SIGKILL)"), (-40, "was killed by signal 40")],
)
def test_how_a_process_ended_is_told_in_words(code: int, text: str) -> None:
    """A signal by its name, where it has one."""
    assert ending(code) == text


def test_things_are_counted_as_people_do() -> None:
    """One is not many."""
    assert [counted(number, "task") for number in (0, 1, 2000)] == ["0 tasks", "1 task", "2,000 tasks"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250 ms"),
        (1, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_durations_are_printed_in_the_unit_that_fits(seconds: float, text: str) -> None:
    """Short, and never of the wrong magnitude."""
    assert duration(timedelta(seconds=seconds)) == text


def test_moments_are_printed_from_the_reader_s_point_of_view() -> None:
    """In the past or in the future."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert ago(now - timedelta(seconds=12), now) == "12 s ago"
    assert ago(now + timedelta(minutes=3), now) == "in 3 min"
    assert ago(None) == ""


def test_text_that_would_steer_a_terminal_is_written_out() -> None:
    """Control characters and changes of the writing direction; line breaks only where there is room for them."""
    assert printable("a\x1b[2J\x9b\u202eb\nc") == "a\\x1b[2J\\x9b\\u202eb\nc"
    assert printable("a\nb", lines=False) == "a ↵ b"
