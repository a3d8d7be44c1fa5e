"""What every reader needs: a sequence whose frames and rows agree."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from cdedge.evaluation.result_files import boxes_from_rows, malformed
from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.annotations import frame_number
from cdedge_runtime.sources.rows import Row


@dataclass(frozen=True)
class Entry:
    """A sequence that was found; ``load`` reads its annotation, or raises `BadInput`."""

    name: str
    load: Callable[[], Sequence]


def assemble(name: str, images: tuple[Path, ...], rows: list[Row], *, origin: int) -> Sequence:
    """Join images and their rows; raises `BadInput` where they cannot belong together."""
    if len(images) != len(rows):
        raise BadInput(f"{len(images)} frames but {len(rows)} annotation rows{_gap(images)}")
    boxes = boxes_from_rows(rows, origin)
    if np.isnan(boxes[0]).any():
        raise BadInput(f"the first annotation row gives no box: {','.join(map(str, rows[0])) or 'not numbers'}")
    return Sequence(name, images, boxes, origin, notes=_notes(rows))


def mark_absent(sequence: Sequence, absent: list[float], label: str) -> Sequence:
    """Make NaN rows where ``absent`` (one flag per frame, from the file ``label``) is not 0."""
    if len(absent) != len(sequence):
        raise BadInput(f"{label} has {len(absent)} flags for {len(sequence)} frames")
    if absent[0] != 0:
        raise BadInput(f"{label} says that the target is absent in the first frame")
    boxes = sequence.boxes.copy()
    boxes[np.asarray(absent) != 0] = np.nan
    return replace(sequence, boxes=boxes)


def _gap(images: tuple[Path, ...]) -> str:
    numbers = [frame_number(p) for p in images if re.search(r"\d", p.stem)]
    missing = [a + 1 for a, b in pairwise(numbers) if b > a + 1]
    return f"; frame {missing[0]} is missing" if missing else ""


def _notes(rows: list[Row]) -> tuple[str, ...]:
    wrong = malformed(rows)
    if not wrong:
        return ()
    shown = ", ".join(map(str, wrong[:5])) + (", ..." if len(wrong) > 5 else "")
    return (f"malformed annotation rows taken as absent: {shown}",)
