"""What the statements need to know of PostgreSQL and of this installation's schema."""

from __future__ import annotations

from collections.abc import Mapping

from packhorse.engines.sql.ranges import HIGHEST_COUNT

PACKAGE = "packhorse.engines.postgres"
TABLES = (
    "arrival",
    "attempt",
    "batch",
    "dependency",
    "element",
    "ended",
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


LEASE_LOST = "PH001"
"""The code of the error by which a fenced acknowledgement fails."""


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
        "at": "timestamptz 'epoch' + interval '1 microsecond' * ",
        "us": "* interval '1 microsecond'",
        "earliest": "timestamptz '0001-01-01 00:00:00+00'",
        "latest": "timestamptz '9999-12-31 23:59:59.999999+00'",
        "highest_count": str(HIGHEST_COUNT),
        "lease_lost": f"'{LEASE_LOST}'",
        "row_id": "ctid",
        "transaction_id": "txid_current()",
        "false": "false",
        "true": "true",
        **_documents(),
        **_of_batches(),
        "least": "least",
        "greatest": "greatest",
        "bytewise": 'COLLATE "C"',
        "any_of": "= ANY (ARRAY(",
        "for_update": "FOR UPDATE",
        "lock_turn": "FOR UPDATE OF turn",
        "skip_locked_turn": "FOR UPDATE OF turn SKIP LOCKED",
        "skip_locked": "FOR UPDATE SKIP LOCKED",
        "wait_for_lock": "FOR UPDATE",
        "matches": "LIKE",
        "json_list": "json_agg",
        "json_row": "json_build_array",
    }


def _documents() -> Mapping[str, str]:
    """What reads a parameter that is a JSON document, row by row."""
    return {
        "ids": "json_array_elements_text(CAST(CAST(:ids AS text) AS json))",
        "names": "json_array_elements_text(CAST(CAST(:names AS text) AS json))",
        "pairs": "json_each_text(CAST(CAST(:pairs AS text) AS json))",
        "texts": "json_array_elements_text(CAST(CAST(:texts AS text) AS json))",
        "turns": "json_to_recordset(CAST(CAST(:turns AS text) AS json)) as named (scope text, queue text, key text)",
        "unique_keys": ("json_to_recordset(CAST(CAST(:jobs AS text) AS json)) as named (task text, unique_key text)"),
        "packages": (
            "json_to_recordset(CAST(CAST(:packages AS text) AS json))"
            " as named (job_id bigint, parameters text, correlation text, collector text)"
        ),
        "elements": (
            "json_to_recordset(CAST(CAST(:elements AS text) AS json))"
            " as named (job_id bigint, position integer, type text, key text)"
        ),
        "locks": (
            "json_to_recordset(CAST(CAST(:locks AS text) AS json)) as named (type text, key text, job_id bigint)"
        ),
        "changes": (
            "json_to_recordset(CAST(CAST(:changes AS text) AS json))"
            " as named (name text, staged integer, is_deletion boolean)"
        ),
        "figures": (
            "json_to_recordset(CAST(CAST(:figures AS text) AS json)) as named (hour bigint, task text,"
            " processed bigint, failed bigint, cancelled bigint, errors bigint, skipped bigint,"
            " timed bigint, duration bigint)"
        ),
        "row_acks": (
            "json_to_recordset(CAST(CAST(:row_acks AS text) AS json))"
            " as named (row_key text, outcome text, failures integer, skips integer, crashes integer, attempt integer,"
            " delay bigint, condemned text, reason text, error_type text, error_message text, error_traceback text,"
            " data text)"
        ),
        "outcomes": (
            "json_to_recordset(CAST(CAST(:outcomes AS text) AS json))"
            " as named (job_id bigint, position integer, outcome text, reason text)"
        ),
    }


def _of_batches() -> Mapping[str, str]:
    """What statements read that count in batches."""
    return {
        "changed": (
            "json_to_recordset(CAST(CAST(:changed AS text) AS json))"
            " as named (job_id bigint, number integer, counted_as text, is_untold integer)"
        ),
        "totals": (
            "json_to_recordset(CAST(CAST(:totals AS text) AS json)) as named (id bigint, first_enqueued bigint,"
            " last_enqueued bigint, last_processed bigint, last_job_id bigint, enqueued integer, succeeded integer,"
            " failed integer, cancelled integer, closed bigint, is_open integer,"
            " on_success integer, on_failure integer, on_end integer)"
        ),
    }
