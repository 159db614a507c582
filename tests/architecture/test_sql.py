"""SQL lives in .sql files, each named after the one method that runs it."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, functions_of, place, python_files, tree_of

ENGINES = PACKAGE / "engines"

# What makes a text SQL rather than a sentence that begins with "select" or "update". PRAGMA, BEGIN, COMMIT, ROLLBACK,
# SAVEPOINT, SET LOCAL and LISTEN are left out: they steer a connection and neither read nor write a table.
STATEMENT = re.compile(
    r"""\s*(?:
        select\s.*(?:\bfrom\b|\*|\(|\d)
        | insert\s+(?:or\s+\w+\s+)?into\b
        | replace\s+into\b
        | update\s+\S+\s+set\b
        | delete\s+from\b
        | with\s+(?:recursive\s+)?[\w{}]+\s*(?:\([^)]*\)\s*)?as\b
        | (?:create|alter|drop)\s+(?:or\s+replace\s+|unique\s+)?
          (?:table|index|view|trigger|function|schema|database|role)\b
        | truncate\s+\S+\s*$
        | (?:lock\s+table|vacuum|analyze|reindex)\b
        | (?:values|table)\s*\(
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


@pytest.mark.parametrize(
    ("text", "is_sql"),
    [
        ("SELECT 1", True),
        ("  select id from {job}", True),
        ("with due as (select 1)", True),
        ("insert or ignore into job", True),
        ("update job set state = :state", True),
        ("DROP TABLE job", True),
        ("Select the queue to pause.", False),
        ("update the schema with `packhorse migrate up`", False),
        ("with a deadline", False),
        ("create an app", False),
        ("BEGIN IMMEDIATE", False),
    ],
)
def test_sql_is_told_from_sentences(text: str, is_sql: bool) -> None:
    """The rule below catches statements and leaves messages alone."""
    assert bool(STATEMENT.match(text)) == is_sql


def test_no_string_in_the_code_is_a_statement() -> None:
    """Statements are read in .sql files, by people and by EXPLAIN; docstrings may quote one."""
    found = [
        f"{place(path, line)}: {text.strip()[:60]}"
        for path in python_files(PACKAGE)
        for line, text in _strings(path)
        if STATEMENT.match(text)
    ]

    assert found == []


def test_every_statement_is_named_after_the_one_method_that_runs_it() -> None:
    """`ack_jobs.sql` is run by methods called `ack_jobs` alone; `ack_statements` may hand it out as a value."""
    users = _users_of_names()
    strangers = {
        place(path): sorted(users[path.stem])
        for path in sorted(ENGINES.rglob("queries/*.sql"))
        if path.stem not in users[path.stem] or users[path.stem] - _rightful_users(path.stem)
    }

    assert strangers == {}


def test_every_statement_says_what_it_is() -> None:
    """A .sql file begins with a comment: what it does, and why it locks as it does."""
    silent = [place(path) for path in sorted(ENGINES.rglob("*.sql")) if not path.read_text().startswith("--")]

    assert silent == []


def _rightful_users(name: str) -> set[str]:
    verb = name.partition("_")[0]
    return {name, f"{verb}_statement", f"{verb}_statements"}


def _users_of_names() -> defaultdict[str, set[str]]:
    """For each text in the engines' code, the functions that mention it, without a leading underscore."""
    users = defaultdict[str, set[str]](set)
    for path in python_files(ENGINES):
        for function in functions_of(path):
            for node in ast.walk(function):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    users[node.value].add(function.name.lstrip("_"))
    return users


def _strings(path: Path) -> Iterator[tuple[int, str]]:
    """Every text of a file except docstrings; of an f-string its beginning."""
    tree = tree_of(path)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
