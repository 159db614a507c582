"""Django: jobs that commit with `transaction.atomic`, and handlers that run in it.

INSTALLED_APPS = [..., "packhorse.integrations.django"]

app = application()                                 # of packhorse.integrations.django.application

send_invoice.enqueue(42)                            # in the `atomic` block that is open on the settings' alias
send_invoice.using(conn="archive").enqueue(42)      # on another connection to the same database, or its alias

TASKS = {"default": {"BACKEND": "packhorse.integrations.django.PackhorseBackend"}}

What stands here is imported when it is first used, since Django imports this package before its settings are in force.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packhorse.integrations.django.backend import PackhorseBackend
    from packhorse.integrations.django.declaring import packhorse_task
    from packhorse.integrations.django.taskoptions import packhorse_options

_PLACES = {"packhorse_task": "declaring", "PackhorseBackend": "backend", "packhorse_options": "taskoptions"}

__all__ = ["PackhorseBackend", "packhorse_options", "packhorse_task"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
