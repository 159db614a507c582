"""What a handler may say about its own run."""

import copy
import pickle
from datetime import timedelta

import pytest

from packhorse.domain.outcome import (
    DEFAULT_SKIP,
    Cancel,
    Fail,
    Retry,
    ServiceUnavailable,
    Skip,
    Verdict,
    find_advice,
)

VERDICTS = [Retry, Skip, Fail, Cancel]


@pytest.mark.accepts("C8")
@pytest.mark.parametrize("kind", VERDICTS)
def test_a_verdict_may_be_raised_and_returned(kind: type[Verdict]) -> None:
    """It is an exception with a reason, and reads like one."""
    verdict = kind("the printer is off")
    assert isinstance(verdict, Exception)
    assert (verdict.reason, str(verdict)) == ("the printer is off", "the printer is off")


@pytest.mark.parametrize("kind", VERDICTS)
def test_a_verdict_without_a_reason_reads_as_its_name(kind: type[Verdict]) -> None:
    """A log line is never empty, and the record says that no reason was given."""
    assert (kind().reason, str(kind())) == (None, kind.__name__)


@pytest.mark.parametrize("after", [None, timedelta(0), timedelta(milliseconds=-1), timedelta(days=-1)])
def test_a_skip_waits_five_seconds_unless_told_longer(after: timedelta | None) -> None:
    """A time not above zero would make a job that skips itself run in a circle."""
    assert Skip("test-skip", after=after).after == DEFAULT_SKIP == timedelta(seconds=5)


def test_a_skip_waits_as_long_as_told() -> None:
    """To the millisecond."""
    assert Skip("test-skip", after=timedelta(milliseconds=12345)).after == timedelta(milliseconds=12345)


@pytest.mark.accepts("M17")
def test_the_spread_of_a_skip_is_never_less_than_nothing() -> None:
    """And it is refused where it is no duration."""
    assert Skip(spread=timedelta(seconds=-1)).spread == Skip().spread == timedelta(0)
    assert Skip(spread=timedelta(seconds=5)).spread == timedelta(seconds=5)
    with pytest.raises(TypeError, match="spread must be a timedelta"):
        Skip(spread=5)  # type: ignore[arg-type]


@pytest.mark.accepts("M18")
def test_an_advice_is_found_behind_other_exceptions_and_survives_a_copy() -> None:
    """The nearest one counts; one that says nothing is none."""
    outer = RuntimeError("in other words")
    outer.__cause__ = copy.copy(ServiceUnavailable("the bank", retry_after=timedelta(seconds=3)))
    found = find_advice(outer)
    assert found is not None
    assert (found.reason, found.after) == ("the bank", timedelta(seconds=3))
    silent = [None, timedelta(0), timedelta(seconds=-1)]
    assert [find_advice(ServiceUnavailable("the bank", retry_after=after)) for after in silent] == [None] * 3
    assert find_advice(RuntimeError()) is None
    assert pickle.loads(pickle.dumps(outer.__cause__)).retry_after == timedelta(seconds=3)  # noqa: S301 - our own


def test_a_retry_leaves_its_time_to_the_backoff() -> None:
    """Unless the handler names one."""
    assert Retry().after is None
    assert Retry(after=timedelta(0)).after == timedelta(0)


@pytest.mark.parametrize("kind", [Retry, Skip])
@pytest.mark.parametrize("after", [5, 1.5, "5s"])
def test_a_time_without_a_unit_is_refused_where_it_is_written(kind: type[Retry | Skip], after: object) -> None:
    """The handler's own line is in the trace, and the attempt ends as any other error of the handler does."""
    with pytest.raises(TypeError, match=r"^after must be a timedelta, such as timedelta\(seconds=30\), not "):
        kind(after=after)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^retry_after must be a timedelta, such as timedelta\(seconds=30\), not "):
        ServiceUnavailable("the bank", retry_after=after)  # type: ignore[arg-type]


@pytest.mark.parametrize("verdict", [Retry("r", after=timedelta(seconds=3)), Skip(), Fail("f"), Cancel()])
def test_a_verdict_survives_the_way_between_processes(verdict: Verdict) -> None:
    """An isolated task raises it in a child and the worker reads it."""
    for twin in (pickle.loads(pickle.dumps(verdict)), copy.copy(verdict)):  # noqa: S301 - our own bytes
        assert type(twin) is type(verdict)
        assert (twin.reason, getattr(twin, "after", None)) == (verdict.reason, getattr(verdict, "after", None))


class _Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("kind", VERDICTS)
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such customer"), "no such customer"),
        (ValueError(), "ValueError"),
        (_Mute(), "<the exception's own str() raised RuntimeError>"),
    ],
    ids=["text", "no text", "broken"],
)
def test_an_exception_as_a_reason_stands_for_its_text(kind: type[Verdict], error: Exception, text: str) -> None:
    """`raise Fail(error) from error` is how one writes it; what is stored is text."""
    assert kind(error).reason == text


@pytest.mark.parametrize("kind", VERDICTS)
@pytest.mark.parametrize("reason", [7, b"bytes", ["a"]])
def test_a_reason_that_is_no_text_is_refused_where_it_is_written(kind: type[Verdict], reason: object) -> None:
    """As with a time without a unit, the handler's own line is in the trace."""
    with pytest.raises(TypeError, match="a reason must be text or an exception"):
        kind(reason)  # type: ignore[arg-type]
