"""The environments of peers: one folder for each set of requirements, made once and found again by its hash."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.peer import Peer

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "bench" / "venvs"
OURSELVES = (f"{ROOT}[postgres]",)
"""Our own package is built and installed as users get it, so that a run measures one state of the tree."""

AT_ONCE = 2
LAST_LINES = 3


class Unavailable(Exception):
    """A peer can't be measured on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a peer is installed, and how it is started there."""

    folder: Path
    is_node: bool

    def words(self, peer: Peer) -> list[str]:
        """The command that takes the protocol's words after it."""
        if self.is_node:
            return ["node", str(ROOT / "benchmarks" / "peers" / f"{peer.name}.cjs")]
        return [str(self.folder / "bin" / "python"), "-m", "benchmarks.peers", peer.name]

    def variables(self) -> dict[str, str]:
        """What the command needs in its environment beside the user's own."""
        return {"NODE_PATH": str(self.folder / "node_modules")} if self.is_node else {}


def prepare(peers: Sequence[Peer]) -> tuple[dict[str, Environment], dict[str, str]]:
    """The environments of the peers by their names, and why the others have none. Makes what is missing."""
    found: dict[str, Environment] = {}
    missing: dict[str, str] = {}
    places = {peer.name: _place(peer) for peer in peers}
    wanted = {places[peer.name]: peer for peer in peers}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reasons = dict(zip(wanted, pool.map(_reason_against, wanted, wanted.values()), strict=True))
    for peer in peers:
        place = places[peer.name]
        if reason := reasons[place]:
            missing[peer.name] = reason
        else:
            found[peer.name] = Environment(place, peer.is_node)
    return found, missing


def _reason_against(place: Path, peer: Peer) -> str:
    """Make the environment; why it can't be had, or nothing."""
    ready = place / ".ready"
    if ready.exists():
        return ""
    for older in place.parent.glob(f"{place.name.rpartition('-')[0]}-*"):
        shutil.rmtree(older, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        _make_for_node(place, peer) if peer.is_node else _make_for_python(place, peer)
    except Unavailable as error:
        shutil.rmtree(place, ignore_errors=True)
        return str(error)
    ready.touch()
    return ""


def _make_for_python(place: Path, peer: Peer) -> None:
    _run([str(_python(peer.python)), "-m", "venv", str(place)])
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *(peer.requirements or OURSELVES)])


def _make_for_node(place: Path, peer: Peer) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        raise Unavailable("node and npm are not installed")
    _run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(place), *peer.requirements])


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=_variables())
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-LAST_LINES:]
        raise Unavailable(f"not installed: {' '.join(said)}")


def _variables() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def _python(least: tuple[int, int]) -> Path:
    """An interpreter that is new enough: the suite's own, else one from PATH or pyenv."""
    if sys.version_info[:2] >= least:
        return Path(sys.executable)
    for candidate in _candidates(least):
        probe = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
        if probe.returncode == 0:
            return candidate
    raise Unavailable(f"needs Python {least[0]}.{least[1]} or newer on PATH")


def _candidates(least: tuple[int, int]) -> Iterator[Path]:
    for minor in range(least[1], least[1] + 5):
        if on_path := shutil.which(f"python{least[0]}.{minor}"):
            yield Path(on_path)
        yield from sorted((Path.home() / ".pyenv" / "versions").glob(f"{least[0]}.{minor}*/bin/python"))


def _place(peer: Peer) -> Path:
    digest = hashlib.sha256(repr((peer.requirements, peer.python, sys.version)).encode())
    if not peer.requirements:
        for path in _own_files():
            digest.update(path.read_bytes())
    stem = re.split(r"[\[=@]", peer.requirements[0])[0] if peer.requirements else "packhorse"
    return FOLDER / f"{stem}-{digest.hexdigest()[:12]}"


def _own_files() -> list[Path]:
    return [ROOT / "pyproject.toml", *sorted(path for path in (ROOT / "src").rglob("*.*") if path.suffix != ".pyc")]
