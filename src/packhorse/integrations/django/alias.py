"""Enqueue on a Django connection given by its alias."""

from __future__ import annotations

import sys

from packhorse.connection import Connection


def adapt(raw: object) -> Connection | None:
    """The adapter for an alias of a Django connection; None for anything else, and when Django is not in use."""
    if not isinstance(raw, str) or "django.db" not in sys.modules:
        return None
    from django.db import connections

    from packhorse.integrations.django.connection import DjangoConnection

    return DjangoConnection(connections[raw]) if raw in connections else None
