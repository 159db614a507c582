"""The states of a job and which may follow which."""

import pytest

from packhorse.domain.state import FINAL, INITIAL, LIVE, TRANSITIONS, JobState


def test_every_state_is_either_live_or_final() -> None:
    """No state is both, none is neither, and `is_final` agrees."""
    assert set(JobState) == FINAL | LIVE
    assert not FINAL & LIVE
    assert {state for state in JobState if state.is_final} == FINAL


def test_every_state_says_what_may_follow() -> None:
    """The table has a row for every state, and no state follows itself."""
    assert set(TRANSITIONS) == set(JobState)
    assert all(state not in following for state, following in TRANSITIONS.items())


def test_a_succeeded_job_never_changes() -> None:
    """What has succeeded is over."""
    assert not TRANSITIONS[JobState.SUCCEEDED]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_a_person_may_only_let_a_final_job_begin_anew(state: JobState) -> None:
    """A failed or cancelled job comes back as available, or to the gate of its key: it passes what any other passes."""
    assert TRANSITIONS[state] == {JobState.AVAILABLE, JobState.BLOCKED}


def test_only_an_available_job_is_executed() -> None:
    """One gate leads to execution, so that one index serves the claim."""
    assert [state for state in JobState if JobState.EXECUTING in TRANSITIONS[state]] == [JobState.AVAILABLE]


def test_only_a_run_succeeds_or_fails() -> None:
    """`succeeded` and `failed` follow a run and nothing else."""
    for result in (JobState.SUCCEEDED, JobState.FAILED):
        assert [state for state in JobState if result in TRANSITIONS[state]] == [JobState.EXECUTING]


def test_every_state_can_be_reached_from_the_initial_ones() -> None:
    """No state of the table is dead."""
    reached = set(INITIAL)
    while more := {following for state in reached for following in TRANSITIONS[state]} - reached:
        reached |= more
    assert reached == set(JobState)


def test_every_live_job_can_still_finish() -> None:
    """From every live state some way leads to a final one: no job can be stuck by the rules themselves."""
    finishing = set(FINAL)
    while more := {state for state in JobState if TRANSITIONS[state] & finishing} - finishing:
        finishing |= more
    assert finishing == set(JobState)


def test_a_state_is_its_name() -> None:
    """What is stored, printed and filtered by is the plain word."""
    assert [str(state) for state in JobState] == [
        *("blocked", "scheduled", "available", "executing", "succeeded", "failed", "cancelled")
    ]
