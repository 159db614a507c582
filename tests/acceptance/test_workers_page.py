"""docs/workers.md: the unit file is one that systemd takes, and every option that the page names is there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packhorse.cli.worker import worker
from tests.acceptance.command import ROOT

PAGE = (ROOT / "docs" / "workers.md").read_text()


def test_the_unit_file_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """As its own checker says; only the program is another one, which exists here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    match = re.search(r"```ini\n(.+?)```", PAGE, re.DOTALL)
    assert match is not None
    unit = tmp_path / "shop-worker.service"
    unit.write_text(match[1].replace("/srv/shop/.venv/bin/packhorse", sys.executable).replace("User=shop\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


def test_every_option_on_the_page_is_one_of_the_worker() -> None:
    """`--like-this`, in the text and in the examples."""
    known = {name for parameter in worker.params for name in parameter.opts}
    others = {"--init"}  # of docker

    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) - others <= known
