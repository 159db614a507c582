"""Names of files in a file store: what is accepted stays inside its folder, and means one file."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhorse.domain.filename import LONGEST_NAME, LONGEST_PART, STAGING, check_file_name, folder_of_prefix
from packhorse.errors import UsageError

PARTS = st.text(alphabet="abé .-_~\\\0\n/", min_size=0, max_size=4) | st.sampled_from(["..", ".", STAGING])


@given(st.lists(PARTS, max_size=4).map("/".join))
def test_what_is_accepted_is_a_path_inside_the_folder(name: str) -> None:
    """Nothing leads out of it, to the folder itself, or to where files wait; two names are two files."""
    try:
        check_file_name(name)
    except UsageError:
        return
    path = PurePosixPath(name)
    assert not path.is_absolute()
    assert str(path) == name
    assert path.parts
    assert not {"..", "."} & set(path.parts)
    assert path.parts[0].casefold() != STAGING


@pytest.mark.parametrize("name", ["a", "a b", "ä/🐴.pdf", "a" * LONGEST_PART, ".hidden", "a/.packhorse", "-"])
def test_usual_names_are_accepted(name: str) -> None:
    """As they are."""
    assert check_file_name(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it is empty"),
        ("a\x7f", "a control character"),
        ("a\\b", "not by a backslash"),
        ("/a", "must be relative"),
        ("a\ud800", "half of a surrogate pair"),
        ("a/" * LONGEST_NAME, f"longer than {LONGEST_NAME} bytes"),
        ("é" * 128, f"longer than {LONGEST_PART} bytes"),
        ("a//b", "a slash too many"),
        ("a/", "a slash too many"),
        ("a/../b", "lead elsewhere"),
        (".Packhorse/x", "wait for their commit"),
        (b"a", "must be a text"),
    ],
)
def test_others_are_refused_with_the_reason(name: object, why: str) -> None:
    """And an example of one that is right."""
    with pytest.raises(UsageError, match=why) as refused:
        check_file_name(name)
    assert "invoices/42.pdf" in str(refused.value)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join), st.integers(0, 8))
def test_a_prefix_is_looked_for_in_the_folder_that_holds_all_such_names(name: str, length: int) -> None:
    """Whatever the prefix."""
    prefix = name[:length]
    folder = folder_of_prefix(prefix)
    assert folder == "" or name.startswith(f"{folder}/")
