"""Copies of jobs: the same work once more, as a new job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from packhorse.domain.job import JobRecord, Keys, NewJob
from packhorse.domain.package import NewPackage, Reference
from packhorse.engine import Engine
from packhorse.errors import UsageError

COPIED_KEY: Final = "packhorse.copied"
"""Where a copy's `meta` says of which job it is one, and who made it."""
PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Copier:
    """Makes copies of the jobs of a database."""

    engine: Engine

    def copy(self, job: JobRecord, by: str | None) -> int:
        """Store a copy; its id.

        Raises:
            UsageError: the job locks records, or has a `meta` that can't be read.
        """
        keys = Keys(serial_key=job.serial_key, group_key=job.group_key, responsible=job.responsible)
        copy = NewJob(
            task=job.task,
            args=job.args,
            kwargs=job.kwargs,
            queue=job.queue,
            priority=job.priority,
            max_attempts=job.max_attempts,
            meta=_meta(job, by),
            keys=None if keys == Keys() else keys,
            package=self._package(job.id),
        )
        [id] = self.engine.insert_jobs([copy])
        return id

    def _package(self, id: int) -> NewPackage | None:
        """The parameters and the records of a package; its correlation id is the original's alone."""
        package = self.engine.find_package(id)
        if package is None:
            return None
        if package.locks:
            raise UsageError(f"job {id} is about records that it locked: enqueue it anew to lock them again")
        found, after = list[Reference](), -1
        while page := self.engine.list_elements(id, after, PAGE):
            found += [element.record for element in page]
            after = page[-1].position
        return NewPackage(parameters=package.parameters_text, elements=tuple(found))


def _meta(job: JobRecord, by: str | None) -> str:
    try:
        meta = json.loads(job.meta or "{}")
    except ValueError:
        meta = None
    if not isinstance(meta, dict):
        raise UsageError(f"job {job.id} has a meta that is no JSON object, so it is not known on whose behalf it runs")
    return json.dumps(meta | {COPIED_KEY: {"from": job.id, "by": by}}, ensure_ascii=False)
