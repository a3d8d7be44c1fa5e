"""Settings of every tracker at the ends of their ranges, alone and together: tracked with, or refused when opened."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # noqa: TID251 - what attacks a model file takes it apart

from cdedge_runtime import BoxLike, open_tracker
from cdedge_runtime.errors import BadModel, CdedgeError
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.trackers.deepcd.settings import DeepSettings, HeadSettings
from tests.conftest import MovingSquare

from .models import resealed

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


def ready(folder: Path) -> Callable[[Rng, Path], tuple[str, str]]:
    """The judge of the models in the folder under extreme settings; one setting of three cases is out of its range."""
    bases = [(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.onnx"))]
    clip = MovingSquare(_FRAMES)

    def judge(rng: Rng, place: Path) -> tuple[str, str]:
        name, data = bases[rng.integers(len(bases))]
        outside = bool(rng.random() < 0.33)
        changed, said = _changed(data, rng, outside=outside)
        path = place / "m.onnx"
        path.write_bytes(resealed(changed))
        box = BOXES[rng.integers(len(BOXES))] if rng.random() < 0.3 else clip.box(0)
        verdict, what = _tried(path, clip, box, outside=outside)
        return verdict, f"{name} {said} on {tuple(box)}: {what}"

    return judge


def _changed(data: bytes, rng: Rng, *, outside: bool) -> tuple[bytes, str]:
    model = onnx.load_from_string(data)
    entries = {entry.key: entry for entry in model.metadata_props}
    tracker = json.loads(entries["cdedge.tracker"].value)
    places = [("cdedge.settings", (), find_kind(tracker).settings)]
    deep = json.loads(entries["cdedge.deep"].value) if "cdedge.deep" in entries else None
    if deep is not None:
        places.append(("cdedge.deep", ("settings",), DeepSettings))
        if deep["head"] is not None:
            places.append(("cdedge.deep", ("head", "settings"), HeadSettings))
    key, steps, record = places[rng.integers(len(places))]
    root = json.loads(entries[key].value)
    at = root
    for step in steps:
        at = at[step]
    chosen = _values(ends_of(record), rng, outside=outside)
    at.update(chosen)
    entries[key].value = json.dumps(root)
    return model.SerializeToString(), f"{record.__name__} {chosen}"


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
    except CdedgeError as error:
        return "refused late", f"{type(error).__name__}: {error!s:.160}"
    if not all(np.isfinite([*estimate.box, estimate.score]).all() for estimate in found):
        return "wrong in silence", f"no finite answer: {[*found[-1].box, found[-1].score]}"
    return "clean", "tracked with"
