"""Runs 002_front_door.sql."""

from packhorse.integrations.django.bases import Migration as Base
from packhorse.integrations.django.bringing import BringUp


class Migration(Base):
    """One step of the schema."""

    atomic = False
    dependencies = (("packhorse", "0001_jobs"),)
    operations = (BringUp(2),)
