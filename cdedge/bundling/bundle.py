"""The folder, made whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from string import Template

from cdedge.outputs import check_folder
from cdedge_runtime.errors import Usage
from cdedge_runtime.files import file_sha256, made_folder, scratch_folder, whole_folder
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.model.session import read_spec

from .board import Board
from .pip import Locked, locked, our_wheel

_SUMS = "SHA256SUMS"
_UNIT = "cdedge@.service"


@dataclass(frozen=True)
class Bundle:
    """What was put together: the folder, its files with their sizes, and the device's packages."""

    folder: str
    device: str
    system: str
    architecture: str
    python: str
    files_bytes: dict[str, int]
    requirements: tuple[Locked, ...]


def bundle(model: Path, board: Board, out: Path, *, wheel: Path | None, say: Callable[[str], None]) -> Bundle:
    """Put a model and all it needs on a board into the new folder ``out``; ``say`` is told each step.

    Raises `BadModel` for a file that is no model, `Usage` where ``out`` is taken or there is no wheel, and
    `BadEnvironment` where the registry is not reachable or has no wheels for the board; then ``out`` is not there.
    """
    spec = read_spec(model)
    if os.path.lexists(out):
        raise Usage(f"-o {out}: is there already; name a new folder")
    check_folder("-o", out)
    with scratch_folder() as scratch, made_folder(out.parent), whole_folder(out) as folder:
        say("taking cdedge's wheel" if wheel else "building cdedge's wheel")
        ours = Path(shutil.copy(wheel or our_wheel(scratch), folder))
        shutil.copy(model, folder / "model.onnx")
        say(f"asking the registry for wheels: Python {board.python} on {board.architecture}")
        needs = locked(ours, board, scratch)
        (folder / "requirements.txt").write_text("".join(f"{each.line}\n" for each in needs))
        _write_parts(folder, _words(board, ours, needs, made_for(spec)))
        _write_sums(folder)
    sizes = {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    return Bundle(str(out), board.name, board.system, board.architecture, board.python, sizes, needs)


def _words(board: Board, wheel: Path, needs: tuple[Locked, ...], made_for: str) -> dict[str, str]:
    return {
        "device": board.name,
        "system": board.system,
        "architecture": board.architecture,
        "python": board.python,
        "wheel": wheel.name,
        "made_for": made_for,
        "made": date.today().isoformat(),
        "wheels": "\n".join(f"    {each.wheel}" for each in needs),
    }


def made_for(spec: ModelSpec) -> str:
    """What the checklist says of the targets that the model is for."""
    if spec.generic:
        return "The model is generic: it suits itself to the target it is given."
    box = ",".join(f"{side:g}" for side in spec.source.box)
    return f"The model was made for the box {box}: another object, or another view of it, wants an export of its own."


def _write_parts(folder: Path, words: dict[str, str]) -> None:
    """The texts of ``parts``, with this bundle's words in them, and the service's unit as it is."""
    (folder / _UNIT).write_bytes((resources.files("cdedge_devices") / "systemd" / _UNIT).read_bytes())
    for part in (resources.files(__package__) / "parts").iterdir():
        path = folder / part.name
        path.write_text(Template(part.read_text(encoding="utf-8")).substitute(words))
        if path.suffix == ".sh":
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _write_sums(folder: Path) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    (folder / _SUMS).write_text("".join(f"{file_sha256(path)}  {path.name}\n" for path in files))
