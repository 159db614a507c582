"""When a worker looks what there is to do, and when it guesses instead."""

from datetime import timedelta

import pytest

from packhorse.runtime.looks import FRESH_SECONDS, Looks

POLL = 1.0
INSTANT = 0.0001
"""How long a look takes here."""


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Hand:
    """A clock that stands still."""
    return Hand()


@pytest.fixture
def looks(clock: Hand) -> Looks:
    """After a look, and a claim that brought jobs of `mail`."""
    looks = Looks(POLL, clock)
    looks.ended(INSTANT)
    looks.brought("mail")
    return looks


def test_the_first_look_is_due_at_once_and_the_next_one_after_the_poll(clock: Hand) -> None:
    """Where nothing else calls for one."""
    looks = Looks(POLL, clock)
    assert looks.is_due()
    looks.ended(INSTANT)
    clock.now += POLL - 0.001
    assert not looks.is_due()
    clock.now += 0.001
    assert looks.is_due()


def test_a_scheduled_job_calls_for_a_look_when_it_is_due(looks: Looks, clock: Hand) -> None:
    """Not before, whatever the poll."""
    looks.expect(timedelta(seconds=0.5))
    assert looks.next_at == clock.now + 0.5
    assert not looks.is_job_due()
    clock.now += 0.5
    assert looks.is_due()
    assert looks.is_job_due()


def test_guesses_go_on_while_they_bring_jobs_and_the_look_is_fresh(looks: Looks, clock: Hand) -> None:
    """Then a look is due, however many there were."""
    for _ in range(10):
        assert looks.guess() == "mail"
        looks.brought("mail")
        assert not looks.is_due()
    clock.now += FRESH_SECONDS
    assert looks.is_due()
    assert looks.guess() is None


def test_a_guess_that_brings_nothing_is_followed_by_a_look(looks: Looks) -> None:
    """At once; and no other guess before it, nor after it without jobs."""
    assert looks.guess() == "mail"
    assert looks.is_due()
    assert looks.guess() is None
    looks.ended(INSTANT)
    assert not looks.is_due()
    assert looks.guess() is None


def test_a_guess_long_after_a_look_is_followed_by_one(looks: Looks, clock: Hand) -> None:
    """Even if it was right: what else there is has not been looked at for a while."""
    clock.now += 2 * FRESH_SECONDS
    assert looks.guess() == "mail"
    looks.brought("mail")
    assert looks.is_due()


def test_a_look_that_takes_long_stays_fresh_for_longer(looks: Looks, clock: Hand) -> None:
    """So that looks take a twentieth of the time at most."""
    looks.ended(0.01)
    looks.ended(0.01)
    assert looks.want_soon()
    assert looks.next_at == pytest.approx(clock.now + 0.2)


def test_a_look_that_is_wanted_soon_waits_for_the_last_one_to_age(looks: Looks, clock: Hand) -> None:
    """One that is wanted now does not."""
    assert looks.want_soon()
    assert looks.next_at == clock.now + FRESH_SECONDS
    clock.now += FRESH_SECONDS
    assert not looks.want_soon()
    looks.ended(INSTANT)
    looks.want()
    assert looks.is_due()
