"""What is due at a look at the clock, and what becomes of missed ticks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhorse.domain.schedule.cron import Cron
from packhorse.domain.schedule.every import Every
from packhorse.domain.schedule.missed import CORRECTION, Due, Missed, MissedRuns, due
from packhorse.domain.schedule.rule import Rule
from packhorse.domain.schedule.ticks import ticks_between
from packhorse.errors import ConfigurationError

pytestmark = pytest.mark.accepts("C18")

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
HOURLY = Cron("0 * * * *")
ONE = MissedRuns()
SKIP, ALL = MissedRuns(Missed.SKIP), MissedRuns(Missed.ALL)

rules = st.sampled_from(
    [
        HOURLY,
        Cron("*/7 * * * *", tz="Australia/Lord_Howe"),
        Cron("30 2 * * *", tz="Europe/Berlin"),
        Every(20, "seconds"),
        Every(13, "minutes", weekdays=("sun",), tz="America/St_Johns"),
    ]
)
policies = st.builds(
    MissedRuns,
    st.sampled_from(Missed),
    st.integers(1, 20),
    st.timedeltas(timedelta(0), timedelta(minutes=10)),
)
pauses = st.lists(
    st.one_of(
        st.timedeltas(timedelta(0), timedelta(seconds=90)),
        st.timedeltas(timedelta(0), timedelta(hours=30)),
        st.timedeltas(-CORRECTION, timedelta(0)),
    ),
    max_size=12,
)
begins = st.sampled_from([datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 4, 4, 12, tzinfo=UTC)])


def look_often(rule: Rule, begin: datetime, pauses: list[timedelta], policy: MissedRuns) -> list[tuple[datetime, Due]]:
    """What looks bring, one after each pause, each told what the last one settled; a negative pause sets them back."""
    now, last, looks = begin, begin, []
    for pause in pauses:
        now = max(now + pause, last - CORRECTION)
        found = due(rule, last, now, policy)
        last = found.settled_at
        looks.append((now, found))
    return looks


def test_at_its_first_registration_nothing_is_due() -> None:
    """The past before the schedule existed is nobody's; the first tick is the next one."""
    for policy in (SKIP, ONE, ALL):
        assert due(HOURLY, None, NINE, policy) == Due((), NINE + HOUR, NINE)


def test_between_two_ticks_nothing_is_due() -> None:
    """And the next look need not come before the next tick."""
    assert due(HOURLY, NINE, NINE + MINUTE, ONE) == Due((), NINE + HOUR, NINE + MINUTE)


def test_a_tick_is_due_at_its_moment_and_once() -> None:
    """Not a microsecond before, and not again at the same moment."""
    before = NINE - timedelta(microseconds=1)
    assert due(HOURLY, NINE - MINUTE, before, ONE).ticks == ()
    assert due(HOURLY, before, NINE, ONE) == Due((NINE,), NINE + HOUR, NINE)
    assert due(HOURLY, NINE, NINE, ONE) == Due((), NINE + HOUR, NINE)


@pytest.mark.parametrize("policy", [SKIP, ONE, ALL])
def test_within_the_grace_nothing_is_missed(policy: MissedRuns) -> None:
    """A look that comes a minute late, because another worker had to take over, runs every tick."""
    now = NINE + 30 * SECOND
    found = due(Every(10, "seconds"), NINE, now, policy)
    assert found.ticks == (NINE + 10 * SECOND, NINE + 20 * SECOND, now)
    assert found.left_out is None


@pytest.mark.parametrize(
    ("policy", "hours"),
    [
        (SKIP, []),
        (ONE, [11]),
        (ALL, [9, 10, 11]),
        (MissedRuns(Missed.ALL, most=2), [10, 11]),
    ],
)
def test_missed_ticks_are_skipped_or_run_once_or_each(policy: MissedRuns, hours: list[int]) -> None:
    """From before nine to half past eleven nobody looked; of too many the latest run, and what was left out is told."""
    found = due(HOURLY, NINE - MINUTE, NINE + 2.5 * HOUR, policy)
    assert [tick.hour for tick in found.ticks] == hours
    assert found.next == NINE + 3 * HOUR
    assert found.left_out == (None if hours[:1] == [9] else NINE)


@pytest.mark.parametrize(("policy", "hours"), [(SKIP, [11]), (ONE, [11]), (ALL, [9, 10, 11])])
def test_a_tick_that_is_just_due_runs_after_missed_ones(policy: MissedRuns, hours: list[int]) -> None:
    """With `skip` it is not among the missed, with `one` it stands for them."""
    found = due(HOURLY, NINE - MINUTE, NINE + 2 * HOUR + SECOND, policy)
    assert [tick.hour for tick in found.ticks] == hours


