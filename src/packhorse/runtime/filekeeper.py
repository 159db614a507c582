"""The file keeper: settles what processes have left that died with files which were to appear with a commit."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from packhorse.filestore import FileStore
from packhorse.runtime.service import Service

log: logging.Logger = logging.getLogger("packhorse.worker")


class FileKeeper(Service):
    """Runs in every worker that has files, since they are on the disk of its machine. Two at once do no harm.

    A look costs no statement while nobody has left anything.

    Args:
        files: the application's.
    """

    name: str = "file keeper"
    interval: float = 10.0

    def __init__(self, files: FileStore) -> None:
        super().__init__()
        self._files = files

    def run_once(self) -> float | None:
        """Look for what is left."""
        if count := self._files.recover():
            log.warning("settled what dead processes have left of their files: %d transactions", count)
        return None


def file_keepers(files: FileStore | None) -> Sequence[FileKeeper]:
    """The one that a worker needs, if it has files at all."""
    return [] if files is None else [FileKeeper(files)]
