"""Runs 006_retention.sql."""

from collections.abc import Sequence

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies: Sequence[tuple[str, str]] = (("packhorse", "0005_job_log"),)
    operations: Sequence[BringUp] = (BringUp(6),)
