"""The service's unit is one that systemd takes, and its command one that cdedge takes."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done

FOLDER = Path(__file__).parents[2] / "devices"
UNIT = FOLDER / "cdedge_devices" / "systemd" / "cdedge@.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "cdedge@door.service"
    unit.write_text(UNIT.read_text().replace("/opt/cdedge/bin/cdedge", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def command_of(text: str, start: str, values: dict[str, str]) -> list[str]:
    line = next(line for line in text.splitlines() if line.strip().startswith(start))
    words = shlex.split(line.strip().removeprefix(start))
    return [values.get(word.strip("${}"), word) for word in words]


@pytest.mark.parametrize(
    ("file", "start"),
    [(UNIT, "ExecStart=/opt/cdedge/bin/cdedge"), (FOLDER / "x86" / "compose.yaml", "command:")],
)
def test_its_command_follows_a_source(
    cdedge: Callable[..., Done], tiny_model: Path, square_folder: Path, file: Path, start: str
) -> None:
    values = {"MODEL": str(tiny_model), "SOURCE": str(square_folder), "BOX": "41,51,24,20"}
    done = cdedge(*command_of(file.read_text(), start, values))
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["frame"] for line in done.stdout.splitlines()] == list(range(12))
