"""The application whose work packages are measured by `benchmarks.packages`: `-A benchmarks.package_app:app`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from packhorse import Context, Packhorse, WorkPackage
from packhorse.workpackages.task import PackageTask

NAP_SECONDS = 0.005
INSERT = {"sqlite": "insert into posted (n) values (?)", "postgresql": "insert into posted (n) values (%s)"}


@dataclass(frozen=True, slots=True)
class Line:
    """A record."""

    n: int


class Measured(NamedTuple):
    """An application, and its tasks."""

    app: Packhorse
    post: PackageTask[None]
    nap: PackageTask[None]


def app() -> Packhorse:
    """The application of a worker."""
    return measured(os.environ["PACKHORSE_DATABASE_URL"]).app


def measured(url: str) -> Measured:
    """The application on a database."""
    app = Packhorse(url)
    app.record_type("line", Line, key=lambda line: str(line.n), load=_load)
    insert = INSERT[app.engine.dialect]

    @app.work_package(name="post", queue="post", each=True)
    def post(ctx: Context, line: Line) -> None:
        """An effect for each record."""
        ctx.tx.execute(insert, (line.n,))

    @app.work_package(name="nap", queue="naps")
    def nap(package: WorkPackage) -> None:
        """A small package: it looks at its record, and takes 5 ms."""
        assert sum(1 for _ in package.references()) == 1
        time.sleep(NAP_SECONDS)

    return Measured(app, post, nap)


def _load(_: Any, keys: Sequence[str]) -> Mapping[str, Line]:
    return {key: Line(int(key)) for key in keys}
