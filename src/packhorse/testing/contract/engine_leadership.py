"""The one leader."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from packhorse.engine import Engine
from packhorse.testing.contract.subject import Clock, EngineContract
from packhorse.testing.samples import LEASE

SECOND = timedelta(seconds=1)


class LeadershipContract(EngineContract):
    """`acquire_leadership` and `release_leadership`."""

    def test_there_is_one_leader(self, engine: Engine, another_engine: Engine) -> None:
        """The first one to ask; it may ask again, others in vain."""
        assert engine.acquire_leadership(1, LEASE)
        assert not another_engine.acquire_leadership(2, LEASE)
        assert engine.acquire_leadership(1, LEASE)

    def test_leadership_ends_with_its_lease(self, engine: Engine, clock: Clock) -> None:
        """Unless it was renewed, somebody else may have it then; the old leader learns it when it asks."""
        engine.acquire_leadership(1, LEASE)
        clock.advance(LEASE - SECOND)
        assert not engine.acquire_leadership(2, LEASE)
        assert engine.acquire_leadership(1, LEASE)
        clock.advance(LEASE - SECOND)
        assert not engine.acquire_leadership(2, LEASE)
        clock.advance(2 * SECOND)
        assert engine.acquire_leadership(2, LEASE)
        assert not engine.acquire_leadership(1, LEASE)

    def test_a_leader_may_give_up(self, engine: Engine) -> None:
        """The next one need not wait."""
        engine.acquire_leadership(1, LEASE)
        engine.release_leadership(1)
        assert engine.acquire_leadership(2, LEASE)

    def test_only_the_leader_can_give_up(self, engine: Engine) -> None:
        """What others release is not theirs."""
        engine.release_leadership(2)
        engine.acquire_leadership(1, LEASE)
        engine.release_leadership(2)
        assert not engine.acquire_leadership(2, LEASE)

    def test_of_many_that_ask_at_once_one_leads(self, engine: Engine) -> None:
        """Eight threads, one leader; also when the seat was held before."""
        for workers in (range(1, 9), range(11, 19)):
            with ThreadPoolExecutor(8) as threads:
                answers = list(threads.map(lambda worker: engine.acquire_leadership(worker, LEASE), workers))
            assert sum(answers) == 1
            engine.release_leadership(workers[answers.index(True)])
