"""One table, for what tasks write."""

from django.db import models

from packhorse.integrations.django.bases import Model


class Note(Model):
    """Something that a task has said."""

    text = models.CharField(max_length=100)
