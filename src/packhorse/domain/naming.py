"""What a schema may be called."""

from __future__ import annotations

import re

from packhorse.errors import ConfigurationError

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_RESERVED = frozenset({"information_schema", "public"})
_LONGEST_SHOWN = 60


def check_schema_name(schema: str) -> str:
    """The name, if a PostgreSQL schema of ours may have it: lower case, at most 40 characters, and nobody else's.

    Raises:
        ConfigurationError: it may not.
    """
    if not _NAME.fullmatch(schema) or schema.startswith("pg_") or schema in _RESERVED:
        raise ConfigurationError(
            f"schema {schema[:_LONGEST_SHOWN]!r} must be 1 to 40 lower-case letters (a-z), digits or underscores, "
            "begin with no digit and not with pg_, and be neither public nor information_schema"
        )
    return schema
