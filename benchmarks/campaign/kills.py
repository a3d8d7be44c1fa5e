"""Commands ended at random times: inputs stay, outputs are whole, absent or valid lines, and another run goes on."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdedge_runtime.files import is_part

from .commands import Ran, contents, run

Rng = np.random.Generator
Verdict = tuple[str, str]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
BOX: list[object] = ["--box", "40,50,24,20", "--threads", 1]
NAMES = ("track", "evaluate", "export", "serve")
_SERVED_S = 6.0


@dataclass(frozen=True)
class Attacked:
    """A command with its outputs in ``folder``, and what an undisturbed run made of it."""

    name: str
    arguments: Callable[[Path], list[object]]
    check: Callable[[Path, Path], str | None]
    seconds: float
    reference: Path


def prepared(inputs: Path, work: Path, names: Sequence[str] = NAMES) -> list[Attacked]:
    """The commands with their references."""
    model, data, clip = inputs / "models" / "deepcd.onnx", inputs / "data", inputs / "clip.avi"
    commands: list[tuple[str, Callable[[Path], list[object]], Callable[[Path, Path], str | None]]] = [
        ("track", lambda o: ["track", model, clip, *BOX, *_outputs(o)], _tracked),
        ("evaluate", lambda o: ["evaluate", "--root", data, "--model", model, "-o", o / "r"], _evaluated),
        ("export", lambda o: ["export", data / "A", "--tracker", "cacf", "-o", o / "m.onnx"], _exported),
        ("serve", lambda _: ["serve", model, clip, *BOX, "--port", 0], lambda _o, _r: None),
    ]
    made = []
    for name, arguments, check in commands:
        if name not in names:
            continue
        reference = work / f"reference-{name}"
        reference.mkdir()
        seconds = _SERVED_S
        if name != "serve":
            ran = run(*arguments(reference))
            if ran.code:
                raise RuntimeError(f"{name} does not run undisturbed: {ran.talk}")
            seconds = ran.seconds
        made.append(Attacked(name, arguments, check, seconds, reference))
    return made


def attack(attacked: Attacked, rng: Rng, inputs: Path, folder: Path) -> Verdict:
    """Run it, end it, look at what is left, and run it again."""
    before = contents(inputs)
    number = SIGNALS[rng.integers(len(SIGNALS))]
    at = float(rng.random() * attacked.seconds * 1.05)
    ran = run(*attacked.arguments(folder), kill=(at, number))
    said = f"{attacked.name}, {number.name} after {at:.2f} s"
    verdict = _left(attacked, ran, number, folder)
    if verdict is None and contents(inputs) != before:
        verdict = "destroyed", "an input changed"
    if verdict is None and attacked.name != "serve":
        again = run(*attacked.arguments(folder))
        verdict = again.fault((0,)) or _same(attacked, folder)
    return (verdict[0], f"{said}: {verdict[1]}") if verdict else ("clean", said)


def _left(attacked: Attacked, ran: Ran, number: signal.Signals, folder: Path) -> Verdict | None:
    unborn = ran.code == -number and number != signal.SIGKILL  # Python had not come to cdedge
    fault = None if unborn else ran.fault((0, 130, -number))
    if fault is not None:
        return fault
    parts = parts_in(folder)
    if parts and number != signal.SIGKILL:
        return "destroyed", f"left behind: {parts}"
    wrong = attacked.check(folder, attacked.reference)
    return ("destroyed", wrong) if wrong else None


def _same(attacked: Attacked, folder: Path) -> Verdict | None:
    wrong = attacked.check(folder, attacked.reference)
    missing = set(contents(attacked.reference)) - set(contents(folder))
    extra = parts_in(folder)
    if wrong or missing or extra:
        return "destroyed", f"run again: {wrong or ''} missing {sorted(missing)}, left over {extra}"
    return None


def _outputs(folder: Path) -> list[object]:
    return ["-o", folder / "b.txt", "--jsonl", folder / "b.jsonl", "--video", folder / "v.avi"]


def _tracked(folder: Path, reference: Path) -> str | None:
    boxes, lines, whole = folder / "b.txt", folder / "b.jsonl", (reference / "b.txt").read_text()
    if boxes.exists() and not whole.startswith(boxes.read_text()):
        return "boxes that an undisturbed run does not have"
    if lines.exists():
        for line in lines.read_text().split("\n")[:-1]:
            json.loads(line)
    return None


def _evaluated(folder: Path, reference: Path) -> str | None:
    """Every file of boxes that is there is the undisturbed run's."""
    for path in sorted(folder.rglob("*.txt")):
        other = reference / path.relative_to(folder)
        if path.name.startswith(".") or "time" in path.name:
            continue
        if other.exists() and other.read_bytes() != path.read_bytes():
            return f"{path.name} differs"
    return None


def _exported(folder: Path, reference: Path) -> str | None:
    made = folder / "m.onnx"
    if made.exists() and made.read_bytes() != (reference / "m.onnx").read_bytes():
        return "a model that an undisturbed run does not write"
    return None


def parts_in(folder: Path) -> list[str]:
    """Files that nobody has finished."""
    return [path.name for path in folder.rglob(".*") if is_part(path)]


def cleared(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
