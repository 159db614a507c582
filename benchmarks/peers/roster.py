"""All peers by name."""

from __future__ import annotations

import importlib

from benchmarks.peers.peer import Peer

FILES = (
    "packhorse",
    "pgqueuer",
    "procrastinate",
    "chancy",
    "oban",
    "django_tasks",
    "awa",
    "graphile_worker",
    "pg_boss",
    "trytond",
    "huey",
    "bare_two_phase",
    "bare_sqlite",
    "bare_insert",
)
"""The files of this folder that declare peers, in the order of the report."""


def peers() -> dict[str, Peer]:
    """Each peer by its name."""
    modules = [importlib.import_module(f"benchmarks.peers.{name}") for name in FILES]
    return {peer.name: peer for module in modules for peer in module.PEERS}


def peer_named(name: str) -> Peer:
    """The peer of that name.

    Raises:
        SystemExit: there is none; the message lists them.
    """
    known = peers()
    if name not in known:
        raise SystemExit(f"there is no peer {name!r}; there are {', '.join(known)}")
    return known[name]
