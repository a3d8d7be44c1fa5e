"""Commands as a shell starts them: streams that lead anywhere, outputs that name anything."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np

from .commands import contents, run

Rng = np.random.Generator
INPUTS = ("clip.avi", "model.onnx", "A")
NAMES = (
    "new.csv", "new.csv", "new.txt", "new.png", "new.webm", "clip.avi", "model.onnx", "A/img/0002.png", "link", "hard",
    "A", "missing/new.csv", "-", "/dev/stdin", "/dev/stdout", "/dev/null", "/dev/full", "\udcff.csv", "x" * 300, "",
    "log",
)  # fmt: skip
ENDS = ("new.csv", "new.txt", "log", "/dev/full", "/dev/null", "closed", "gone")  # "gone": a pipe that nobody reads
COMMANDS: dict[str, tuple[str, ...]] = {
    "track": ("-o", "--jsonl", "--video", "--preview"),
    "export": ("-o", "--save-channels", "--preview"),
    "select": ("--png",),
    "report": ("-o",),
    "inspect": (),
}


def attack(rng: Rng, inputs: Path, place: Path) -> tuple[str, str]:
    """Run one command; clean: inputs and their names as they were, and an exit code of ours without a traceback."""
    _lay_out(inputs, place)
    words = _words(rng, place)
    ends = {number: ENDS[rng.integers(len(ENDS))] for number in (1, 2) if rng.integers(3) == 0}
    if rng.integers(2):
        ends[0] = "clip.avi"
    read = {name for name in INPUTS if name == ends.get(0) or str(place / name) in words[1:3]}
    before = {name: _content(place / name) for name in read}
    ran = run(*words, before=partial(_plumb, place, ends))
    said = f"{' '.join(word.replace(str(place), '') for word in words)} {ends}: "[:300]
    if any(_content(place / name) != there for name, there in before.items()):
        return "destroyed", said
    fault = ran.fault()
    if fault is not None:
        return fault[0], said + fault[1]
    if any(path.name.startswith(".cdedge-part") for path in place.rglob("*")):
        return "wrong in silence", f"{said}a part is left"
    if "--json" in words and 1 not in ends and not _is_answer(ran.out):
        return "wrong in silence", f"{said}no answer: {ran.out[:80]!r}"
    return "clean", said


def _content(path: Path) -> object:
    return contents(path) if path.is_dir() else path.read_bytes()


def _lay_out(inputs: Path, place: Path) -> None:
    shutil.copy(inputs / "clip.avi", place)
    shutil.copy(next((inputs / "models").glob("deepcd*.onnx")), place / "model.onnx")
    shutil.copytree(inputs / "data" / "A", place / "A")
    (place / "link").symlink_to("clip.avi")
    os.link(place / "model.onnx", place / "hard")


def _words(rng: Rng, place: Path) -> list[str]:
    command = list(COMMANDS)[rng.integers(len(COMMANDS))]
    source = ("clip.avi", "A", "-")[rng.integers(3 if command == "track" else 2)]
    words = [command]
    if command in ("track", "report", "inspect"):
        words.append(str(place / "model.onnx"))
    if command != "inspect":
        words.append(source if source == "-" else str(place / source))
    if command not in ("inspect", "select"):
        words += ["--box", "30,30,40,40"]
    if command == "export":
        words += ["--tracker", "cacf"]
    if command == "report":
        words += ["--repeat", "1"]
    for option in COMMANDS[command]:
        if option == "--png" or rng.integers(2):
            name = NAMES[rng.integers(len(NAMES))]
            words += [option, name if name in ("", "-") or name.startswith("/") else str(place / name)]
    return words + ["--json"] * int(rng.integers(2))


def _plumb(place: Path, ends: dict[int, str]) -> None:
    """Have the streams lead there, in the child before it begins."""
    os.chdir(place)
    for number, end in ends.items():
        if end == "closed":
            os.close(number)
            continue
        if end == "gone":
            reader, opened = os.pipe()
            os.close(reader)
        else:
            opened = os.open(end, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)


def _is_answer(text: str) -> bool:
    try:
        return str(json.loads(text)["schema"]).startswith("cdedge.")
    except (ValueError, KeyError, TypeError):
        return False
