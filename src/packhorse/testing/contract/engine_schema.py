"""The schema, the installation and the engine as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from packhorse.engine import Engine
from packhorse.testing.contract.steps import claim, enqueue, ids_of
from packhorse.testing.contract.subject import EngineContract, Subject


class SchemaContract(EngineContract):
    """`migrate`, `schema_status`, `check_schema`, `installation_id` and what belongs to an installation."""

    @pytest.fixture
    def raw_engine(self, subject: Subject) -> Iterator[Engine]:
        """An engine on an empty database."""
        engine = subject.open()
        yield engine
        engine.close()

    @pytest.mark.accepts("C22")
    def test_an_empty_database_has_everything_before_it(self, raw_engine: Engine) -> None:
        """Looking installs nothing."""
        status = raw_engine.schema_status()
        assert status.current is None
        assert len(status.pending) == status.latest >= 1
        assert raw_engine.schema_status() == status

    @pytest.mark.accepts("C22")
    def test_migrations_run_once_and_in_order(self, raw_engine: Engine) -> None:
        """The names of those that ran; then the schema fits, and there is nothing left to do."""
        pending = list(raw_engine.schema_status().pending)
        assert raw_engine.migrate() == pending
        status = raw_engine.schema_status()
        assert (status.current, list(status.pending)) == (status.latest, [])
        assert status.oldest_supported <= status.latest
        raw_engine.check_schema()
        assert raw_engine.migrate() == []

    @pytest.mark.accepts("C22")
    def test_migrations_may_go_on_from_any_number(self, new_subject: Callable[[], Subject]) -> None:
        """Up to each number first, then to the end: the jobs stored in between are still there."""
        first = new_subject().open()
        latest = first.schema_status().latest
        first.close()
        for number in range(1, latest + 1):
            engine = new_subject().open()
            names = list(engine.schema_status().pending)
            assert engine.migrate(to=number) == names[:number]
            assert engine.schema_status().current == number
            assert engine.migrate() == names[number:]
            ids = enqueue(engine, 3)
            assert engine.migrate() == []
            assert ids_of(claim(engine)) == ids
            engine.close()

    @pytest.mark.accepts("C22")
    def test_two_may_migrate_at_once(self, subject: Subject) -> None:
        """Each migration runs in exactly one of them, and both find the schema complete."""
        engines = [subject.open() for _ in range(4)]
        names = list(engines[0].schema_status().pending)
        with ThreadPoolExecutor(len(engines)) as threads:
            ran = list(threads.map(lambda engine: engine.migrate(), engines))
        assert sorted(name for names in ran for name in names) == sorted(names)
        assert len({engine.installation_id() for engine in engines}) == 1
        for engine in engines:
            engine.check_schema()
            engine.close()

    @pytest.mark.accepts("C22")
    def test_the_migrations_can_be_read(self, raw_engine: Engine) -> None:
        """All of them, and those after a number; after the last there is nothing."""
        latest = raw_engine.schema_status().latest
        assert raw_engine.migration_sql().strip()
        assert len(raw_engine.migration_sql(latest - 1)) <= len(raw_engine.migration_sql())
        assert not raw_engine.migration_sql(latest).strip()

    @pytest.mark.accepts("C1")
    def test_an_installation_has_an_id_of_its_own(
        self, engine: Engine, another_engine: Engine, new_subject: Callable[[], Subject]
    ) -> None:
        """The same for every engine object on the database, after further migrations too; never another database's."""
        other = new_subject().open()
        other.migrate()
        assert engine.installation_id() == another_engine.installation_id() != other.installation_id()
        before = engine.installation_id()
        engine.migrate()
        assert engine.installation_id() == before
        other.close()

    def test_an_engine_says_what_it_is(self, engine: Engine) -> None:
        """Its dialect, and where its database is."""
        assert engine.dialect
        assert engine.address
        assert engine.features == engine.features

    def test_upkeep_may_be_called_at_any_time(self, engine: Engine, another_engine: Engine) -> None:
        """By anybody, as often as they like, between writes; nothing that was stored is affected."""
        ids = []
        for _ in range(5):
            ids += enqueue(engine, 20)
            engine.upkeep()
            another_engine.upkeep()
        assert ids_of(claim(another_engine)) == ids

    def test_closing_loses_nothing(self, engine: Engine, subject: Subject) -> None:
        """What was stored is there for the next one; closing twice is allowed."""
        ids = enqueue(engine, 3)
        engine.close()
        engine.close()
        later = subject.open()
        assert ids_of(claim(later)) == ids
        later.close()
