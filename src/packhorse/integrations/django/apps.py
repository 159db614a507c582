"""What INSTALLED_APPS brings."""

from __future__ import annotations

from packhorse.integrations.django.bases import AppConfig


class PackhorseConfig(AppConfig):
    """`packhorse` among Django's applications."""

    name = "packhorse.integrations.django"
    label = "packhorse"
    verbose_name = "Packhorse"

    def ready(self) -> None:
        """Register the system checks, and name the modules of tasks; none is imported, and no database opened.

        Models whose methods are called later belong to the project's application.
        """
        from django.core.checks import register

        from packhorse.deferred.models import offer
        from packhorse.integrations.django.application import application, include_modules
        from packhorse.integrations.django.checks import TAG, check_modules, check_settings

        register(check_settings, TAG)
        register(check_modules, TAG, deploy=True)
        include_modules()
        offer(application)
