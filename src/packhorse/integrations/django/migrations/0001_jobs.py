"""Runs 001_jobs.sql, and tells Django of the models, which are about tables that it leaves alone."""

from collections.abc import Sequence
from typing import Any

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp, mirrored


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies: Sequence[tuple[str, str]] = ()
    operations: Sequence[Any] = (BringUp(1), *mirrored())
