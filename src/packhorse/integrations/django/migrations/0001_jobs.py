"""Runs 001_jobs.sql, and tells Django of the models, which are about tables that it leaves alone."""

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp, mirrored


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies: tuple[tuple[str, str], ...] = ()
    operations = (BringUp(1), *mirrored())
