"""What several statements must agree on stands in one place: a fragment."""

from pathlib import Path

import pytest

from packhorse.engines.sql.statements import Statements


@pytest.fixture
def statements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Statements:
    """The statements of a package of files, to which tests add some."""
    monkeypatch.syspath_prepend(tmp_path)
    for folder in ("queries", "fragments"):
        Path(tmp_path, "dialect_of_tests", folder).mkdir(parents=True)
    return Statements("dialect_of_tests", {"job": "packhorse_job", "false": "0"})


def write(folder: Path, name: str, text: str) -> None:
    """Add a file to the package."""
    Path(folder, "dialect_of_tests", name).write_text(text)


def test_a_fragment_stands_in_a_statement_for_its_text(statements: Statements, tmp_path: Path) -> None:
    """With what it is about in its place, its own options and slots, and the fragments that it is made of."""
    write(
        tmp_path, "fragments/fits.sql", "-- (row, of) Whether.\n{row}.a = {of}\nand {small({row})}   -- with :small\n"
    )
    write(tmp_path, "fragments/small.sql", "-- (row) Whether it is.\n{row}.size = {false}\n")
    write(tmp_path, "queries/find.sql", "-- Finds.\nselect * from {job} as j where {fits(j, CAST(:a AS text))}\n")

    assert statements.get("find") == ("select * from packhorse_job as j where j.a = CAST(:a AS text)",)
    assert statements.get("find", "small") == (
        "select * from packhorse_job as j where j.a = CAST(:a AS text)\nand j.size = 0",
    )


def test_a_fragment_without_its_subjects_is_refused(statements: Statements, tmp_path: Path) -> None:
    """When the statement is first asked for: a mistake of ours that no statement should run with."""
    write(tmp_path, "fragments/silent.sql", "-- Whether.\n1 = 1\n")
    write(tmp_path, "queries/find.sql", "-- Finds.\nselect * from {job} where {silent(job)}\n")
    with pytest.raises(LookupError, match=r"silent\.sql does not begin with what it is about"):
        statements.get("find")
