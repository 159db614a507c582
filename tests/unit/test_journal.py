"""What a record of `logging` says, whatever is wrong with it."""

import logging

import pytest

from packhorse.journal import text_of


class Broken:
    """What can't be shown."""

    def __str__(self) -> str:
        raise RuntimeError("broken")


def record(message: object, *args: object) -> logging.LogRecord:
    """A record as `logging` makes it."""
    return logging.LogRecord("shop", logging.INFO, "", 0, message, args, None)


def test_arguments_are_put_in() -> None:
    """As `logging` does it."""
    assert text_of(record("%d of %s", 1, "two")) == "1 of two"
    assert text_of(record({"any": "object"})) == "{'any': 'object'}"


@pytest.mark.parametrize(
    ("message", "args", "why"), [("%d of %d", (1,), "TypeError"), ("%s", (Broken(),), "RuntimeError")]
)
def test_a_record_that_cannot_be_formatted_says_so(message: str, args: tuple[object, ...], why: str) -> None:
    """Nothing is raised into the handler that logs."""
    assert text_of(record(message, *args)) == f"{message} <its arguments could not be put in: {why}>"


def test_a_message_that_cannot_be_shown_says_so() -> None:
    """The object itself may be a stranger's."""
    assert text_of(record(Broken())).endswith("<its arguments could not be put in: RuntimeError>")
