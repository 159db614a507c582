"""docs/lifecycle.md says what the code does."""

from packhorse.domain.state import TRANSITIONS, JobState
from tools.lifecycle import OUTCOMES, PAGE, VERBS, filled


def test_the_page_is_as_the_code_makes_it() -> None:
    """After a change of the rules, `python tools/lifecycle.py --write` brings the page up to date."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == filled(page)


def test_every_arrow_has_a_verb() -> None:
    """No transition without something that causes it, and no verb for one that is not allowed."""
    assert set(VERBS) == {(state, after) for state in JobState for after in TRANSITIONS[state]}


def test_the_page_names_every_state() -> None:
    """With its meaning."""
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"\n| **{state}** | " in page for state in JobState)


def test_every_state_that_a_run_can_lead_to_is_among_the_outcomes() -> None:
    """So nobody has to guess how a job got where it is."""
    rows = filled(PAGE.read_text(encoding="utf-8"))
    assert all(f"**{state}** |" in rows for state in TRANSITIONS[JobState.EXECUTING])
    assert len({name for name, _, _ in OUTCOMES}) == len(OUTCOMES)