def test_a_long_absence_costs_no_more_than_the_ticks_that_run() -> None:
    """A year of seconds is not counted through."""
    each_second, absence = Every(1, "seconds"), timedelta(days=365)
    now = NINE + absence
    assert due(each_second, NINE, now, ONE).ticks == (now,)
    assert due(each_second, NINE, now, MissedRuns(Missed.ALL, most=3, grace=timedelta(0))).ticks == tuple(
        now - number * SECOND for number in (3, 2, 1, 0)
    )


def test_a_clock_that_goes_back_a_little_brings_no_tick_again() -> None:
    """What was settled stays settled, and the next tick is the one after it."""
    found = due(HOURLY, NINE, NINE - HOUR, ALL)
    assert found == Due((), NINE + HOUR, NINE)
    assert due(HOURLY, found.settled_at, NINE + HOUR, ALL).ticks == (NINE + HOUR,)


def test_a_clock_that_was_far_ahead_does_not_silence_a_schedule() -> None:
    """It was wrong for a while, and showed a day next month; the schedule begins anew with the right time."""
    assert due(HOURLY, NINE + timedelta(days=30), NINE, ALL) == Due((), NINE + HOUR, NINE)


def test_a_changed_rule_begins_when_it_is_changed() -> None:
    """The old rule is settled first, so that its missed ticks run; those of the new one that lie before are not due."""
    old, new, now = HOURLY, Cron("*/10 * * * *"), NINE + 5 * MINUTE
    settled = due(old, NINE - MINUTE, now, ONE)
    changed = due(new, None, settled.settled_at, ONE)
    assert settled.ticks == (NINE,)
    assert changed == Due((), NINE + 10 * MINUTE, now)


def test_a_rule_that_has_ended_has_no_next_tick() -> None:
    """Its last ticks still run."""
    ended = Cron("0 9 * * *", last_day=NINE.date())
    assert due(ended, NINE - HOUR, NINE + HOUR, ALL) == Due((NINE,), None, NINE + HOUR)
    assert due(ended, NINE + HOUR, NINE + 2 * HOUR, ALL) == Due((), None, NINE + 2 * HOUR)


@settings(deadline=None, max_examples=60)
@given(rules, begins, pauses, policies)
def test_no_tick_comes_twice_or_early(rule: Rule, begin: datetime, pauses: list[timedelta], policy: MissedRuns) -> None:
    """Over any number of looks, with clocks that go back by up to three hours, whatever the policy."""
    looks = look_often(rule, begin, pauses, policy)
    ticks = [tick for _, found in looks for tick in found.ticks]
    assert ticks == sorted(set(ticks))
    for now, found in looks:
        assert all(tick <= now for tick in found.ticks)
        assert found.settled_at >= now
        assert found.next is None or found.next > found.settled_at


@settings(deadline=None, max_examples=60)
@given(rules, begins, pauses, policies)
def test_each_policy_keeps_what_it_promises_at_each_look(
    rule: Rule, begin: datetime, pauses: list[timedelta], policy: MissedRuns
) -> None:
    """`skip`: all punctual ticks; `all`: the latest missed ones too; `one`: a single one, if any was missed."""
    last = begin
    for now, found in look_often(rule, begin, pauses, policy):
        expected = ticks_between(rule, last, now)
        last = found.settled_at
        missed = [tick for tick in expected if tick < now - policy.grace]
        punctual = expected[len(missed) :]
        if policy.missed == Missed.ONE and missed:
            assert found.ticks == expected[-1:]
        else:
            kept = missed[-policy.most :] if policy.missed == Missed.ALL else []
            assert found.ticks == (*kept, *punctual)
        assert found.left_out == (expected[0] if expected[:1] != found.ticks[:1] else None)


@settings(deadline=None, max_examples=60)
@given(rules, begins, pauses)
def test_running_each_loses_nothing(rule: Rule, begin: datetime, pauses: list[timedelta]) -> None:
    """However irregular the looks are, together they bring every tick, as long as the bound is not reached."""
    policy = MissedRuns(Missed.ALL, most=10_000)
    looks = look_often(rule, begin, [min(pause, HOUR) for pause in pauses], policy)
    until = max([begin, *(now for now, _ in looks)])
    assert [tick for _, found in looks for tick in found.ticks] == list(ticks_between(rule, begin, until))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"missed": "never"}, "missed must be skip, one, all, not 'never'"),
        ({"missed": []}, "missed must be skip, one, all, not []"),
        ({"most": 0}, "most must be a whole number from 1 to 10000, not 0"),
        ({"grace": timedelta(hours=2)}, "grace must be a timedelta between 0 and 1:00:00, not 2:00:00"),
        ({"grace": timedelta(-1)}, "grace must be a timedelta between 0 and 1:00:00"),
        ({"grace": 60}, "grace must be a timedelta between 0 and 1:00:00, not 60"),
    ],
)
def test_a_wrong_policy_is_refused(settings: dict[str, object], message: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigurationError) as refusal:
        MissedRuns(**settings)  # type: ignore[arg-type]
    assert message in str(refusal.value)
