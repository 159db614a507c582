"""Jobs, acknowledgements and lists as one JSON text: the form in which every driver can pass many of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from packhorse.domain.decide import Ack
from packhorse.domain.job import Keys, NewJob
from packhorse.domain.moments import micros_at, micros_in
from packhorse.domain.state import JobState
from packhorse.engines.sql.ranges import as_count
from packhorse.errors import PayloadError

_encode = msgspec.json.Encoder().encode
_Document = dict[str, "str | int"]
MOST_TEXT = 4 * 1024 * 1024
"""How many characters of rows one statement holds at most, unless one row has more."""


def list_document(items: Iterable[str | int]) -> str:
    """Names or ids as a JSON array."""
    return _encode(list(items)).decode()


def jobs_document(jobs: Sequence[NewJob]) -> str:
    """Jobs to be stored; what is None is left out.

    Raises:
        PayloadError: a text holds what no database stores (half of a surrogate pair).
    """
    try:
        return _encode([_job(job) for job in jobs]).decode()
    except UnicodeEncodeError as error:
        raise unstorable(error) from None


def rows_document(rows: object) -> str:
    """Objects as a JSON array, or one as an object.

    Raises:
        PayloadError: one of them holds what no database stores.
    """
    try:
        return msgspec.json.encode(rows).decode()
    except UnicodeEncodeError as error:
        raise unstorable(error) from None


def rows_documents(rows: Iterable[object], most: int) -> Iterator[str]:
    """Objects as JSON arrays in order, each of at most `most` of them and no longer than a message should be.

    Raises:
        PayloadError: one of them holds what no database stores.
    """
    parcel, size = list[str](), 0
    for row in rows:
        text = rows_document(row)
        if parcel and (len(parcel) == most or size + len(text) > MOST_TEXT):
            yield f"[{','.join(parcel)}]"
            parcel, size = [], 0
        parcel.append(text)
        size += len(text)
    if parcel:
        yield f"[{','.join(parcel)}]"


def texts_document(texts: Sequence[str]) -> str:
    """Texts as a JSON array.

    Raises:
        PayloadError: one of them holds what no database stores.
    """
    try:
        return _encode(texts).decode()
    except UnicodeEncodeError as error:
        raise unstorable(error) from None


def check_texts(values: Iterable[object]) -> None:
    """Refuse a text that no database stores.

    Raises:
        PayloadError: it holds half of a surrogate pair.
    """
    try:
        for value in values:
            if isinstance(value, str) and not value.isascii():
                value.encode()
    except UnicodeEncodeError as error:
        raise unstorable(error) from None


def acks_document(acks: Sequence[Ack]) -> str:
    """Acknowledgements, one for each run, by lease and job id, so that two that overlap lock their rows in one order.

    A text that no database stores is mended, never refused: an ack must not fail because of its words.
    """
    documents = [_ack(ack) for ack in sorted(acks, key=lambda ack: (ack.lease.number, ack.job_id))]
    try:
        encoded = _encode(documents)
    except UnicodeEncodeError:
        encoded = _encode([_mended(document) for document in documents])
    if b"\\u0000" in encoded:
        encoded = _encode([_mended(document) for document in documents])
    return encoded.decode()


def unstorable(error: UnicodeEncodeError) -> PayloadError:
    """The error for whoever enqueued a text that no database stores."""
    return PayloadError(f"a job's text holds a lone surrogate at position {error.start}; it can't be stored")


def _job(job: NewJob) -> _Document:
    document: _Document = {"task": job.task, "queue": job.queue, "priority": job.priority, "args": job.args}
    if job.kwargs is not None:
        document["kwargs"] = job.kwargs
    if job.scheduled_at is not None:
        document["scheduled_at"] = micros_at(job.scheduled_at)
    elif job.delay is not None:
        document["delay"] = micros_in(job.delay)
    if job.expected_at is not None:
        document["expected_at"] = micros_at(job.expected_at)
    elif job.expected_in is not None:
        document["expected_in"] = micros_in(job.expected_in)
    if job.max_attempts is not None:
        document["max_attempts"] = job.max_attempts
    if job.meta is not None:
        document["meta"] = job.meta
    return document if job.keys is None else document | _keys(job.keys)


def _keys(keys: Keys) -> _Document:
    texts = {
        "unique_key": keys.unique_key,
        "unique_until": None if keys.unique_key is None else keys.unique_until,
        "serial_key": keys.serial_key,
        "group_key": keys.group_key,
        "gate": keys.gate,
        "responsible": keys.responsible,
    }
    document: _Document = {name: text for name, text in texts.items() if text is not None}
    return document if keys.batch_id is None else document | {"is_awaited": True}


def _ack(ack: Ack) -> _Document:
    document: _Document = {
        "id": ack.job_id,
        "worker": ack.lease.worker,
        "number": ack.lease.number,
        "state": ack.state.value,
        "outcome": ack.outcome,
        "attempt": as_count(ack.attempt),
        "failures": as_count(ack.failures),
        "skips": as_count(ack.skips),
        "crashes": as_count(ack.crashes),
    }
    if ack.delay is not None:
        document["delay"] = micros_in(ack.delay)
    if ack.reason is not None:
        document["reason"] = ack.reason
    if ack.result is not None:
        document["result"] = ack.result
    if ack.error is not None:
        document["error_type"] = ack.error.type
        document["error_message"] = ack.error.message
        document["error_traceback"] = ack.error.traceback
    if ack.responsible is not None and ack.state is JobState.FAILED:
        document["responsible"] = ack.responsible
    if ack.dismissal is not None and ack.state is JobState.FAILED:
        document["dismissal"] = ack.dismissal
    return document


def _mended(document: _Document) -> dict[str, Any]:
    return {key: _mend(value) if isinstance(value, str) else value for key, value in document.items()}


def _mend(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
