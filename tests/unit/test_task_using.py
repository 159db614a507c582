"""`task.using(…)`: the options of one enqueue."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from packhorse import BoundTask, Call, ConfigurationError, Packhorse, UsageError
from packhorse.options import Options

LATE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def send() -> BoundTask[[int], None]:
    """A task of an application whose database is never opened."""

    @Packhorse("sqlite:///never-opened.db").task(name="send", queue="mail", priority="low")
    def send(number: int) -> None: ...

    return send


def test_options_add_up_and_the_last_one_wins(send: BoundTask[[int], None]) -> None:
    """What is not given stays as it is, in the task and in the earlier `using`."""
    first = send.using(queue="slow", delay=timedelta(seconds=1))
    second = first.using(queue="fast", max_attempts=2)

    assert first.call(1).options == Options(queue="slow", priority=7, delay=timedelta(seconds=1))
    assert second.call(1).options == Options(queue="fast", priority=7, delay=timedelta(seconds=1), max_attempts=2)
    assert send.call(1).options == Options(queue="mail", priority=7)


def test_a_call_is_a_value(send: BoundTask[[int], None]) -> None:
    """Name, arguments and options, for enqueue_many."""
    call = send.using(priority=3).call(1)

    assert isinstance(call, Call)
    assert (call.task, call.args, dict(call.kwargs), call.options.priority) == ("send", (1,), {}, 3)


def test_a_call_carries_no_connection(send: BoundTask[[int], None]) -> None:
    """enqueue_many takes one for all."""
    with pytest.raises(UsageError, match="enqueue_many"):
        send.using(conn=object()).call(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queue": "two words"}, "no name for a queue"),
        ({"queue": "ümlaut"}, "no name for a queue"),
        ({"queue": "end\n"}, "no name for a queue"),
        ({"priority": "hihg"}, "unknown priority 'hihg'"),
        ({"priority": -40_000}, "outside"),
        ({"delay": 5}, r"timedelta\(seconds=30\)"),
        ({"delay": timedelta(seconds=-1)}, "between zero and ten years"),
        ({"delay": timedelta(days=3651)}, "between zero and ten years"),
        ({"expected_in": timedelta.max}, "between zero and ten years"),
        ({"scheduled_at": "2030-01-01"}, "must be a datetime"),
        ({"scheduled_at": datetime(2030, 1, 1)}, "names no time zone"),  # noqa: DTZ001
        ({"expected_at": datetime(1, 1, 1, tzinfo=UTC)}, "between the years"),
        ({"expected_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))}, "between the years"),
        ({"delay": timedelta(0), "scheduled_at": LATE}, "delay or scheduled_at, not both"),
        ({"expected_in": timedelta(0), "expected_at": LATE}, "expected_in or expected_at, not both"),
        ({"max_attempts": 0}, "whole number from 1"),
        ({"max_attempts": 1.5}, "whole number from 1"),
    ],
)
def test_a_wrong_option_is_refused(send: BoundTask[[int], None], options: dict[str, Any], message: str) -> None:
    """At once, with what is expected."""
    with pytest.raises(ConfigurationError, match=message):
        send.using(**options)


def test_a_time_given_twice_in_two_steps_is_refused(send: BoundTask[[int], None]) -> None:
    """Nobody guesses which one was meant."""
    with pytest.raises(ConfigurationError, match="not both"):
        send.using(delay=timedelta(seconds=1)).using(scheduled_at=LATE)


@pytest.mark.parametrize(
    "build",
    [
        lambda send: send.using(queue="a.b:c-d_9"),
        lambda send: send.using(delay=timedelta(days=3650)),
        lambda send: send.using(scheduled_at=datetime(1999, 1, 1, tzinfo=UTC)),
        lambda send: send.using(priority=-32768),
    ],
)
def test_what_is_just_right_is_taken(
    send: BoundTask[[int], None], build: Callable[[BoundTask[[int], None]], BoundTask[[int], None]]
) -> None:
    """Ten years, a moment in the past, every sign that a queue's name may have."""
    assert isinstance(build(send), BoundTask)
