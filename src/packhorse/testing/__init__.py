"""What tests of applications, of Packhorse itself and of other engines have in common.

The pytest plugin is found by itself and gives a test the fixture `packhorse_kit`; elsewhere `open_kit` gives the same.
What is heavy is imported when it is first used, because pytest imports this package in every run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packhorse.testing.database import open_kit
    from packhorse.testing.kit import Kit
    from packhorse.testing.seen import Drained, RunFailed, SeenJob, SeenRun

__all__ = ["Drained", "Kit", "RunFailed", "SeenJob", "SeenRun", "open_kit"]

_PLACES = {
    "Drained": "packhorse.testing.seen",
    "Kit": "packhorse.testing.kit",
    "RunFailed": "packhorse.testing.seen",
    "SeenJob": "packhorse.testing.seen",
    "SeenRun": "packhorse.testing.seen",
    "open_kit": "packhorse.testing.database",
}


def __getattr__(name: str) -> Any:
    """Import what is first asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'packhorse.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
