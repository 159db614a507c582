"""On whose behalf: what is stored comes back exactly; user and role have something to fall back on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.acting import ACTING_KEY, NOBODY, Acting, acting_in, completed, meta_of
from packhorse.domain.payload import encode_value
from packhorse.domain.sameness import check_same
from packhorse.errors import PayloadError, UsageError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
IDS = st.none() | st.integers() | TEXTS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)
ACTING = st.builds(
    Acting,
    tenant=IDS,
    organisation=IDS,
    user=IDS,
    role=IDS,
    process=IDS,
    creator=IDS,
    extra=st.dictionaries(TEXTS, JSON),
)


@given(acting=ACTING)
def test_what_is_stored_comes_back(acting: Acting) -> None:
    """Of each element the value and its type; a text of digits stays a text."""
    meta = meta_of(acting)

    check_same(acting, acting_in(None if meta is None else encode_value(meta)))
    assert (meta is None) == (acting == NOBODY)


@given(text=st.text() | JSON.map(json.dumps) | JSON.map(lambda tree: json.dumps({ACTING_KEY: tree})))
def test_no_meta_is_a_crash(text: str) -> None:
    """Whatever somebody has written there is read, or refused."""
    try:
        acting = acting_in(text)
    except PayloadError:
        return
    assert isinstance(acting, Acting)


@pytest.mark.parametrize("value", [object(), {1: 2}, float("nan"), "\0", (1,)])
def test_extra_values_are_plain_json(value: object) -> None:
    """The path leads to what is not."""
    with pytest.raises(PayloadError, match=r"^acting\.extra\.at"):
        meta_of(Acting(extra={"at": value}))


@pytest.mark.parametrize("wrong", [{"user": 1.5}, {"tenant": True}, {"role": ["x"]}, {"extra": None}])
def test_what_names_nobody_is_refused(wrong: dict[str, Any]) -> None:
    """Where it is made."""
    with pytest.raises(UsageError, match="must be a"):
        Acting(**wrong)


def test_roles_are_asked_for_where_there_is_a_user_and_no_role() -> None:
    """The first one counts; a user without any has none."""
    asked: list[Acting] = []

    def roles_of(acting: Acting) -> list[str]:
        asked.append(acting)
        return ["clerk", "boss"][: int(str(acting.user))]

    assert completed(Acting(user=2), roles_of).role == "clerk"
    assert completed(Acting(creator=1), roles_of) == Acting(creator=1, user=1, role="clerk")
    assert completed(Acting(user=0), roles_of).role is None
    assert [acting.user for acting in asked] == [2, 1, 0]
    assert completed(Acting(user=2, role="boss"), roles_of).role == "boss"
    assert completed(Acting(tenant=1), roles_of) == Acting(tenant=1)
    assert completed(Acting(user=2), None).role is None
    assert len(asked) == 3
