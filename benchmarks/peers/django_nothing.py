"""The task of `django_tasks.py`: importable by its path once Django is set up."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# What it measures is installed in an environment of its own.

from __future__ import annotations

from typing import Any

from django_tasks import task

from benchmarks.peers.django_tasks import run


def _nothing(n: int, note: str) -> None:
    run(n)


_nothing.__qualname__ = "nothing"  # the path by which workers import it
nothing: Any = task()(_nothing)
