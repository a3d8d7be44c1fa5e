"""pip, asked in a process of its own: which wheels a device needs, and cdedge's own wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cdedge_runtime.errors import BadEnvironment, Usage
from cdedge_runtime.plain import plain

from .board import Board

_ASKED_S = 300
_LAST_LINES = 3
_ERROR = "ERROR: "


@dataclass(frozen=True)
class Locked:
    """One package of a device: its release, the wheel that the registry has for it, and that file's SHA-256."""

    name: str
    version: str
    wheel: str
    sha256: str

    @property
    def line(self) -> str:
        """The line of a requirements file; any registry may deliver the wheel, the checksum says whether it is it."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def locked(wheel: Path, board: Board, folder: Path) -> tuple[Locked, ...]:
    """What cdedge's wheel needs on a board, as pip resolves it; nothing is installed, ``folder`` takes its notes.

    pip looks at markers of the machine it runs on, but for the Python version; none of our requirements has others.
    Raises `BadEnvironment` where there is no pip, no registry, or no wheel for the board.
    """
    constraints, report = folder / "banned.txt", folder / "report.json"
    constraints.write_text("\n".join(board.banned))
    platforms = [word for tag in board.platforms for word in ("--platform", tag)]
    where = ["--target", str(folder / "none"), "--only-binary=:all:", "--python-version", board.python]
    notes = ["--constraint", str(constraints), "--report", str(report)]
    asked = f"resolving what Python {board.python} on {board.architecture} needs"
    _pip(asked, "install", "--dry-run", "--ignore-installed", *where, *platforms, *notes, f"{wheel}[device]")
    items = json.loads(report.read_text())["install"]
    return tuple(sorted((_locked(item) for item in items if not item["is_direct"]), key=lambda each: each.name))


def our_wheel(folder: Path) -> Path:
    """The wheel of cdedge, built in ``folder`` from the checkout that runs; raises `Usage` where that is none."""
    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").is_file():
        raise Usage("--wheel: this cdedge does not run from a checkout: give the wheel it was installed from")
    _pip("building cdedge's wheel", "wheel", "--no-deps", "--wheel-dir", str(folder), str(root))
    return next(folder.glob("cdedge-*.whl"))


def _locked(item: dict[str, Any]) -> Locked:
    info, metadata = item["download_info"], item["metadata"]
    name = unquote(urlsplit(info["url"]).path.rpartition("/")[2])
    return Locked(metadata["name"], metadata["version"], name, info["archive_info"]["hashes"]["sha256"])


def _pip(doing: str, *words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *words, "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASKED_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadEnvironment(f"{doing}: pip gave no answer in {_ASKED_S} s; is the registry reachable?") from error
    if done.returncode:
        said = [plain(line) for line in done.stderr.splitlines() if line.strip()]
        lines = [line[line.index(_ERROR) :] for line in said if _ERROR in line] or said
        raise BadEnvironment(f"{doing}: pip says: {' / '.join(lines[-_LAST_LINES:]) or 'nothing'}")
