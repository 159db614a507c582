"""A statement's `:name` parameters in the styles of the drivers."""

from __future__ import annotations

import re
from functools import lru_cache

_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


@lru_cache(maxsize=256)
def pyformat(text: str) -> str:
    """With `%(name)s`, for psycopg and Django; a percent sign of the statement's own is doubled."""
    return _PARAMETER.sub(r"%(\1)s", text.replace("%", "%%"))


@lru_cache(maxsize=256)
def numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """With `$1`, `$2` …, for asyncpg, and the names in that order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text), names
