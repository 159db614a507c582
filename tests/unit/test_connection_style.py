"""A statement's parameters in the styles of the drivers."""

from packhorse.connections.style import numbered, pyformat


def test_named_parameters_for_psycopg_and_django() -> None:
    """A percent sign of the statement's own is doubled; what only looks like a parameter is left alone."""
    text = "SELECT :a, ':x', CAST(:b_2 AS text) LIKE '%', x::text, '12:30', :a"

    assert pyformat(text) == "SELECT %(a)s, '%(x)s', CAST(%(b_2)s AS text) LIKE '%%', x::text, '12:30', %(a)s"


def test_numbered_parameters_for_asyncpg() -> None:
    """Each name is passed once."""
    assert numbered("SELECT :a, :b, :a") == ("SELECT $1, $2, $1", ("a", "b"))
