"""What Django's admin finds."""

from __future__ import annotations

from django.contrib import admin

from packhorse.integrations.django import models
from packhorse.integrations.django.pages.jobs import FinishedPages, InboxPages, JobPages
from packhorse.integrations.django.pages.listings import BatchPages, QueuePages, SchedulePages, WorkerPages

admin.site.register(models.Job, JobPages)
admin.site.register(models.Finished, FinishedPages)
admin.site.register(models.Inbox, InboxPages)
admin.site.register(models.Queue, QueuePages)
admin.site.register(models.Worker, WorkerPages)
admin.site.register(models.Schedule, SchedulePages)
admin.site.register(models.Batch, BatchPages)
