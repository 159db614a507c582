"""The conformance suites: whoever writes an engine runs them over it.

Each module is the suite of one part of the contract in `packhorse.engine`; each class holds tests that a test class of
yours inherits. They ask for one fixture, `new_subject`, which returns a function that makes a `Subject` on a new, empty
database:

    import itertools
    from functools import partial

    import pytest

    from packhorse.testing.contract import engine_claim, engine_insert
    from packhorse.testing.contract.subject import Subject

    @pytest.fixture
    def new_subject(tmp_path):
        numbers = itertools.count()
        def make():
            url = f"myengine:{tmp_path}/{next(numbers)}"
            return Subject(open=partial(MyEngine, url), connect=partial(MyConnection, url))
        return make

    class TestInsert(engine_insert.InsertContract): ...
    class TestClaim(engine_claim.ClaimContract): ...

A test is skipped only by a flag of the engine's `Features`, with the reason. The mark `accepts` carries the project's
acceptance IDs; register it (`markers = ["accepts(*ids): ..."]`) if your pytest runs with strict markers.
"""

import pytest

MODULES = (
    *("steps", "engine_insert", "engine_claim", "engine_race", "engine_ack", "engine_fence", "engine_atomic"),
    *(
        "engine_stage",
        "engine_park",
        "engine_permits",
        "engine_cancel",
        "engine_cancellations",
        "engine_operations",
        "engine_inbox",
        "engine_liveness",
        "engine_processes",
        "engine_leadership",
    ),
    *("engine_unique", "engine_turns", "engine_turn_races", "engine_groups", "engine_followers", "engine_record_locks"),
    *(
        "engine_insights",
        "engine_joblog",
        "engine_files",
        "engine_rows",
        "engine_packages",
        "engine_collecting",
        "engine_merging",
        "engine_queues",
        "engine_retention",
        "engine_schema",
        "engine_explaining",
        "engine_batches",
        "engine_batch_notices",
        "engine_batch_retention",
        "engine_stale",
        "engine_statistics",
        "engine_many_batches",
    ),
)

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in MODULES))
