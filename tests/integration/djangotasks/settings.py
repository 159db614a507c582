"""Its settings: two of them make Django's tasks jobs. The database is that of TASKS_DATABASE_URL."""

import os
from typing import Any

import django

from tests.integration.djangotasks.databases import django_settings

SECRET_KEY = "a secret"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES: dict[str, Any] = {"default": django_settings(os.environ["TASKS_DATABASE_URL"])}
INSTALLED_APPS = ["packhorse.integrations.django", "tests.integration.djangotasks"]
if django.VERSION[0] < 6:
    INSTALLED_APPS.append("django_tasks")
TASKS = {
    "default": {"BACKEND": "packhorse.integrations.django.PackhorseBackend", "QUEUES": ["default", "mail"]},
    "atomic": {"BACKEND": "packhorse.integrations.django.PackhorseBackend", "OPTIONS": {"atomic": True}},
}
