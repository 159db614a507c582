"""Databases as Django's settings name them."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


def django_settings(url: str) -> dict[str, Any]:
    """What Django is told of the database of that address."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path.removeprefix("/")),
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
            "TEST": {"NAME": "test.sqlite3"},
        }
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or query.get("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or query.get("host", ""),
        "PORT": str(parts.port or query.get("port", "")),
    }
