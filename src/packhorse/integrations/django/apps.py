"""What INSTALLED_APPS brings."""

from __future__ import annotations

from packhorse.integrations.django.bases import AppConfig


class PackhorseConfig(AppConfig):
    """`packhorse` among Django's applications."""

    name = "packhorse.integrations.django"
    label = "packhorse"
    verbose_name = "Packhorse"

    def ready(self) -> None:
        """Register the system checks, and name the modules of tasks; nothing is imported or opened for it."""
        from packhorse.integrations.django.application import include_modules

        include_modules()
