"""`Deferrable`: what gives a class its queue proxy, `Order.__queue__`, and its other name `Order.later`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from packhorse.errors import ConfigurationError

if TYPE_CHECKING:
    from packhorse.deferred.calls import ModelCalls
    from packhorse.deferred.proxy import Proxy

Adopt = Callable[[type], "ModelCalls"]

_classes: Final[weakref.WeakSet[type]] = weakref.WeakSet()
"""Every class below `Deferrable`, mapped or not."""
_homes: Final[weakref.WeakKeyDictionary[type, weakref.WeakMethod[Adopt]]] = weakref.WeakKeyDictionary()
"""The application that a class was given to."""
_applications: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
"""All applications of this process."""
_offers: Final[list[Callable[[], Any]]] = []
"""What makes the application of a framework's project, the last one counts."""


class _Proxies:
    """The proxy of whatever class it is asked of."""

    def __get__(self, record: object, model: type | None = None) -> Proxy:
        from packhorse.deferred.proxy import Proxy

        cls = type(record) if model is None else model
        return Proxy(lambda: home_of(cls)(cls), cls)


class Deferrable:
    """A base of classes whose methods can be called later: `class Order(Base, Deferrable)`.

        Order.__queue__.process(orders, 42)        # or Order.later.process(orders, 42)

    The records are the first argument, one or a list of them; the rest are the method's own. Options for the job are
    given to the proxy: `Order.__queue__(queue="mail", delay=timedelta(minutes=5)).process(orders, 42)`.
    """

    __queue__: ClassVar[_Proxies] = _Proxies()
    later: ClassVar[_Proxies] = _Proxies()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _classes.add(cls)


def deferrable_classes() -> list[type]:
    """Every class below `Deferrable` that no application has been given explicitly, in the order of their names."""
    free = [cls for cls in _classes if cls not in _homes]
    return sorted(free, key=lambda cls: (cls.__module__, cls.__qualname__))


def know_application(application: Any) -> None:
    """Have an application be the one whose classes are nobody else's, as long as it is the only one."""
    _applications.add(application)


def offer(make: Callable[[], Any]) -> None:
    """Say what gives the application of all classes that were given to none: that of a framework's project."""
    _offers.append(make)


def give(model: type, adopt: Adopt) -> None:
    """Say whose a class is."""
    _homes[model] = weakref.WeakMethod(adopt)


def home_of(model: type) -> Adopt:
    """What gives the calls of a class: the application that it was given to, else the project's, or the only one.

    Raises:
        ConfigurationError: it was given to none, and there is none or more than one.
    """
    given = _homes.get(model)
    adopt = given() if given is not None else None
    if adopt is not None:
        return adopt
    applications = [_offers[-1]()] if _offers else list(_applications)
    if len(applications) != 1:
        count = f"there are {len(applications)} applications" if applications else "there is no application"
        raise ConfigurationError(f"{count}: say whose {model.__qualname__} is by app.deferrable({model.__qualname__})")
    found: Adopt = applications[0].adopt
    return found
