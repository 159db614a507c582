"""Settling whose turn it is, of jobs with keys and of jobs that wait for others."""

from __future__ import annotations

from packhorse.turns import Turns

TURN_LIMIT = 5000


def settle_turns(turns: Turns) -> int:
    """Settle whose turn it is of jobs that have come, and let those go on; of how many jobs something is settled.

    One pass, during which acknowledgements of the same keys wait: where more have come, others may run meanwhile.
    """
    released = turns.release_followers(TURN_LIMIT)
    admitted = turns.admit_jobs(TURN_LIMIT)
    return released + admitted.placed + admitted.let_on
