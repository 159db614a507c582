"""Other Python interpreters of this machine, with virtual environments of their own."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT

PROJECT = ROOT / "pyproject.toml"


def find_python(*versions: str) -> Path | None:
    """An interpreter of the first of these versions (`3.13`) that is on PATH, or in pyenv's folder, and starts."""
    return next((path for version in versions for path in _candidates(version) if _starts(path, version)), None)


def environment(python: Path, name: str, *requirements: str) -> Path:
    """The interpreter of a virtual environment under build/ with this project and what else is required.

    It is made at the first use, and anew when pyproject.toml has changed since.
    """
    folder = ROOT / "build" / "venvs" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    made, inside = folder / "made", folder / "bin" / "python"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists() or made.stat().st_mtime < PROJECT.stat().st_mtime:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True)
            install = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "--editable", f"{ROOT}[postgres]", *requirements], check=True)
            made.touch()
    return inside


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    if (found := shutil.which(name)) is not None:
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"), reverse=True)


def _starts(path: Path, version: str) -> bool:
    """Whether it is what it is called: pyenv has names on PATH for all its versions, in use or not."""
    ask = [str(path), "-c", "import sys, venv; print(*sys.version_info[:2], sep='.')"]
    asked = subprocess.run(ask, capture_output=True, check=False)
    return asked.stdout.decode().strip() == version
