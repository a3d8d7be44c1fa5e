"""Settings of every tracker at the ends of their ranges, each alone and some together: refused, or tracked with."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # noqa: TID251 - what attacks a model file takes it apart

from cdedge_runtime import BoxLike, open_tracker
from cdedge_runtime.errors import BadInput, BadModel, CdedgeError
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.model.deep_settings import DeepSettings, HeadSettings
from tests.conftest import MovingSquare

from . import mdnet
from .models import resealed
from .tally import CLEAN, answered

Rng = np.random.Generator
BOXES = ((1, 2, 3, 4), (60, 60, 1, 1), (5, 60, 150, 2), (60, 5, 2, 150), (-300, -300, 800, 800), (199, 159, 9, 9))
_FRAMES = 3


def ends_of(record: type[Any]) -> dict[str, list[Any]]:
    """Each setting's two ends, or its words."""
    hints = typing.get_type_hints(record)
    ends: dict[str, list[Any]] = {}
    for field in fields(record):
        if "cdedge.range" in field.metadata:
            ends[field.name] = [hints[field.name](end) for end in field.metadata["cdedge.range"]]
        else:
            ends[field.name] = list(typing.get_args(hints[field.name]))
    return ends


def ready(folder: Path) -> Callable[[Rng, int, Path], tuple[str, str]]:
    """The judge of the models in the folder, and of a tiny MDNet.

    The first cases are every setting of every record alone at each of its ends; then some together, or one outside.
    """
    bases = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.onnx"))}
    bases["mdnet"] = mdnet.tiny_bytes()  # an exported one takes minutes at its ends
    parts = [part for name, data in bases.items() for part in _parts(name, data)]
    alone = [(part, {name: end}) for part in parts for name, ends in ends_of(part.record).items() for end in ends]
    clip = MovingSquare(_FRAMES)

    def judge(rng: Rng, number: int, place: Path) -> tuple[str, str]:
        box, outside = clip.box(0), False
        if number < len(alone):
            part, chosen = alone[number]
        else:
            part, outside = parts[rng.integers(len(parts))], bool(rng.random() < 0.33)
            chosen = _values(ends_of(part.record), rng, outside=outside)
            box = BOXES[rng.integers(len(BOXES))] if rng.random() < 0.3 else box
        path = place / "m.onnx"
        path.write_bytes(resealed(_changed(bases[part.model], part, chosen)))
        verdict, what = _tried(path, clip, box, outside=outside)
        return verdict, f"{part.model} {part.record.__name__} {chosen} on {tuple(box)}: {what}"

    return judge


@dataclass(frozen=True)
class _Part:
    """A record of settings in a model: which one, under which key, and where in its value."""

    model: str
    record: type[Any]
    key: str = "cdedge.settings"
    steps: tuple[str, ...] = ()


def _parts(name: str, data: bytes) -> list[_Part]:
    entries = {entry.key: entry.value for entry in onnx.load_from_string(data).metadata_props}
    parts = [_Part(name, find_kind(json.loads(entries["cdedge.tracker"])).settings)]
    deep = json.loads(entries.get("cdedge.deep", "null"))
    if deep is not None:
        parts.append(_Part(name, DeepSettings, "cdedge.deep", ("settings",)))
        if deep["head"] is not None:
            parts.append(_Part(name, HeadSettings, "cdedge.deep", ("head", "settings")))
    return parts


def _changed(data: bytes, part: _Part, chosen: dict[str, Any]) -> bytes:
    model = onnx.load_from_string(data)
    entry = next(entry for entry in model.metadata_props if entry.key == part.key)
    root = json.loads(entry.value)
    at = root
    for step in part.steps:
        at = at[step]
    at.update(chosen)
    entry.value = json.dumps(root)
    return model.SerializeToString()


def _values(ends: dict[str, list[Any]], rng: Rng, *, outside: bool) -> dict[str, Any]:
    if outside:
        numbers = {name: two for name, two in ends.items() if not isinstance(two[0], str)}
        name = list(numbers)[rng.integers(len(numbers))]
        least, most = numbers[name]
        return {name: [least - 1, most + 1, most * 1000 + 1][rng.integers(3)]}
    count = [1, 1, 2, 4, len(ends)][rng.integers(5)]
    names = rng.permutation(list(ends))[:count]
    return {str(name): ends[name][rng.integers(len(ends[name]))] for name in names}


def _tried(path: Path, clip: MovingSquare, box: BoxLike, *, outside: bool) -> tuple[str, str]:
    try:
        tracker = open_tracker(path, threads=1)
    except BadModel as error:
        return "clean", f"refused: {error!s:.120}"
    if outside:
        return "wrong in silence", "taken, though out of its range"
    try:
        with np.errstate(all="ignore"):
            found = [tracker.init(clip.frame(0), box)]
            found += [tracker.update(clip.frame(index)) for index in range(1, _FRAMES)]
    except BadInput as error:
        usual = tuple(box) == tuple(clip.box(0))  # a model knows nothing of the box that will come
        return "refused late" if usual else CLEAN, f"{error!s:.160}"
    except CdedgeError as error:
        return "refused late", f"{type(error).__name__}: {error!s:.160}"
    return answered(found)
