"""docs/explain.md shows every answer that there is."""

import re
from pathlib import Path
from typing import get_args

import pytest

import packhorse.engines.sql
from packhorse.domain.explanation import Code

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"
SQL = Path(packhorse.engines.sql.__file__).parent


@pytest.mark.accepts("C17")
def test_the_page_has_every_code_once() -> None:
    """In its table, and none that there is not."""
    codes = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)

    assert sorted(codes) == sorted(get_args(Code))


@pytest.mark.accepts("C17")
@pytest.mark.parametrize("rule", ["claimable", "free_permits"])
def test_claims_and_explanations_are_made_of_the_same_rules(rule: str) -> None:
    """Each stands in a file of its own; in explanations, and in what every dialect claims, by name alone."""
    assert (SQL / "fragments" / f"{rule}.sql").is_file()
    for user in ("fragments/next_jobs.sql", "queries/explain.sql"):
        assert f"{{{rule}(" in (SQL / user).read_text()
    claims = list(SQL.parent.glob("*/queries/claim_jobs.sql"))
    assert len(claims) == 2
    assert all("{next_jobs(" in claim.read_text() for claim in claims)
