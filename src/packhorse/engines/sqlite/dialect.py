"""What the statements need to know of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from packhorse.domain.moments import EARLIEST, LATEST
from packhorse.engines.sql.ranges import HIGHEST_COUNT
from packhorse.errors import ConfigurationError

PACKAGE = "packhorse.engines.sqlite"
OLDEST_LIBRARY = (3, 37, 0)
"""The first SQLite that has STRICT tables."""

TABLES_AND_VIEWS = (
    "arrival",
    "attempt",
    "batch",
    "clock",
    "dependency",
    "element",
    "ended",
    "enqueue",
    "enqueue_in_batch",
    "file_change",
    "file_commit",
    "finished",
    "installation",
    "job",
    "job_log",
    "leader",
    "load_failure",
    "member",
    "migration",
    "package",
    "progress",
    "queue",
    "record_lock",
    "revision",
    "route",
    "row_end",
    "row_error",
    "row_lease",
    "row_processor",
    "row_trouble",
    "schedule",
    "schedule_declaration",
    "schedule_run",
    "start",
    "statistic",
    "statistic_mark",
    "tally",
    "turn",
    "worker",
    "worker_task",
)
PREFIX = "packhorse_"
ROW_ACK = (
    *("row_key", "outcome", "failures", "skips", "crashes", "attempt", "delay", "condemned", "reason"),
    *("error_type", "error_message", "error_traceback", "data", "processor"),
)
FIGURES = ("processed", "failed", "cancelled", "errors", "skipped", "timed", "duration")

_NOW = (
    "(CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS integer) * 1000"
    " + (SELECT offset_us FROM packhorse_clock))"
)
"""Whole milliseconds, which is what SQLite's clock gives; as a fraction of a day they would lose their last digits."""


def slots() -> Mapping[str, str]:
    """What fills the slots of the statements.

    Raises:
        ConfigurationError: the SQLite library is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST_LIBRARY:
        raise ConfigurationError(f"Packhorse needs SQLite 3.37 or later, and this Python has {sqlite3.sqlite_version}")
    return {
        **{table: PREFIX + table for table in TABLES_AND_VIEWS},
        "now": _NOW,
        "micros": "",
        "at": "",
        "us": "",
        "earliest": str(EARLIEST),
        "latest": str(LATEST),
        "highest_count": str(HIGHEST_COUNT),
        "row_id": "rowid",
        "transaction_id": "0",
        "false": "0",
        "true": "1",
        **_documents(),
        **_of_batches(),
        "least": "min",
        "greatest": "max",
        "bytewise": "COLLATE binary",
        "any_of": "IN (SELECT id FROM (",
        "for_update": "",
        "lock_turn": "",
        "skip_locked_turn": "",
        "skip_locked": "",
        "wait_for_lock": "",
        "matches": "GLOB",
        "json_list": "json_group_array",
        "json_row": "json_array",
    }


def _documents() -> Mapping[str, str]:
    """What reads a parameter that is a JSON document, row by row."""
    return {
        "ids": "json_each(:ids)",
        "names": "json_each(:names)",
        "pairs": "json_each(:pairs)",
        "texts": "json_each(:texts)",
        "turns": _recordset("turns", "scope", "queue", "key"),
        "packages": _recordset("packages", "job_id", "parameters", "correlation", "collector"),
        "elements": _recordset("elements", "job_id", "position", "type", "key"),
        "locks": _recordset("locks", "type", "key", "job_id"),
        "changes": _recordset("changes", "name", "staged", "is_deletion"),
        "figures": _recordset("figures", "hour", "task", *FIGURES),
        "row_acks": _recordset("row_acks", *ROW_ACK),
        "outcomes": _recordset("outcomes", "job_id", "position", "outcome", "reason"),
        "unique_keys": _recordset("jobs", "task", "unique_key", "scheduled_at", "delay"),
    }


def _recordset(parameter: str, *columns: str) -> str:
    """The objects of a JSON array as rows called `named`."""
    fields = ", ".join(f"json_extract(value, '$.{column}') AS {column}" for column in columns)
    return f"(SELECT {fields} FROM json_each(:{parameter})) AS named"  # noqa: S608 - of names in this module


def _of_batches() -> Mapping[str, str]:
    """What statements read that count in batches."""
    return {
        "changed": _recordset("changed", "job_id", "number", "counted_as", "is_untold"),
        "totals": _recordset(
            "totals",
            *("id", "first_enqueued", "last_enqueued", "last_processed", "last_job_id"),
            *("enqueued", "succeeded", "failed", "cancelled", "closed", "is_open"),
            *("on_success", "on_failure", "on_end"),
        ),
    }
