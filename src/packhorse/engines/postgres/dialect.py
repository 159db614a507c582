"""What the statements need to know of PostgreSQL and of this installation's schema."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packhorse.engines.sql.ranges import HIGHEST_COUNT
from packhorse.errors import ConfigurationError

PACKAGE = "packhorse.engines.postgres"
TABLES = (
    "attempt",
    "finished",
    "installation",
    "job",
    "leader",
    "migration",
    "worker",
    "worker_task",
)

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_RESERVED = frozenset({"information_schema", "public"})


def check_schema_name(schema: str) -> str:
    """The name, if a schema of ours may have it: lower case, at most 40 characters, and nobody else's.

    Raises:
        ConfigurationError: it may not.
    """
    if not _NAME.fullmatch(schema) or schema.startswith("pg_") or schema in _RESERVED:
        raise ConfigurationError(
            f"{schema[:60]!r} can't be the schema's name: use up to 40 of a-z, 0-9 and _, not a digit first, "
            "and neither pg_… nor public nor information_schema"
        )
    return schema


def channel_of(schema: str) -> str:
    """The channel on which this schema's hints go out."""
    return f"{schema}_jobs"


def slots(schema: str) -> Mapping[str, str]:
    """What fills the slots of the statements."""
    return {
        **{table: f'"{schema}".{table}' for table in TABLES},
        "schema": f'"{schema}"',
        "schema_name": f"'{schema}'",
        "channel": f"'{channel_of(schema)}'",
        "now": f'"{schema}".now()',
        "micros": f'"{schema}".micros',
        "us": "* interval '1 microsecond'",
        "earliest": "timestamptz '0001-01-01 00:00:00+00'",
        "latest": "timestamptz '9999-12-31 23:59:59.999999+00'",
        "highest_count": str(HIGHEST_COUNT),
        "false": "false",
        "ids": "json_array_elements_text(CAST(CAST(:ids AS text) AS json))",
        "names": "json_array_elements_text(CAST(CAST(:names AS text) AS json))",
        "any_of": "= ANY (ARRAY(",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "json_list": "json_agg",
    }
