"""Settling whose turn it is, of jobs with keys and of jobs that wait for others."""

from __future__ import annotations

from packhorse.turns import Turns

TURN_LIMIT = 5000


def settle_turns(turns: Turns) -> int:
    """Let jobs go on whose turn it is, as long as more have come; of how many it is settled."""
    let_on, placed = turns.release_followers(TURN_LIMIT), TURN_LIMIT
    while placed >= TURN_LIMIT:
        admitted = turns.admit_jobs(TURN_LIMIT)
        placed, let_on = admitted.placed, let_on + admitted.let_on
    return let_on
