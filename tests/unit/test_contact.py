"""Whether the database has been within reach for long enough to judge who is dead."""

import pytest

from packhorse.runtime.contact import Contact

LEASE, POLL = 15.0, 1.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at rest."""
    return Clock()


@pytest.fixture
def contact(clock: Clock) -> Contact:
    """A contact that begins now."""
    return Contact(LEASE, POLL, clock)


@pytest.mark.accepts("C6")
def test_steady_contact_is_settled(contact: Contact, clock: Clock) -> None:
    """While the database answers every second, the silence of others means something."""
    for _ in range(60):
        clock.now += POLL
        contact.made()
        assert contact.is_settled()


@pytest.mark.accepts("C6")
def test_nobody_is_judged_during_a_silence(contact: Contact, clock: Clock) -> None:
    """Whoever has heard nothing himself can't say that others are dead, even before he hears something again."""
    clock.now += 40.0

    assert not contact.is_settled()


@pytest.mark.accepts("C6")
def test_nobody_is_judged_in_the_first_lease_after_a_silence(contact: Contact, clock: Clock) -> None:
    """The others had the same trouble to be heard of, and get one lease."""
    clock.now += 40.0
    contact.made()
    settled_after = 0.0
    while not contact.is_settled():
        clock.now += POLL
        settled_after += POLL
        contact.made()

    assert LEASE - POLL <= settled_after <= LEASE + POLL


@pytest.mark.accepts("C6")
def test_a_lease_as_short_as_a_few_polls_can_settle(clock: Clock) -> None:
    """With a lease of two seconds and a look every second, ordinary looks are no silence."""
    contact = Contact(2.0, 1.0, clock)
    for _ in range(10):
        clock.now += 1.2
        contact.made()

    assert contact.is_settled()
