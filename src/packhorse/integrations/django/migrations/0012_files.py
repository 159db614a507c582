"""Runs 012_files.sql."""

from collections.abc import Sequence

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies: Sequence[tuple[str, str]] = (("packhorse", "0011_queue_tables"),)
    operations: Sequence[BringUp] = (BringUp(12),)
