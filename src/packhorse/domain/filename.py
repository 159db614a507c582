"""Names of files in a file store: relative POSIX paths that mean the same file on every system, inside its folder."""

from __future__ import annotations

from typing import Final

from packhorse.errors import UsageError

STAGING: Final = ".packhorse"
"""The folder of the store's own, beside the files."""
LONGEST_NAME: Final = 1024
"""Bytes in UTF-8."""
LONGEST_PART: Final = 255
"""The same between two slashes: what file systems take."""
_LOWEST_PRINTED, _DELETE = 0x20, 0x7F


def check_file_name(name: object) -> str:
    """The name, if it can be a file's.

    Raises:
        UsageError: it can't; the message says why.
    """
    if not isinstance(name, str):
        raise UsageError(f"a file's name must be a text such as 'invoices/42.pdf', not {name!r}")
    flaw = _flaw_of(name)
    if flaw is not None:
        raise UsageError(f"{_shown(name)} can't be a file's name: {flaw}; such as 'invoices/42.pdf'")
    return name


def folder_of_prefix(prefix: object) -> str:
    """The folder in which every file lies whose name begins so; empty for the whole store.

    Raises:
        UsageError: no name can begin so; the message says why.
    """
    if not isinstance(prefix, str):
        raise UsageError(f"the beginning of files' names must be a text such as 'invoices/', not {prefix!r}")
    folder = prefix.rpartition("/")[0]
    if folder or prefix.startswith("/"):
        check_file_name(folder)
    return folder


def _flaw_of(name: str) -> str | None:
    if not name:
        return "it is empty"
    if any(ord(sign) < _LOWEST_PRINTED or ord(sign) == _DELETE for sign in name):
        return "it holds a control character"
    if "\\" in name:
        return "folders are parted by '/', not by a backslash"
    if name.startswith("/"):
        return "it must be relative"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    if size > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME} bytes"
    return _flaw_of_parts(name.split("/"))


def _flaw_of_parts(parts: list[str]) -> str | None:
    if "" in parts:
        return "it has a slash too many"
    if "." in parts or ".." in parts:
        return "'.' and '..' lead elsewhere"
    if max(len(part.encode()) for part in parts) > LONGEST_PART:
        return f"no part between slashes may be longer than {LONGEST_PART} bytes"
    if parts[0].casefold() == STAGING:
        return f"{STAGING} is where files wait for their commit"
    return None


def _shown(name: str) -> str:
    """At most its beginning: a name that is too long is no help in a message."""
    return repr(name) if len(name) <= LONGEST_PART else f"{name[:80]!r}…"
