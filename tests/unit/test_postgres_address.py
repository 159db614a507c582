"""Where PostgreSQL is: any of libpq's connection strings; what messages say of it; what a schema may be called."""

import pytest

from packhorse.domain.naming import check_schema_name
from packhorse.engines.postgres.address import connection_string, shown
from packhorse.engines.postgres.engine import PostgresEngine
from packhorse.errors import ConfigurationError, DatabaseError

SECRET = "pa:ss/w@rd%"
QUOTED = "pa%3Ass%2Fw%40rd%25"
pytestmark = pytest.mark.engines("postgresql")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("postgresql://ann@db.example:6432/shop", "postgresql://db.example:6432/shop"),
        ("postgres://ann@db.example/shop", "postgresql://db.example:5432/shop"),
        ("postgresql+psycopg://ann@db.example/shop", "postgresql://db.example:5432/shop"),
        ("postgresql://one:5433,two:5434/shop?target_session_attrs=read-write", "postgresql://one:5433,two:5434/shop"),
        ("postgresql://[::1]:5433/shop", "postgresql://::1:5433/shop"),
        ("host=/run/postgresql dbname=shop", "postgresql:///run/postgresql:5432/shop"),
        (f"postgresql://ann:{QUOTED}@db.example/shop", "postgresql://db.example:5432/shop"),
    ],
)
def test_an_address_is_shown_by_its_places(address: str, place: str) -> None:
    """Hosts, ports and database; neither user nor password."""
    assert shown(address) == place


def test_all_of_libpq_s_parameters_are_passed_on() -> None:
    """What the address says wins over what we would ask for."""
    given = connection_string(
        "postgresql://one,two/shop?target_session_attrs=read-write&sslmode=verify-full&connect_timeout=3"
    )

    for part in ("host=one,two", "target_session_attrs=read-write", "sslmode=verify-full", "connect_timeout=3"):
        assert part in given
    assert "options" not in given


def test_text_arrives_as_it_is_whatever_the_address_asks_for() -> None:
    """In another encoding some of it could not be sent, and what goes in one message with more would be garbled."""
    assert "client_encoding=utf8" in connection_string("postgresql://one/shop?client_encoding=latin1")


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ann:{SECRET}@db.example/shop",
        f"postgresql://ann:{SECRET}",
        "postgresql://ann:pa:ss@word@db.example/shop",
        "postgresql+psycopg://ann:x@pa:ss@db.example:5432/shop?sslmode=require",
        f"password={SECRET} nonsense",
        "postgresql://ann:pa:ss/x@db.example/shop",
        "postgresql://ann:12/pa:ss@db.example/shop",
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(address: str) -> None:
    """The part that can't be read may be the password."""
    with pytest.raises(ConfigurationError) as refusal:
        PostgresEngine(address)

    assert "pa:ss" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_password_is_in_no_message() -> None:
    """Not when nothing answers, either."""
    engine = PostgresEngine(f"postgresql://ann:{QUOTED}@127.0.0.1:1/shop")
    with pytest.raises(DatabaseError) as trouble:
        engine.check_schema()

    told = f"{trouble.value} {trouble.value.__cause__} {engine!r} {engine.address}"
    assert SECRET not in told
    assert QUOTED not in told
    assert "127.0.0.1:1/shop" in str(trouble.value)


@pytest.mark.parametrize("name", ["packhorse", "_jobs", "a", "jobs_2", "a" * 40])
def test_a_plain_name_is_a_schema_s(name: str) -> None:
    """Lower case, digits and underscores, up to 40."""
    assert check_schema_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Jobs",
        "2jobs",
        "jobs-2",
        "jobs;",
        'Robert"); drop table students;--',
        "a" * 41,
        "pg_jobs",
        "public",
        "jöbs",
        "a\n",
    ],
)
def test_any_other_name_is_refused(name: str) -> None:
    """PostgreSQL would cut it, fold it, or take it for its own; and it stands in our statements."""
    with pytest.raises(ConfigurationError):
        PostgresEngine("postgresql://localhost/shop", schema=name)
