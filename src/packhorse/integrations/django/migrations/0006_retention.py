"""Runs 006_retention.sql."""

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies = (("packhorse", "0005_job_log"),)
    operations = (BringUp(6),)
