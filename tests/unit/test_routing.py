"""Routing rules: which pattern counts."""

import pytest

from packhorse.domain.routing import NO_RULES, Rules, check_pattern
from packhorse.errors import ConfigurationError

pytestmark = pytest.mark.accepts("T20")


def test_the_longest_pattern_that_fits_counts() -> None:
    """In whatever order the rules were made."""
    rules = {"*": "all", "shop.*": "shop", "shop.reports.*": "slow", "shop.reports.daily": "daily"}
    for order in (list(rules), list(reversed(rules))):
        found = Rules({pattern: rules[pattern] for pattern in order})
        assert found.queue_for("shop.reports.daily") == "daily"
        assert found.queue_for("shop.reports.weekly") == "slow"
        assert found.queue_for("shop.mail") == "shop"
        assert found.queue_for("other") == "all"


def test_a_pattern_fits_the_whole_name() -> None:
    """In its letters' case; a dot is an ordinary character."""
    rules = Rules({"shop.mail": "a", "Shop.?": "b"})
    assert rules.queue_for("shop.mail") == "a"
    assert rules.queue_for("shop.mails") is None
    assert rules.queue_for("shopXmail") is None
    assert rules.queue_for("Shop.x") == "b"
    assert rules.queue_for("shop.x") is None


def test_without_rules_nothing_is_said() -> None:
    """Neither by none at all nor by some that do not fit."""
    assert NO_RULES.queue_for("shop.mail") is None
    assert Rules({"other": "a"}).queue_for("shop.mail") is None


@pytest.mark.parametrize("pattern", ["", "two words", "shop.[ab]", 7, "x" * 201])
def test_what_is_no_pattern_is_refused(pattern: object) -> None:
    """With an example of one."""
    with pytest.raises(ConfigurationError, match=r"shop\.reports\.\*"):
        check_pattern(pattern)
