"""Model files that were damaged, half of them sealed again: refused when opened, or tracked with, and never else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # noqa: TID251 - what attacks a model file takes it apart

from cdedge_runtime import open_tracker
from cdedge_runtime.errors import BadModel, CdedgeError
from cdedge_runtime.model import metadata
from cdedge_runtime.model.metadata import UNSEALED, seal
from tests.conftest import MovingSquare

from .tally import answered

Rng = np.random.Generator
Values = list[Any]
HOSTILE: Values = [0, -1, 1, 2, 255, 1e9, 1e-300, 1e308, 2**31, 2**62, True, None, "", "x" * 5000, "\x1b[31m", [], {}]
RAW = ["NaN", "Infinity", "1e400", "-0", "9" * 400, "[" * 3000, '"\\ud800"', "", "{}", '{"a":1,"a":2}']


def resealed(data: bytes) -> bytes:
    """A model's bytes with the seal that they ask for; as they are where they have no place for one."""
    places = list(metadata._SEAL.finditer(data))  # noqa: SLF001 - an attacker reads it too
    if not places:
        return data
    start, end = places[-1].span(1)
    return seal(data[:start] + UNSEALED.encode() + data[end:])


def ready(folder: Path) -> Callable[[Rng, int, Path], tuple[str, str]]:
    """The judge of damaged versions of the models in the folder."""
    bases = [path.read_bytes() for path in sorted(folder.glob("*.onnx"))]
    clip = MovingSquare(4)

    def judge(rng: Rng, _number: int, place: Path) -> tuple[str, str]:
        base = bases[rng.integers(len(bases))]
        sealed = bool(rng.random() < 0.5)
        data = with_wrong_values(base, rng) if sealed and rng.random() < 0.5 else damaged(base, rng)
        data = resealed(data) if sealed else data
        path = place / "m.onnx"
        path.write_bytes(data)
        return _tried(path, clip, altered=not sealed and data != base)

    return judge


def _tried(path: Path, clip: MovingSquare, *, altered: bool) -> tuple[str, str]:
    try:
        tracker = open_tracker(path, threads=1)
    except BadModel as error:
        return "clean", str(error)
    except CdedgeError as error:
        return "wrong in silence", f"a model's fault told as {type(error).__name__}: {error!s:.160}"
    if altered:
        return "wrong in silence", "an altered file was opened"
    try:
        with np.errstate(all="ignore"):
            found = [tracker.init(clip.frame(0), clip.box(0)), *(tracker.update(clip.frame(i)) for i in (1, 2, 3))]
    except CdedgeError as error:
        return "refused late", f"{type(error).__name__}: {error!s:.160}"
    return answered(found)


def damaged(data: bytes, rng: Rng) -> bytes:
    """Bytes that were changed, lost, doubled, swapped or cut off."""
    out = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        at, length = int(rng.integers(0, max(len(out), 1))), int(rng.integers(1, 40))
        match rng.integers(6):
            case 0 | 1:
                out[at : at + 1] = rng.bytes(1)
            case 2:
                del out[at : at + length]
            case 3:
                out[at:at] = out[at : at + length]
            case 4:
                out[at : at + length] = rng.bytes(length)
            case _:
                del out[at if rng.random() < 0.1 else len(out) :]
    return bytes(out)


def with_wrong_values(data: bytes, rng: Rng) -> bytes:
    """One to three values of the contract replaced, at any depth."""
    model = onnx.load_from_string(data)
    entries = [entry for entry in model.metadata_props if entry.key != "cdedge.sha256"]
    for _ in range(rng.integers(1, 4)):
        entry = entries[rng.integers(len(entries))]
        if rng.random() < 0.2:
            entry.value = RAW[rng.integers(len(RAW))].encode("utf8", "replace").decode()
            continue
        try:
            entry.value = json.dumps(_replaced(json.loads(entry.value), rng))
        except (ValueError, RecursionError):  # it was replaced by no JSON before
            continue
    return model.SerializeToString()


def _replaced(value: Any, rng: Rng) -> Any:
    if isinstance(value, (list, dict)) and value and rng.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[rng.integers(len(keys))]
        items = dict(value) if isinstance(value, dict) else list(value)
        items[key] = _replaced(value[key], rng)
        return items
    return HOSTILE[rng.integers(len(HOSTILE))]
