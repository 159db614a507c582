"""Runs 010_batches.sql."""

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies = (("packhorse", "0009_packages"),)
    operations = (BringUp(10),)
